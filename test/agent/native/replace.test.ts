import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createCertificateStore, readAll } from '../../../agent/identity/certificate-store.ts';
import { replaceFile, replaceFileLater } from '../../../agent/native/replace.ts';

const operations = vi.hoisted((): string[] => []);

/** What reaches the disk, in order; descriptors by the file they are of. */
vi.mock('node:fs', async original => {
  const fs = await original<typeof import('node:fs')>();
  const names = new Map<number, string>();
  const nameOf = (path: unknown) => String(path).split('/').at(-1)!;
  return {
    ...fs,
    openSync: (...args: Parameters<typeof fs.openSync>) => {
      const fd = fs.openSync(...args);
      names.set(fd, nameOf(args[0]));
      return fd;
    },
    fsyncSync: (fd: number) => {
      operations.push(`sync ${names.get(fd)}`);
      fs.fsyncSync(fd);
    },
    fsync: (fd: number, done: () => void) => {
      operations.push(`sync ${names.get(fd)}`);
      fs.fsync(fd, done);
    },
    renameSync: (from: string, to: string) => {
      operations.push(`rename ${nameOf(from)} ${nameOf(to)}`);
      fs.renameSync(from, to);
    },
  };
});

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'eudaemon-replace-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  operations.length = 0;
  return made;
}
const FILE = ['sync a.json.tmp', 'rename a.json.tmp a.json'];

it('content, name and directory are on disk, in this order', () => {
  const dir = directory();
  const path = join(dir, 'a.json');
  writeFileSync(path, 'old and longer');
  replaceFile(path, 'new é', 0o640);
  expect(readFileSync(path, 'utf8')).toBe('new é');
  expect(lstatSync(path).mode & 0o777).toBe(0o640);
  expect(operations).toEqual([...FILE, `sync ${basename(dir)}`]);
  expect(readdirSync(dir)).toEqual(['a.json']);
});

it.each([
  { durable: true, wanted: true, done: FILE, content: 'new' },
  { durable: false, wanted: true, done: FILE.slice(1), content: 'new' },
  { durable: true, wanted: false, done: FILE.slice(0, 1), content: 'old' },
])('later: durable $durable, wanted $wanted', async ({ durable, wanted, done, content }) => {
  const path = join(directory(), 'a.json');
  writeFileSync(path, 'old');
  await replaceFileLater(path, 'new', durable, () => wanted);
  expect(operations).toEqual(done);
  expect(readFileSync(path, 'utf8')).toBe(content);
});

it('leaves the old one where it fails', () => {
  const path = join(directory(), 'a.json');
  writeFileSync(path, 'old');
  mkdirSync(`${path}.tmp`);
  expect(() => replaceFile(path, 'new')).toThrow(/EISDIR/);
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(operations).toEqual([]);
});

it('a death certificate outlives the agent at once, and power loss when the disk has it', async () => {
  const dir = directory();
  const store = createCertificateStore(dir, { warn: expect.unreachable });
  store.save('a', [], false);
  expect(operations).toEqual(FILE.slice(0, 1));
  expect(readdirSync(dir)).toEqual(['a.json.tmp']);
  expect(store.load('a')).toEqual({ certificates: [], told: false });
  store.save('a', [], false);
  store.save('a', [], true);
  await store.flush();
  expect(operations.slice(0, 3)).toEqual([...FILE, `sync ${basename(dir)}`]);
  expect(operations, 'of those that waited the latest').toHaveLength(6);
  expect(store.load('a')).toEqual({ certificates: [], told: true });
  expect(readdirSync(dir)).toEqual(['a.json']);
});

it('half a draft of a death certificate is no harm', () => {
  const dir = directory();
  writeFileSync(join(dir, 'a.json'), '{"version":1,"told":true,"certificates":[]}');
  writeFileSync(join(dir, 'a.json.tmp'), '{"version":1,"told":fal');
  const store = createCertificateStore(dir, { warn: expect.unreachable });
  expect(store.load('a')).toEqual({ certificates: [], told: true });
  expect(readAll(dir)).toEqual([]);
});
