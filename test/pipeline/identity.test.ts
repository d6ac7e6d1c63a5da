import { expect, it } from 'vitest';
import { readDaemons } from '../../agent/config/declare.ts';
import { createOrigins } from '../../agent/core/record.ts';
import { identityOf } from '../../agent/pipeline/identity.ts';

const [web, db] = readDaemons({
  web: { match: { systemd_unit: 'nginx' }, labels: { team: 'w' } },
  db: { match: { comm: 'postgres' } },
});

it('tells instance, unit and labels of a declared daemon', () => {
  expect(identityOf(web, 'node-1')).toEqual([
    ['service.instance.id', 'node-1'],
    ['systemd.unit.name', 'nginx.service'],
    ['team', 'w'],
  ]);
  expect(identityOf(db, 'node-1')).toEqual([['service.instance.id', 'node-1']]);
  expect(identityOf(db, undefined)).toEqual([]);
  expect(identityOf(undefined, 'node-1')).toEqual([]);
});

it('is on the origin of each of its records, of whatever host', () => {
  const origins = createOrigins(10, (name, host) =>
    identityOf(name === 'db' ? db : undefined, host ?? 'node-1'),
  );
  const instance = (daemon: string | undefined, host?: string) =>
    Object.fromEntries(origins.of('x', daemon, host, [['k', 'v']]).attributes);
  expect(instance('db')).toEqual({ 'service.instance.id': 'node-1', k: 'v' });
  expect(instance('db', 'far')).toEqual({ 'service.instance.id': 'far', k: 'v' });
  expect(instance(undefined)).toEqual({ k: 'v' });
});
