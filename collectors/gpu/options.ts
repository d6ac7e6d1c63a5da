// What `collectors.gpu` takes.

import { describe, duration, fallback, object, type Parsed, string } from '../../agent/core/options.ts';

export const options = object({
  interval: fallback(describe(duration(1000), 'Time between two samples of the GPUs.'), 15_000),
  library: fallback(
    describe(string(), "NVIDIA's management library, as the loader finds it or by its path."),
    'libnvidia-ml.so.1',
  ),
});

export type GpuOptions = Parsed<typeof options>;
