// Gives back what starting a thread leaves behind: V8 would keep it until as much again has been allocated, which takes
// days where little happens.

/** Takes up to 80 ms. Without `--expose-gc` it does nothing. */
export const sweepHeap = (): void => {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
};
