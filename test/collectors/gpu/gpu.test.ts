// GPUs as a small library of our own tells them: two devices, one that is old, and daemons by pid.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { SamplerRoom } from '../../../agent/core/collector.ts';
import { createLatest } from '../../../agent/core/meter.ts';
import { prometheusName } from '../../../agent/core/metric.ts';
import { create } from '../../../collectors/gpu/index.ts';
import { find, have } from '../../tools.ts';

const directory = mkdtempSync(join(tmpdir(), 'eudaemon-nvml-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Device 0 has 70 processes more than fit at first, one twice and one untold; device 1 answers nothing but its name. */
const FAKE = `int snprintf(char *, unsigned long, const char *, ...);
typedef struct { unsigned pid; unsigned long long used; unsigned gi, ci; } info;
int nvmlInit_v2(void) { return INIT; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *n) { *n = 3; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { if (i == 2) return 6; *d = (void *)(long)(0x1000 + i); return 0; }
static int old(void *d) { return (long)d == 0x1001; }
int nvmlDeviceGetUUID(void *d, char *s, unsigned n) { snprintf(s, n, "GPU-%ld", (long)d - 0x1000); return 0; }
int nvmlDeviceGetName(void *d, char *s, unsigned n) { snprintf(s, n, "Fake H100"); return 0; }
int nvmlDeviceGetUtilizationRates(void *d, unsigned *u) { if (old(d)) return 3; u[0] = 75; u[1] = 5; return 0; }
int nvmlDeviceGetMemoryInfo(void *d, unsigned long long *m) {
  if (old(d)) return 3; m[0] = 80000000000; m[1] = 60000000000; m[2] = 20000000000; return 0; }
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory;
#if DRIVER >= 510
int nvmlDeviceGetMemoryInfo_v2(void *d, memory *m) {
  if (m->version != (sizeof *m | 2 << 24)) return 25;
  if (old(d)) return 3; m->total = 80000000000; m->reserved = 500000000; m->used = 19500000000; return 0; }
#endif
int nvmlDeviceGetComputeRunningProcesses_v3(void *d, unsigned *n, info *p) {
  if (old(d)) return 3;
  unsigned room = *n; *n = 70; if (room < 70) return 7;
  for (unsigned i = 0; i < 70; i++) { p[i].pid = 100 + i; p[i].used = 1000; }
  p[69].used = ~0ull; return 0; }
int nvmlDeviceGetGraphicsRunningProcesses_v3(void *d, unsigned *n, info *p) {
  if (old(d)) return 3; *n = 1; p[0].pid = 100; p[0].used = 1000; return 0; }
`;

function build(name: string, init: number, driver = 580): string {
  const source = join(directory, `${name}.c`);
  const library = join(directory, `${name}.so`);
  writeFileSync(source, FAKE);
  execFileSync(find('gcc')!, [
    '-shared',
    '-fPIC',
    '-nostdlib',
    `-DINIT=${init}`,
    `-DDRIVER=${driver}`,
    '-o',
    library,
    source,
  ]);
  return library;
}

function look(library: string) {
  const daemons: Record<number, string> = { 100: 'vllm', 101: 'vllm', 102: 'triton', 169: 'untold' };
  const room = { name: 'gpu', daemons: { ofPid: (pid: number) => daemons[pid] } } as unknown as SamplerRoom;
  const [sampler] = create({ interval: 1000, library }, room);
  if (!sampler) return undefined;
  const latest = createLatest();
  latest.begin();
  void sampler.sample(latest, new AbortController().signal);
  latest.end();
  void sampler.close?.();
  return Object.fromEntries(
    [...latest.families()].flatMap(({ desc, points }) =>
      [...points].map(({ labels, value }) => [[prometheusName(desc), ...labels].join(), value]),
    ),
  );
}

if (have('gcc'))
  it('tells devices and joins processes to daemons; what is not told is absent', () =>
    expect(look(build('full', 0))).toEqual({
      'eudaemon_gpu_utilization_ratio,GPU-0,Fake H100': 0.75,
      'eudaemon_gpu_memory_usage_bytes,GPU-0,Fake H100': 19.5e9,
      'eudaemon_gpu_memory_limit_bytes,GPU-0,Fake H100': 80e9,
      'eudaemon_gpu_memory_utilization_ratio,GPU-0,Fake H100': 19.5 / 80,
      'eudaemon_daemon_gpu_memory_bytes,vllm,GPU-0': 2000,
      'eudaemon_daemon_gpu_memory_bytes,triton,GPU-0': 1000,
    }));

if (have('gcc'))
  it('an old driver counts what it keeps for itself as used', () =>
    expect(look(build('old', 0, 470))).toMatchObject({
      'eudaemon_gpu_memory_usage_bytes,GPU-0,Fake H100': 20e9,
    }));

if (have('gcc'))
  it('a library without a driver behind it is quietly none', () =>
    expect(look(build('driverless', 9))).toBeUndefined());

it.each(['libno-such-thing.so.1', '/dev/null', '/etc/passwd'])('%j is quietly none', library =>
  expect(look(library)).toBeUndefined(),
);
