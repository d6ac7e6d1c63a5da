import { defineConfig } from 'vitest/config';

/** Two suites behind one command: `fast` (pure rooms, fixture hosts) and `e2e` (real programs and daemons). */
export default defineConfig({
  test: {
    // By default one processor is left out, which of two is half.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/faults/**'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/faults/**/*.test.ts'],
          // Each wait has a deadline of its own, whose error says more.
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // They wait more than they work: two at a time on any machine.
          maxWorkers: 2,
        },
      },
    ],
  },
});
