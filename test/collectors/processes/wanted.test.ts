// What programs must be to concern the declared daemons.
import { expect, it } from 'vitest';
import type { MatchSpec } from '../../../agent/core/daemon.ts';
import { wantedOf } from '../../../collectors/processes/wanted.ts';

const NONE = { all: false, exes: [], comms: [], cgroups: [], cmdline: false, uid: false, cgroup: false };

it.each<[what: string, matches: MatchSpec[], wanted: object]>([
  ['nobody', [], NONE],
  ['a file and where its link leads', [{ exe: '/link' }], { ...NONE, exes: ['/link', '/real'] }],
  ['a file that is not there', [{ exe: '/gone' }], { ...NONE, exes: ['/gone'] }],
  ['one key of several', [{ exe: '/gone', pidfile: '/p', comm: 'd' }], { ...NONE, exes: ['/gone'] }],
  [
    'a name as the kernel cuts it',
    [{ comm: 'prometheus-node-exporter' }],
    { ...NONE, comms: ['prometheus-node'] },
  ],
  ['a unit', [{ systemd_unit: 'd' }], { ...NONE, cgroups: ['d'], cgroup: true }],
  ['a group', [{ cgroup: '/s/d/' }], { ...NONE, cgroups: ['/s/d'], cgroup: true }],
  ['every group', [{ cgroup: '/' }], { ...NONE, all: true, cgroup: true }],
  [
    'a pidfile, which no program shows',
    [{ pidfile: '/p' }, { comm: 'd' }],
    { ...NONE, all: true, comms: ['d'] },
  ],
  ['arguments', [{ cmdline: 'x' }], { ...NONE, all: true, cmdline: true }],
  ['a user', [{ user: 'x', comm: 'd' }], { ...NONE, comms: ['d'], uid: true }],
])('%s', (_, matches, wanted) => {
  const declared = matches.map(match => ({ match }));
  expect(wantedOf(declared, path => (path === '/link' ? '/real' : undefined))).toEqual(wanted);
});
