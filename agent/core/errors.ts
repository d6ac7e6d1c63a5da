// The errors rooms share. Everything else that is thrown is a bug or carries its cause.

/** Nothing here to look at: a vanished pid, a feature this kernel lacks. Not a fault; the series are absent. */
export class NoData extends Error {
  override name = 'NoData';
}

/** The environment forbids or lacks something the operator asked for. Exit code 1; the message names the fix. */
export class SetupError extends Error {
  override name = 'SetupError';
}

/** The command line is wrong. Exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
  /** Whose page tells how it is right. */
  command: string | undefined;
}

/** One finding in a configuration file; `line` and `col` count from 1. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly col: number;
  /** Dotted path of the key, e.g. `daemons.nginx.health[0].every`. */
  readonly path: string;
  readonly message: string;
}

/** Everything wrong with the configuration, all at once, or why it cannot be read. Exit code 78. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[] | string, options?: ErrorOptions) {
    super(typeof problems === 'string' ? problems : problems.map(tell).join('\n'), options);
    this.problems = typeof problems === 'string' ? [] : problems;
  }
}

const tell = ({ file, line, col, path, message }: Problem): string =>
  `${file}:${line}:${col}: ${path ? `${path}: ` : ''}${message}`;

const ERRNO: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'address not available',
  EAI_AGAIN: 'the name service does not answer',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EDQUOT: 'disk quota exceeded',
  EEXIST: 'file exists',
  EHOSTUNREACH: 'no route to host',
  EINVAL: 'invalid argument',
  EIO: 'input/output error',
  EISDIR: 'is a directory',
  ELOOP: 'too many levels of symbolic links',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'file name too long',
  ENETUNREACH: 'network is unreachable',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTFOUND: 'host name not found',
  ENXIO: 'no such device or address',
  EPERM: 'operation not permitted',
  EPIPE: 'broken pipe',
  EROFS: 'read-only file system',
  ETIMEDOUT: 'timed out',
};

/** The `code` of a system error (`ENOENT`, …), or undefined. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** What `look` gives; undefined when it throws: for what may be gone, or not be seen, and where that is no news. */
export function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** Whether a right was lacking, here or in what caused it. */
export const isDenied = (error: unknown): boolean =>
  ['EACCES', 'EPERM'].includes(codeOf(error) ?? '') ||
  (error instanceof Error && error.cause !== undefined && isDenied(error.cause));

const TAKES_NOTHING = new Set(['EDQUOT', 'ENOSPC', 'EROFS']);

/** Whether a disk takes nothing more. That is no reason not to start: what cannot be kept is worked on in memory. */
export const takesNothing = (error: unknown): boolean => TAKES_NOTHING.has(codeOf(error) ?? '');

/** The shortest honest cause of an error, for the end of `cannot <verb> <object> "<value>": <cause>`. */
export function causeOf(error: unknown): string {
  const code = codeOf(error);
  if (code !== undefined && ERRNO[code] !== undefined) return ERRNO[code];
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
