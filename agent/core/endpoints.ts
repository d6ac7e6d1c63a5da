// By what others reach processes, and what they write: ports, sockets, queues and files they hold.

export interface Held {
  /** TCP ports they listen on. */
  readonly ports: readonly number[];
  /** UDP ports they are bound to, but for those that the kernel chose. */
  readonly udpPorts: readonly number[];
  /** Paths of Unix sockets they are bound to; abstract ones begin with `@`. */
  readonly sockets: readonly string[];
  readonly fifos: readonly string[];
  /** Names of POSIX and keys of System V segments they have mapped. */
  readonly sharedMemory: readonly string[];
  /** Names of POSIX queues they hold open, and keys or numbers of System V queues they sent to or received from last. */
  readonly messageQueues: readonly string[];
  /** Log files they write. */
  readonly logs: readonly string[];
}

/** In words for people, what there is of it. */
export function tellEndpoints(held: Held): [what: string, which: string][] {
  const told: [string, readonly (string | number)[]][] = [
    ['ports', held.ports],
    ['udp ports', held.udpPorts],
    ['sockets', held.sockets],
    ['fifos', held.fifos],
    ['shared memory', held.sharedMemory],
    ['message queues', held.messageQueues],
    ['log files', held.logs],
  ];
  return told.filter(([, items]) => items.length > 0).map(([what, items]) => [what, items.join(', ')]);
}
