// Records of /dev/kmsg that say the kernel killed for memory. Pure. Source: Documentation/ABI/testing/dev-kmsg.

const RECORD = /^\d+,\d+,(\d+),[^;]*;(.*)/;
/** Of the kernel: `Memory cgroup out of memory: Killed process 7 (name) …`, before 4.19 `Kill process`, and the summary. */
const KILL =
  /^(?:(?:Memory cgroup out|Out) of memory[^:]*: Kill(?:ed)? process (\d+)\b|oom-kill:.*,pid=(\d+),)/;
const MAX_FACILITY = 8;

/** The victim and when, in ms of the log's clock; undefined for any other record, also one written by a program. */
export function parseKill(record: string): { pid: number; at: number } | undefined {
  const [, micros, text] = RECORD.exec(record) ?? [];
  const kill = text === undefined ? null : KILL.exec(text);
  // Programs may write there, but never as the kernel, which is facility 0.
  if (!kill || Number.parseInt(record, 10) >= MAX_FACILITY) return undefined;
  return { pid: Number(kill[1] ?? kill[2]), at: Number(micros) / 1000 };
}
