// NVIDIA's management library, loaded where a driver brought it; nothing is linked. Source: NVML API reference, nvml.h.

import { createRequire } from 'node:module';

export interface GpuProcess {
  readonly pid: number;
  /** Undefined where the driver does not tell it. */
  readonly usedBytes: number | undefined;
}

/** What a device does not offer is undefined. */
export interface Gpu {
  readonly uuid: string;
  readonly model: string;
  /** Shares of time, 0 to 1, over the driver's last period. */
  readonly utilization: { readonly gpu: number; readonly memory: number } | undefined;
  readonly memory: { readonly totalBytes: number; readonly usedBytes: number } | undefined;
  /** Compute and graphics, each pid once. */
  readonly processes: readonly GpuProcess[];
}

export interface Nvml {
  /** Every device now, in the driver's order. */
  gpus(): Gpu[];
  close(): void;
}

const SUCCESS = 0;
const INSUFFICIENT_SIZE = 7;
/** nvmlProcessInfo_v2_t: pid, padding, used bytes, GPU and compute instance. */
const PROCESS_BYTES = 24;
/**
 * nvmlMemory_v2_t: version and size, total, reserved, free, used. The first version, of drivers before 510, counts what the
 * driver keeps for itself as used.
 */
const MEMORY_BYTES = 40;
const NOT_AVAILABLE = 0xffff_ffff_ffff_ffffn;
const NAME_BYTES = 96;
const FIRST_PROCESSES = 64;
const MAX_PROCESSES = 16_384;

/** Undefined where there is no such library or no driver behind it. */
export function openNvml(library: string): Nvml | undefined {
  try {
    return bind(library);
  } catch {
    return undefined;
  }
}

function bind(library: string): Nvml | undefined {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const lib = koffi.load(library);
  const call = (name: string, ...args: string[]) =>
    lib.func(name, 'int', args) as (...values: unknown[]) => number;
  /** Undefined for a driver too old to have it. */
  const maybe = (name: string, ...args: string[]) => {
    try {
      return call(name, ...args);
    } catch {
      return undefined;
    }
  };
  const init = call('nvmlInit_v2');
  const shutdown = call('nvmlShutdown');
  const count = call('nvmlDeviceGetCount_v2', 'uint8_t *');
  const handle = call('nvmlDeviceGetHandleByIndex_v2', 'uint', 'uint8_t *');
  const uuid = call('nvmlDeviceGetUUID', 'uintptr', 'uint8_t *', 'uint');
  const name = call('nvmlDeviceGetName', 'uintptr', 'uint8_t *', 'uint');
  const utilization = maybe('nvmlDeviceGetUtilizationRates', 'uintptr', 'uint8_t *');
  const memory = maybe('nvmlDeviceGetMemoryInfo_v2', 'uintptr', 'uint8_t *');
  const olderMemory = maybe('nvmlDeviceGetMemoryInfo', 'uintptr', 'uint8_t *');
  const running = ['Compute', 'Graphics'].flatMap(
    kind => maybe(`nvmlDeviceGet${kind}RunningProcesses_v3`, 'uintptr', 'uint8_t *', 'uint8_t *') ?? [],
  );
  if (init() !== SUCCESS) return undefined;

  const text = (read: typeof uuid, device: number): string => {
    const buf = Buffer.alloc(NAME_BYTES);
    if (read(device, buf, buf.length) !== SUCCESS) return '';
    return buf.toString('utf8', 0, Math.max(0, buf.indexOf(0)));
  };
  const pairOf = (device: number): Gpu['utilization'] => {
    const buf = Buffer.alloc(8);
    if (utilization?.(device, buf) !== SUCCESS) return undefined;
    return { gpu: buf.readUInt32LE(0) / 100, memory: buf.readUInt32LE(4) / 100 };
  };
  const memoryOf = (device: number): Gpu['memory'] => {
    const buf = Buffer.alloc(MEMORY_BYTES);
    const numberAt = (at: number) => Number(buf.readBigUInt64LE(at));
    buf.writeUInt32LE(MEMORY_BYTES | (2 << 24));
    if (memory?.(device, buf) === SUCCESS) return { totalBytes: numberAt(8), usedBytes: numberAt(32) };
    if (olderMemory?.(device, buf) !== SUCCESS) return undefined;
    return { totalBytes: numberAt(0), usedBytes: numberAt(16) };
  };
  const processesOf = (read: typeof uuid, device: number): GpuProcess[] => {
    const size = Buffer.alloc(4);
    for (let room = FIRST_PROCESSES; room <= MAX_PROCESSES; room *= 4) {
      const infos = Buffer.alloc(room * PROCESS_BYTES);
      size.writeUInt32LE(room);
      const result = read(device, size, infos);
      if (result === INSUFFICIENT_SIZE) continue;
      if (result !== SUCCESS) return [];
      return Array.from({ length: Math.min(room, size.readUInt32LE()) }, (_, i) => {
        const used = infos.readBigUInt64LE(i * PROCESS_BYTES + 8);
        return {
          pid: infos.readUInt32LE(i * PROCESS_BYTES),
          usedBytes: used === NOT_AVAILABLE ? undefined : Number(used),
        };
      });
    }
    return [];
  };

  return {
    gpus() {
      const buf = Buffer.alloc(8);
      if (count(buf) !== SUCCESS) return [];
      return Array.from({ length: buf.readUInt32LE() }, (_, index) => index).flatMap(index => {
        if (handle(index, buf) !== SUCCESS) return [];
        const device = Number(buf.readBigUInt64LE());
        const processes = new Map(
          running.flatMap(read => processesOf(read, device).map(each => [each.pid, each] as const)),
        );
        return [
          {
            uuid: text(uuid, device) || String(index),
            model: text(name, device),
            utilization: pairOf(device),
            memory: memoryOf(device),
            processes: [...processes.values()],
          },
        ];
      });
    },
    close: () => void shutdown(),
  };
}
