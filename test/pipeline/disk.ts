// node:fs as a disk that does what a test wants of it: `vi.mock('node:fs', async original => diskOf(await original()))`.

type Fs = typeof import('node:fs');

/** Operations that change what is on the disk. */
export type Change = 'open' | 'write' | 'truncate' | 'rename' | 'unlink' | 'mkdir' | 'sync';

export const disk = {
  /** Asked before every change; what it throws is what the system says. */
  before: (_change: Change, _path: string): void => {},
  /** Bytes that go through of a write; the rest of them does not reach the disk, and the call fails. */
  limit: (_bytes: number): number => Number.POSITIVE_INFINITY,
  /** Told after every change. */
  after: (_change: Change, _path: string): void => {},
  /** Offsets below and from which nothing can be read. */
  unreadable: [0, 0] as [number, number],
  /** A directory of somebody else, of which nothing may be seen. */
  sealed: '',
  /** Free bytes, and all there are. */
  space: undefined as { free: number; size: number } | undefined,
};

/** The error Node makes of an error number. */
export const systemError = (code: string) => Object.assign(new Error(code), { code });

export function reset(): void {
  disk.before = disk.after = () => {};
  disk.limit = () => Number.POSITIVE_INFINITY;
  disk.unreadable = [0, 0];
  disk.sealed = '';
  disk.space = undefined;
}

export function diskOf(fs: Fs): Fs {
  const paths = new Map<number, string>();
  const change = <T>(what: Change, path: string, work: () => T): T => {
    disk.before(what, path);
    const result = work();
    disk.after(what, path);
    return result;
  };
  const unsealed = (path: unknown) => {
    if (disk.sealed !== '' && `${path}`.startsWith(disk.sealed)) throw systemError('EACCES');
  };
  const pathOf = (fd: number) => paths.get(fd) ?? '';
  return {
    ...fs,
    openSync(path, flags, mode) {
      unsealed(path);
      const writes = typeof flags === 'number' ? (flags & 3) !== 0 : flags !== 'r';
      const open = () => fs.openSync(path, flags, mode);
      const fd = writes ? change('open', String(path), open) : open();
      paths.set(fd, String(path));
      return fd;
    },
    writevSync(fd, buffers, position) {
      const all = Buffer.concat(buffers as Uint8Array[]);
      return change('write', pathOf(fd), () => {
        const through = Math.min(all.length, disk.limit(all.length));
        const wrote = fs.writeSync(fd, all, 0, through, position ?? null);
        if (through < all.length) throw systemError('ENOSPC');
        return wrote;
      });
    },
    writeSync: ((fd: number, data: string) =>
      change('write', pathOf(fd), () => fs.writeSync(fd, data))) as Fs['writeSync'],
    ftruncateSync: (fd, length) => change('truncate', pathOf(fd), () => fs.ftruncateSync(fd, length)),
    truncateSync: (path, length) => change('truncate', String(path), () => fs.truncateSync(path, length)),
    renameSync: (from, to) => change('rename', String(to), () => fs.renameSync(from, to)),
    unlinkSync: path => change('unlink', String(path), () => fs.unlinkSync(path)),
    mkdirSync: ((path: string, options: object) =>
      change('mkdir', path, () => fs.mkdirSync(path, options))) as Fs['mkdirSync'],
    fsync: ((fd: number, done: (error: Error | null) => void) => {
      try {
        disk.before('sync', pathOf(fd));
      } catch (error) {
        return done(error as Error);
      }
      fs.fsync(fd, error => {
        if (!error) disk.after('sync', pathOf(fd));
        done(error);
      });
    }) as Fs['fsync'],
    readdirSync: ((path: string) => {
      unsealed(path);
      return fs.readdirSync(path);
    }) as Fs['readdirSync'],
    readSync: ((fd: number, buffer: Uint8Array, at: number, length: number, position: number) => {
      const [from, to] = disk.unreadable;
      if (position >= from && position < to) throw systemError('EIO');
      const reach = position < from ? Math.min(length, from - position) : length;
      return fs.readSync(fd, buffer, at, reach, position);
    }) as Fs['readSync'],
    statfsSync: ((path: string) => {
      const { space } = disk;
      return space
        ? { bavail: space.free / 4096, blocks: space.size / 4096, bsize: 4096 }
        : fs.statfsSync(path);
    }) as Fs['statfsSync'],
  };
}
