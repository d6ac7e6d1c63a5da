// Lines that a syslog daemon wrote to a file are whose they say they are.
import { appendFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { readDaemons } from '../../../agent/config/declare.ts';
import { APPNAME } from '../../../agent/core/formats/syslog.ts';
import { isSameHost } from '../../../agent/core/host-name.ts';
import { createOrigins, LogRecord, utf8 } from '../../../agent/core/record.ts';
import { createClaims } from '../../../collectors/files/claims.ts';
import type { FilesEntry } from '../../../collectors/files/options.ts';
import { noDaemons } from '../syslog/collect.ts';
import { Rig } from './rig.ts';

const daemonOf = (name: string, logs: object) => readDaemons({ [name]: { match: { comm: name }, logs } })[0]!;

let rig: Rig;
afterEach(() => rig.remove());

const follow = (parse: FilesEntry['parse'], include = ['*.log']) => {
  rig = new Rig();
  rig.daemons = [daemonOf('web', { identifiers: ['nginx', 'php-fpm'] })];
  rig.follow({ include, start_at: 'beginning', parse });
  rig.start();
};
const write = (...lines: string[]) => {
  appendFileSync(rig.path('syslog.log'), `${lines.join('\n')}\n`);
  rig.turn(8000);
};
const owners = () =>
  rig.records.map(({ resource }) => [resource['service.name'], resource['host.name'] ?? 'ours']);

const HERE = hostname();
const T = 'Nov  1 00:00:00';

describe('a line of a syslog daemon', () => {
  it('is the daemon that its tag names, else its tag', () => {
    follow('syslog');
    write(
      `${T} ${HERE} nginx[7]: one`,
      `2026-11-01T00:00:00.123456+00:00 ${HERE.toUpperCase()} php-fpm: two`,
      `<13>1 2026-11-01T00:00:00Z ${HERE} sshd 7 - - three`,
      `${T} localhost cron[9]: four`,
      `${T} ${HERE} last message repeated 2 times`,
      'no such line',
    );
    expect(owners()).toEqual([
      ['web', 'ours'],
      ['web', 'ours'],
      ['sshd', 'ours'],
      ['cron', 'ours'],
      ['syslog.log', 'ours'],
      ['syslog.log', 'ours'],
    ]);
    expect(rig.records[0]!.attributes).toMatchObject({ 'syslog.appname': 'nginx', 'syslog.procid': '7' });
  });

  it('in a file that tells its container leaves that out of other files', () => {
    const origins = createOrigins();
    const claims = createClaims('syslog', { daemons: noDaemons, origins })!;
    const record = new LogRecord();
    record.attributes.text(APPNAME, utf8('cron'), 0, 4);
    const container = origins.of('log', undefined, undefined, [['container.id', 'c1']]);
    expect(claims.originOf(record, container).attributes).toEqual([['container.id', 'c1']]);
    expect(claims.originOf(record, origins.of('log', undefined)).attributes).toEqual([]);
  });

  it('of another host is of that host', () => {
    follow('syslog');
    write(`${T} far.example nginx: one`, `${T} far.example words`, `${T} ${HERE} nginx: two`);
    expect(owners()).toEqual([
      ['web', 'far.example'],
      ['syslog.log', 'far.example'],
      ['web', 'ours'],
    ]);
  });

  it('is whose it says within the log of a container, too', () => {
    follow({ format: 'cri', content: 'syslog' });
    write(`2026-11-01T00:00:00Z stdout F ${T} ${HERE} nginx: one`, 'junk');
    expect(owners()).toEqual([
      ['web', 'ours'],
      ['syslog.log', 'ours'],
    ]);
  });

  it('is of the daemon that declares the file, whatever it says', () => {
    rig = new Rig();
    rig.daemons = [daemonOf('gate', { files: [rig.path('syslog.log')], parse: 'syslog' })];
    rig.start();
    write(`${T} far.example nginx: one`);
    expect(owners()).toEqual([['gate', 'ours']]);
  });

  it('follows a reload', () => {
    follow('syslog');
    write(`${T} ${HERE} nginx: one`);
    rig.daemons = [daemonOf('other', { identifiers: ['nginx'] })];
    write(`${T} ${HERE} nginx: two`);
    expect(owners().map(([service]) => service)).toEqual(['web', 'other']);
  });
});

it.each([
  ['web', 'web', true],
  ['WEB', 'web', true],
  ['localhost', 'web', true],
  ['web.example', 'web', true],
  ['web', 'web.example', true],
  ['web.a.example', 'web.b.example', false],
  ['web2', 'web', false],
])('%j is the host %j: %j', (claimed, own, same) => {
  expect(isSameHost(claimed, own)).toBe(same);
});
