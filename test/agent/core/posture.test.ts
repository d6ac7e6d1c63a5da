// How processes run, out of /proc as kernels old and new, confined and not, have it, and what may not be read.
import { describe, expect, it } from 'vitest';
import {
  amountOf,
  CAPABILITIES,
  namesById,
  parseCapabilities,
  readPosture,
  tellCapabilities,
  tellPosture,
} from '../../../agent/core/posture.ts';

const STATUS = `Name:\tredis-server
Uid:\t0\t112\t112\t112
Gid:\t0\t118\t118\t118
Groups:\t4 118 
CapInh:\t0000000000000000
CapEff:\t0000000000000400
NoNewPrivs:\t1
Seccomp:\t2
`;
const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             unlimited            7                    processes
Max open files            1024                 4096                 files
Max core file size        0                    unlimited            bytes
Max locked memory         8388608              8388608              bytes
Max address space         unlimited            unlimited            bytes
Max nice priority         0                    0
`;

const postureOf = (files: Record<string, string>, links: Record<string, string> = {}) =>
  readPosture(
    {
      file: name => files[name],
      link: name => links[name],
      podLogs: () => ['web_shop-7_11111111-2222-3333-4444-555555555555', 'x'],
      linkOfFirst: name => (name === 'ns/net' || name === 'ns/mnt' ? `${name}:[1]` : undefined),
      user: uid => ({ 112: 'redis' })[uid],
      group: gid => ({ 4: 'adm' })[gid],
    },
    { session: 7, terminal: 0 },
  );

describe('a posture', () => {
  it('is that of the effective user, shut in as the kernel says', () => {
    const posture = postureOf(
      { status: STATUS, limits: LIMITS, 'attr/current': 'docker-default (enforce)\n' },
      { root: '/srv/jail', 'ns/net': 'ns/net:[2]', 'ns/mnt': 'ns/mnt:[1]' },
    );
    expect(posture).toEqual({
      user: 'redis',
      groups: ['118', 'adm'],
      capabilities: ['CAP_NET_BIND_SERVICE'],
      noNewPrivs: true,
      seccomp: 'filter',
      label: 'docker-default (enforce)',
      confinement: 'apparmor',
      namespaces: ['net'],
      container: undefined,
      pod: undefined,
      chroot: '/srv/jail',
      terminal: false,
      session: 7,
      limits: {
        open_files: { soft: 1024, hard: 4096 },
        processes: { soft: 'unlimited', hard: 7 },
        core_bytes: { soft: 0, hard: 'unlimited' },
        locked_memory_bytes: { soft: 8_388_608, hard: 8_388_608 },
        address_space_bytes: { soft: 'unlimited', hard: 'unlimited' },
      },
    });
    expect(Object.fromEntries(tellPosture(posture))).toEqual({
      user: 'redis',
      groups: '118 adm',
      capabilities: 'CAP_NET_BIND_SERVICE',
      no_new_privs: 'on',
      seccomp: 'filter',
      confinement: 'docker-default (enforce)',
      namespaces: 'net',
      chroot: '/srv/jail',
      terminal: 'none',
      limits:
        'processes unlimited, open files 1024, core 0 B, locked memory 8.0 MiB, address space unlimited',
    });
  });

  it('of a kernel that tells little, or not us, is unknown where it is not told', () => {
    expect(postureOf({})).toEqual({
      user: undefined,
      groups: undefined,
      capabilities: undefined,
      noNewPrivs: undefined,
      seccomp: undefined,
      label: undefined,
      confinement: 'none',
      namespaces: undefined,
      container: undefined,
      pod: undefined,
      chroot: undefined,
      terminal: false,
      session: 7,
      limits: {},
    });
    expect(postureOf({ status: 'Gid:\t4\t4\nGroups:\t \nNStgid:\t9\n' }).groups).toEqual(['adm']);
    expect(postureOf({ status: 'Uid:\t0\t5\nSeccomp:\t9\nCapEff:\tzz\n' })).toMatchObject({
      user: '5',
      seccomp: undefined,
      capabilities: [],
    });
  });

  it.each([
    ['unconfined\n', 'none'],
    ['unconfined', 'none'],
    ['system_u:system_r:httpd_t:s0\0', 'selinux'],
    ['unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023\0', 'none'],
    ['/usr/sbin/named (enforce)\n', 'apparmor'],
    ['snap.lxd.daemon (complain)', 'apparmor'],
    ['firefox (unconfined)', 'none'],
    ['\n', 'none'],
    ['', 'none'],
  ])('labelled %j is confined by %s', (label, confinement) =>
    expect(postureOf({ 'attr/current': label }).confinement).toBe(confinement),
  );

  it.each([
    ['0000000000000000', 'none', []],
    ['0000000000000001', 'some', ['CAP_CHOWN']],
    ['8000000000000000', 'some', ['CAP_63']],
    ['000001ffffffffff', 'all', CAPABILITIES],
    ['0000003fffffffff', 'all', CAPABILITIES.slice(0, 38)],
    ['000001fffeffffff', 'some', CAPABILITIES.filter(name => name !== 'CAP_SYS_RESOURCE')],
    ['', 'none', []],
    ['-1', 'none', []],
    ['11111111111111111', 'none', []],
  ])('capabilities %s are %s', (mask, amount, names) => {
    expect(parseCapabilities(mask)).toEqual(names);
    expect(amountOf(parseCapabilities(mask))).toBe(amount);
  });

  const ID = '0123456789abcdef'.repeat(4);
  const UID = '11111111-2222-3333-4444-555555555555';
  it.each([
    [`0::/docker/${ID}`, ID, undefined],
    [`0::/system.slice/docker-${ID}.scope`, ID, undefined],
    [`9:memory:/kubepods/burstable/pod${UID}/${ID}`, ID, 'web/shop-7'],
    [
      `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID.replaceAll('-', '_')}.slice/cri-containerd-${ID}.scope`,
      ID,
      'web/shop-7',
    ],
    [`0::/../pod${UID.replace('1', '2')}/crio-${ID}.scope`, ID, UID.replace('1', '2')],
    ['2:cpu:/\n0::/system.slice/podman.service', undefined, undefined],
    [`0::/kubepods/pod${UID}x/${ID}0`, undefined, undefined],
    ['', undefined, undefined],
  ])('in the control group %s', (cgroup, container, pod) =>
    expect(postureOf({ cgroup })).toMatchObject({ container, pod }),
  );

  it('names are the first of an id; broken lines are none', () =>
    expect([...namesById('root:x:0:0:::\ntoor:x:0:0:::\n# a:x:1:\nb:x:\n:x:3:\nc:x:4:\n')]).toEqual([
      [0, 'root'],
      [4, 'c'],
    ]));
});

describe('capabilities in words', () => {
  const all = CAPABILITIES.slice(0, 41);
  it.each([
    ['none', [], 'none'],
    ['all', all, 'all'],
    ['all of an older kernel', all.slice(0, 38), 'all'],
    ['nearly all', all.filter(each => each !== 'CAP_SYS_RESOURCE'), 'all but CAP_SYS_RESOURCE'],
    ['some', ['CAP_CHOWN', 'CAP_KILL'], 'CAP_CHOWN CAP_KILL'],
    ['more than half', all.slice(0, 29), all.slice(0, 29).join(' ')],
  ])('%s', (_, capabilities, words) => expect(tellCapabilities(capabilities)).toBe(words));
});
