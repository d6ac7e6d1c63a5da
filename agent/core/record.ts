// A log record in flight. Pure. One record object is reused for all: the collector fills it, the sink copies it.

/** Who a record speaks for. Interned by `createOrigins`: same identity, same object, so batches group by reference. */
export interface Origin {
  /** service.name: the daemon, else the syslog tag, else the file's name. */
  readonly service: string;
  /** The declared daemon, or undefined. */
  readonly daemon: string | undefined;
  /** host.name of a relayed message; undefined for this host. */
  readonly host: string | undefined;
  /** Further resource attributes, e.g. `systemd.unit.name`, `k8s.pod.name`. */
  readonly attributes: ReadonlyArray<readonly [string, string]>;
}

const encoder = new TextEncoder();

/** UTF-8 bytes of a constant: attribute keys, severity texts, event names. Make them once, at module level. */
export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** How an attribute's value is held. */
export const Kind = {
  /** Text: bytes `start..end` of `bytes`; invalid UTF-8 becomes U+FFFD when encoded. */
  Text: 0,
  Int: 1,
  Double: 2,
  Bool: 3,
  /** An encoded OTLP AnyValue message: bytes `start..end`. */
  Value: 4,
  /** Encoded OTLP `repeated KeyValue attributes = 6` entries, tags included, appended as they are; the key is unused. */
  Fields: 5,
  /** Text: 32 hex digits. This and the next two are fields of the record by their own right, whatever their key. */
  TraceId: 6,
  /** Text: 16 hex digits. */
  SpanId: 7,
  /** Text: 2 hex digits, W3C trace flags. */
  TraceFlags: 8,
} as const;

/** Hex digits of the kinds from `Kind.TraceId` on. */
export const traceDigits = (kind: number): number =>
  kind === Kind.TraceId ? 32 : kind === Kind.SpanId ? 16 : 2;

/** Attributes of the record in flight: parallel arrays, so that filling them allocates nothing. */
export class Attributes {
  size = 0;
  readonly keys: Uint8Array[] = [];
  readonly kinds: number[] = [];
  /** Value of Int, Double, Bool (0 or 1). */
  readonly numbers: number[] = [];
  readonly bytes: Uint8Array[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];

  clear(): void {
    this.size = 0;
  }
  text(key: Uint8Array, bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.range(key, Kind.Text, bytes, start, end);
  }
  value(key: Uint8Array, bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.range(key, Kind.Value, bytes, start, end);
  }
  /** A part of the trace context, `kind` from `Kind.TraceId` on; false, and nothing is added, when the text is none or it is there already. */
  trace(kind: number, key: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
    if (!isTracePart(kind, bytes, start, end)) return false;
    for (let i = 0; i < this.size; i++) if (this.kinds[i] === kind) return false;
    this.range(key, kind, bytes, start, end);
    return true;
  }
  /** Without a range they are all of an array that never changes: what is found out about it may be kept. */
  fields(bytes: Uint8Array, start = 0, end = -1): void {
    this.range(NO_KEY, Kind.Fields, bytes, start, end < 0 ? bytes.length : end);
    if (end < 0) this.numbers[this.size - 1] = 1;
  }
  /** Whether entry `i` was given to `fields()` without a range. */
  isConstant(i: number): boolean {
    return this.kinds[i] === Kind.Fields && this.numbers[i] === 1;
  }
  /** The last entry with this key that is not within fields; -1 when there is none. */
  find(key: Uint8Array): number {
    for (let i = this.size - 1; i >= 0; i--)
      if (this.kinds[i] !== Kind.Fields && sameBytes(this.keys[i]!, key)) return i;
    return -1;
  }
  /** Takes out all entries with this key but the last. */
  keepLast(key: Uint8Array): void {
    for (let i = this.find(key) - 1; i >= 0; i--)
      if (this.kinds[i] !== Kind.Fields && sameBytes(this.keys[i]!, key)) this.delete(i);
  }
  /** Copies entry `i` of another to place `at`, by default behind the last. */
  take(from: Attributes, i: number, at = this.size): void {
    this.keys[at] = from.keys[i]!;
    this.kinds[at] = from.kinds[i]!;
    this.numbers[at] = from.numbers[i]!;
    this.bytes[at] = from.bytes[i]!;
    this.starts[at] = from.starts[i]!;
    this.ends[at] = from.ends[i]!;
    if (at === this.size) this.size++;
  }
  /** Takes entry `i` out; the last one moves to its place. */
  delete(i: number): void {
    if (i < this.size - 1) this.take(this, this.size - 1, i);
    this.size--;
  }
  int(key: Uint8Array, value: number): void {
    this.number(key, Kind.Int, value);
  }
  double(key: Uint8Array, value: number): void {
    this.number(key, Kind.Double, value);
  }
  bool(key: Uint8Array, value: boolean): void {
    this.number(key, Kind.Bool, value ? 1 : 0);
  }
  private range(key: Uint8Array, kind: number, bytes: Uint8Array, start: number, end: number): void {
    const i = this.size++;
    this.keys[i] = key;
    this.kinds[i] = kind;
    this.numbers[i] = 0;
    this.bytes[i] = bytes;
    this.starts[i] = start;
    this.ends[i] = end;
  }
  private number(key: Uint8Array, kind: number, value: number): void {
    const i = this.size++;
    this.keys[i] = key;
    this.kinds[i] = kind;
    this.numbers[i] = value;
    this.bytes[i] = NO_KEY;
    this.starts[i] = 0;
    this.ends[i] = 0;
  }
}

