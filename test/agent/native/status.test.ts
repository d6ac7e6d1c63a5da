// The status of files by statx and by Node: the same to the bit, for identities are compared across both.
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadNative, type Native } from '../../../agent/native/index.ts';
import type { Libc } from '../../../agent/native/libc.ts';
import { createStatusOf } from '../../../agent/native/status.ts';

const dir = mkdtempSync(join(tmpdir(), 'eudaemon-status-'));
afterAll(() => rmSync(dir, { recursive: true }));
const at = (name: string) => join(dir, name);
writeFileSync(at('file'), 'text');
writeFileSync(at('grün'), '');
writeFileSync(at('old'), '');
utimesSync(at('old'), -1.5, -1.5);
mkdirSync(at('directory'));
symlinkSync('file', at('link'));
symlinkSync('nowhere', at('broken'));
symlinkSync('loop', at('loop'));

const native = loadNative();
/** A kernel or a filter that knows no statx. */
const without = { libc: { statx: (() => -1) as Libc['statx'] } } as Native;

describe.each<[string, Native | undefined]>([
  ['by statx', native],
  ['without native functions', undefined],
  ['where statx is refused', without],
])('%s', (_, given) => {
  const statusOf = createStatusOf(given);

  it.each(['file', 'grün', 'old', 'directory', 'link', '/dev/null', '/proc/self/status', '/'])(
    '%s is what Node says',
    name => {
      const path = name.startsWith('/') ? name : at(name);
      const stats = statSync(path);
      expect({ ...statusOf(path), ...(name.startsWith('/proc') && { birth: 0, mtime: 0 }) }).toEqual({
        dev: stats.dev,
        ino: stats.ino,
        birth: name.startsWith('/proc') ? 0 : stats.birthtimeMs,
        links: stats.nlink,
        size: stats.size,
        mtime: name.startsWith('/proc') ? 0 : stats.mtimeMs,
      });
    },
  );

  it.each(['none', 'file/none', 'broken'])('%s is not there', name => {
    expect(statusOf(at(name))).toBeUndefined();
  });

  it('what cannot be told is thrown as Node does', () => {
    expect(() => statusOf(at('loop'))).toThrow(/^ELOOP: .*, stat/);
  });
});

it('devices and sizes beyond 32 bits are what the kernel says', () => {
  const statx: Libc['statx'] = (_call, _fd, _path, _flags, _mask, into) => {
    const view = new DataView(into.buffer, into.byteOffset);
    view.setBigUint64(40, 0x20_0000_0001n, true);
    view.setBigUint64(32, 0x1f_ffff_ffff_fffen, true);
    view.setUint32(136, 0x103, true);
    view.setUint32(140, 0x12345, true);
    return 0;
  };
  const status = createStatusOf({ libc: { statx } } as Native)('/any');
  // makedev(0x103, 0x12345) of glibc.
  expect(status).toMatchObject({ size: 2 ** 37 + 1, ino: 2 ** 53 - 2, dev: 0x12310345 });
});
