// What was found, as it is declared: by what is the same the next time.
import { expect, it } from 'vitest';
import { createPatterns } from '../../../agent/config/patterns.ts';
import { declare } from '../../../agent/identity/declare.ts';
import type { Discovered } from '../../../agent/identity/discover.ts';

const found = { name: 'a', logs: [], supervisor: false };

it.each([
  [{ exe: '/usr/bin/a', comm: 'a' }, { exe: '/usr/bin/a' }],
  [
    { exe: '/usr/bin/b', comm: 'a' },
    { exe: '/usr/bin/b', comm: 'a' },
  ],
  [{ exe: '/usr/bin/b', comm: 'a', unit: 'a.service' }, { systemd_unit: 'a.service' }],
  [
    { comm: 'node-MainThread', program: 'shop', script: '/srv/shop.js' },
    { comm: 'node-MainThread', cmdline: ' /srv/shop\\.js( |$)' },
  ],
  [{ comm: 'memfd:sealed-91', program: 'a.out' }, { cmdline: '^(\\S*/)?a\\.out( |$)' }],
  [{ comm: 'memfd:sealed-91' }, undefined],
  [{}, undefined],
])('%j by %j', (of, match) => {
  const declared = declare([{ ...found, ...of } as unknown as Discovered], [], createPatterns());
  expect(declared['a']?.match).toEqual(match);
});
