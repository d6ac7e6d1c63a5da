// The GPUs of this host and what daemons use of them. Where there is no driver there is no sampler, and no word of it.

import type { Sampler, SamplerRoom } from '../../agent/core/collector.ts';
import type { Desc } from '../../agent/core/metric.ts';
import { openNvml } from '../../agent/native/nvml.ts';
import type { GpuOptions } from './options.ts';

const of = (name: string, help: string, more: Partial<Desc>): Desc => ({
  name: `hw.gpu.${name}`,
  type: 'gauge',
  help,
  labels: ['gpu', 'model'],
  attributes: { gpu: 'hw.id', model: 'hw.model' },
  ...more,
});

const UTILIZATION = of('utilization', 'Share of time in which the GPU worked.', {
  unit: '1',
  prometheus: 'eudaemon_gpu_utilization_ratio',
});
const MEMORY_UTILIZATION = of('memory.utilization', 'Memory in use as a share of that of the GPU.', {
  unit: '1',
  prometheus: 'eudaemon_gpu_memory_utilization_ratio',
});
const MEMORY_USAGE = of('memory.usage', 'Memory in use of the GPU.', {
  unit: 'By',
  prometheus: 'eudaemon_gpu_memory_usage_bytes',
  additive: true,
});
const MEMORY_LIMIT = of('memory.limit', 'Memory of the GPU.', {
  unit: 'By',
  prometheus: 'eudaemon_gpu_memory_limit_bytes',
  additive: true,
});
const DAEMON_MEMORY: Desc = {
  name: 'eudaemon.daemon.gpu_memory',
  type: 'gauge',
  unit: 'By',
  help: 'Memory of the GPU that the daemon and its child processes use.',
  labels: ['daemon', 'gpu'],
  attributes: { gpu: 'hw.id' },
};

/** One sampler, or none. */
export function create(options: GpuOptions, room: SamplerRoom): Sampler[] {
  const nvml = openNvml(options.library);
  if (!nvml) return [];
  return [
    {
      name: room.name,
      everyMs: options.interval,
      sample(out) {
        for (const { uuid, model, utilization, memory, processes } of nvml.gpus()) {
          if (utilization) out.set(UTILIZATION, utilization.gpu, uuid, model);
          if (memory) {
            out.set(MEMORY_USAGE, memory.usedBytes, uuid, model);
            out.set(MEMORY_LIMIT, memory.totalBytes, uuid, model);
            if (memory.totalBytes > 0)
              out.set(MEMORY_UTILIZATION, memory.usedBytes / memory.totalBytes, uuid, model);
          }
          const used = new Map<string, number>();
          for (const { pid, usedBytes } of processes) {
            const daemon = usedBytes === undefined ? undefined : room.daemons.ofPid(pid);
            if (daemon !== undefined) used.set(daemon, (used.get(daemon) ?? 0) + usedBytes!);
          }
          for (const [daemon, bytes] of used) out.set(DAEMON_MEMORY, bytes, daemon, uuid);
        }
      },
      async close() {
        nvml.close();
      },
    },
  ];
}
