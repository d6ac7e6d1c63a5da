// Texts of /proc and /etc that tell who a process is, in the forms kernels and systemd give them.
import { describe, expect, it } from 'vitest';
import {
  parseBound,
  parseCgroup,
  parseChosenPorts,
  parseListeners,
  parsePasswd,
  parseUid,
} from '../../../agent/identity/parse.ts';

const ID = '0123456789abcdef'.repeat(4);

describe('parseCgroup', () => {
  const units: [text: string, unit: string | undefined, container?: string][] = [
    ['0::/system.slice/nginx.service\n', 'nginx.service'],
    [
      '0::/user.slice/user-1000.slice/user@1000.service/gnome-terminal-server.service\n',
      'gnome-terminal-server.service',
    ],
    ['0::/system.slice/docker.service/payload\n', 'docker.service'],
    ['10:rdma:/\n3:cpu,cpuacct:/user.slice/user-1000.slice/session-10.scope\n', 'session-10.scope'],
    ['3:cpu:/other.service\n1:name=systemd:/system.slice/cron.service\n', 'cron.service'],
    ['1:name=systemd:/system.slice/cron.service\n0::/\n', 'cron.service'],
    [`0::/system.slice/docker-${ID}.scope\n`, `docker-${ID}.scope`, ID],
    [`4:memory:/docker/${ID}\n0::/\n`, undefined, ID],
    [`0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-${ID}.scope\n`, `cri-containerd-${ID}.scope`, ID],
    ['0::/../../../system.slice/sshd.service\n', 'sshd.service'],
    ['0::/\n', undefined],
    ['a:cpu:/system.slice/x.service\n', undefined],
    ['', undefined],
    ['0::/system.slice/x.servicefile\n', undefined],
  ];
  it.each(units)('reads %j', (text, unit, container) => {
    expect(parseCgroup(text).unit).toBe(unit);
    expect(parseCgroup(text).container).toBe(container);
  });

  it('keeps every path, without the way out of a namespace', () => {
    expect(parseCgroup('2:a:/x:y\n1:b,c:/\n0::/../..\nbad\n').paths).toEqual(['/', '/x:y', '/']);
  });
});

it.each([
  ['Name:\tx\nUid:\t0\t33\t0\t0\n', 33],
  ['Uid:   1000    1001    0   0', 1001],
  ['Name:\tUid:\t1\t2\n', undefined],
  ['', undefined],
])('the effective uid in %j is %s', (text, uid) => expect(parseUid(text)).toBe(uid));

it('users of a passwd file', () => {
  const text = 'root:x:0:0:root:/root:/bin/sh\n# no:x:1:\n\nwww-data:x:33:33::/:\nbroken:x:y:\n+::::::\n';
  expect([...parsePasswd(text)]).toEqual([
    ['root', 0],
    ['www-data', 33],
  ]);
});

describe('parseListeners', () => {
  const line = (address: string, state: string, inode: number) =>
    `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0\n`;
  const head =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

  it('finds the inodes of ports in both families', () => {
    const ports = new Map<number, Set<string>>();
    const v4 = head + line('00000000:0050', '0A', 11) + line('0100007F:1F90', '0A', 12);
    const v6 = head + line('00000000000000000000000000000000:0050', '0A', 13);
    expect(parseListeners(v4, ports).done).toBe(false);
    expect(parseListeners(v6, ports).done).toBe(false);
    expect([...ports]).toEqual([
      [80, new Set(['11', '13'])],
      [8080, new Set(['12'])],
    ]);
  });

  it('is done at the first connection', () => {
    const ports = new Map<number, Set<string>>();
    const text =
      head +
      line('00000000:0050', '0A', 11) +
      line('00000000:0050', '01', 12) +
      line('00000000:0051', '0A', 13);
    expect(parseListeners(text, ports).done).toBe(true);
    expect([...ports]).toEqual([[80, new Set(['11'])]]);
  });

  it.each(['', 'x\n', '0: short\n', head])('takes %j', text => {
    const ports = new Map<number, Set<string>>();
    expect(parseListeners(text, ports)).toEqual({ done: false });
    expect(ports.size).toBe(0);
  });
});

describe('UDP', () => {
  const line = (local: string, remote: string, state: string, inode: number) =>
    ` 8749: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 2 00000000c7c0481e 0       \n`;
  const zeros = '0'.repeat(32);

  it('finds the ports of sockets that are bound, in both families', () =>
    expect([
      ...parseBound(
        '   sl  local_address rem_address   st tx_queue\n' +
          line('0100007F:007B', '00000000:0000', '07', 11) +
          line('00000000:9C40', '0100007F:0035', '01', 12) +
          line(`${zeros}:007B`, `${zeros}:0000`, '07', 13),
      ),
    ]).toEqual([
      ['11', 123],
      ['13', 123],
    ]));

  it.each([
    ['1024\t65535\n', 1024, 65_535],
    ['', 32_768, 60_999],
    ['x', 32_768, 60_999],
  ])('%j are chosen from %i to %i', (text, first, last) =>
    expect(parseChosenPorts(text)).toEqual({ first, last }),
  );
});
