// The resource of this host: a fixture root, and what the environment says about it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { identifyHost, resourceAttributes } from '../../../agent/identity/host.ts';

const root = mkdtempSync(join(tmpdir(), 'eudaemon-host-'));
mkdirSync(join(root, 'etc'));
writeFileSync(join(root, 'etc/hostname'), 'node-7\n');
writeFileSync(join(root, 'etc/machine-id'), '0123456789abcdef0123456789abcdef\n');
afterAll(() => rmSync(root, { recursive: true }));

const of = (env: Record<string, string>) => Object.fromEntries(identifyHost(root, env));

it('is what the root says', () => {
  expect(of({})).toMatchObject({ 'host.name': 'node-7', 'host.id': '0123456789abcdef0123456789abcdef' });
});
it('has what OTEL_RESOURCE_ATTRIBUTES adds or corrects, but no service of it', () => {
  const found = of({
    OTEL_RESOURCE_ATTRIBUTES:
      'deployment.environment.name=prod, host.name=alias,service.name=agent,service.version=1',
  });
  expect(found).toMatchObject({ 'deployment.environment.name': 'prod', 'host.name': 'alias' });
  expect(Object.keys(found).filter(key => key.startsWith('service.'))).toEqual([]);
});

const cases: [text: string, attributes: [string, string][]][] = [
  ['', []],
  [' , ', []],
  ['a=1', [['a', '1']]],
  [
    'a=1,b=x%2Cy%20z',
    [
      ['a', '1'],
      ['b', 'x,y z'],
    ],
  ],
  ['a=b=c', [['a', 'b=c']]],
  ['a=', [['a', '']]],
  ['a', []],
  ['=1', []],
  ['a=1,b', []],
  ['a=%zz', []],
];
it.each(cases)('%j', (text, attributes) => {
  expect(resourceAttributes(text)).toEqual(attributes);
});