const NO_KEY = new Uint8Array(0);

/** Ids of zeros alone are invalid (W3C Trace Context, section 3.2.2). */
function isTracePart(kind: number, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== traceDigits(kind)) return false;
  let any = kind === Kind.TraceFlags;
  for (let i = start; i < end; i++) {
    if (hexDigit(bytes[i]!) < 0) return false;
    any ||= bytes[i] !== 0x30;
  }
  return any;
}

/** -1 for what is no hex digit. */
export function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A record but for its body, position and observed time, as `encodeOutline()` encodes it. */
export interface Outline {
  /** Padded to whole words of eight bytes. */
  readonly words: DataView;
  readonly beforeBody: number;
  readonly behindBody: Uint8Array;
}

/**
 * The record in flight. Every byte range is borrowed: valid until `push()` returns. Times are Unix time split in
 * whole seconds and nanoseconds, because one double cannot hold both.
 */
export class LogRecord {
  origin!: Origin;
  /** The sender's time; `seconds` 0 when it gave none. */
  seconds = 0;
  nanos = 0;
  /** Our time. */
  observedSeconds = 0;
  observedNanos = 0;
  /** OpenTelemetry SeverityNumber 1..24; 0 when unknown. */
  severity = 0;
  severityText: Uint8Array = NO_KEY;
  /** The body: bytes `bodyStart..bodyEnd` of `buf`. */
  buf: Uint8Array = NO_KEY;
  bodyStart = 0;
  bodyEnd = 0;
  /** For records that differ in nothing but body, position and our time. Who changes anything else of the record takes it away. */
  outline: Outline | undefined = undefined;
  /** EventName; empty for plain log records. */
  eventName: Uint8Array = NO_KEY;
  readonly attributes = new Attributes();
  /** log.record.uid: two 32-bit hashes that name the source and the position in it; no uid when `position` < 0. */
  sourceHigh = 0;
  sourceLow = 0;
  position = -1;
  /** Bytes this record took from its source, for `eudaemon_log_bytes_total`. */
  sourceBytes = 0;
  /** Whether its source holds it, where it outlives kill -9, until it hears that it is written: that can wait a little then. */
  mayWait = false;

  /** Back to empty; the origin stays. */
  clear(): void {
    this.seconds = 0;
    this.nanos = 0;
    this.severity = 0;
    this.severityText = NO_KEY;
    this.outline = undefined;
    this.eventName = NO_KEY;
    this.position = -1;
    this.sourceBytes = 0;
    this.mayWait = false;
    this.attributes.clear();
  }
}

/** Hands out one Origin object an identity. */
export interface Origins {
  of(
    service: string,
    daemon: string | undefined,
    host?: string,
    attributes?: ReadonlyArray<readonly [string, string]>,
  ): Origin;
}

/**
 * At most `limit` origins are remembered; beyond it the oldest is forgotten (a new object then costs a regrouping, no
 * more). `identityOf` a daemon are attributes of all that is its own.
 */
export function createOrigins(
  limit = 10_000,
  identityOf: (daemon: string, host: string | undefined) => Origin['attributes'] = () => [],
): Origins {
  const known = new Map<string, Origin>();
  return {
    of(service, daemon, host, given = []) {
      const own = daemon === undefined ? [] : identityOf(daemon, host);
      const attributes = own.length > 0 ? [...own, ...given] : given;
      const key = `${service}\u0000${daemon ?? ''}\u0000${host ?? ''}\u0000${attributes.length > 0 ? JSON.stringify(attributes) : ''}`;
      let origin = known.get(key);
      if (!origin) {
        if (known.size >= limit) known.delete(known.keys().next().value as string);
        origin = { service, daemon, host, attributes };
        known.set(key, origin);
      }
      return origin;
    },
  };
}

/** Severities of the OpenTelemetry log data model, by syslog severity 0..7. */
export const SYSLOG_SEVERITY: readonly {
  readonly number: number;
  readonly text: string;
  readonly bytes: Uint8Array;
}[] = (
  [
    [21, 'emerg'],
    [19, 'alert'],
    [18, 'crit'],
    [17, 'err'],
    [13, 'warning'],
    [10, 'notice'],
    [9, 'info'],
    [5, 'debug'],
  ] as const
).map(([number, text]) => ({ number, text, bytes: utf8(text) }));

/** Label of a SeverityNumber: the syslog keyword of the nearest severity that is not worse; `none` for 0. */
export function severityLabel(severity: number): string {
  if (severity >= 21) return 'emerg';
  if (severity >= 19) return 'alert';
  if (severity >= 18) return 'crit';
  if (severity >= 17) return 'err';
  if (severity >= 13) return 'warning';
  if (severity >= 10) return 'notice';
  if (severity >= 9) return 'info';
  return severity >= 1 ? 'debug' : 'none';
}
