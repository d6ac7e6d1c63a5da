// One syslog message, taken apart in place: what the parsers fill and the recorder reads. Reused for every message.

/** How a message was read. */
export const Format = { Raw: 0, Rfc5424: 1, Rfc3164: 2, Local: 3 } as const;

/** Why a message did not parse; the text goes out as `eudaemon.parse_error`. */
export const PARSE_ERRORS = [
  '',
  'no priority and no timestamp',
  'RFC 5424: version is not 1 to 999',
  'RFC 5424: not a timestamp',
  'RFC 5424: HOSTNAME is missing, too long or not printable ASCII',
  'RFC 5424: APP-NAME is missing, too long or not printable ASCII',
  'RFC 5424: PROCID is missing, too long or not printable ASCII',
  'RFC 5424: MSGID is missing, too long or not printable ASCII',
  'RFC 5424: malformed structured data',
] as const;

export const Fault = {
  None: 0,
  Header: 1,
  Version: 2,
  Time: 3,
  Host: 4,
  App: 5,
  Proc: 6,
  MsgId: 7,
  Structure: 8,
} as const;

export const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 0x30 && byte <= 0x39;

/** Ranges are offsets into `buf`, empty (start = end) for what is absent; they live as long as the input. */
export class Message {
  buf: Uint8Array = new Uint8Array(0);
  format = 0;
  /** Index into PARSE_ERRORS; when not 0 the body is the whole message, and ranges hold what could be read. */
  fault = 0;
  facility = 1;
  severity = 5;
  /** RFC 5424 VERSION, else 0. */
  version = 0;
  /** Unix time of the sender; `seconds` 0 when it gave none. */
  seconds = 0;
  nanos = 0;
  /** Its header says more than the fields here: a sequence number, the state of a clock, a zone by name, a year no record has. */
  abridged = false;
  hostStart = 0;
  hostEnd = 0;
  appStart = 0;
  appEnd = 0;
  procStart = 0;
  procEnd = 0;
  msgIdStart = 0;
  msgIdEnd = 0;
  /** The elements with their brackets. */
  structureStart = 0;
  structureEnd = 0;
  bodyStart = 0;
  bodyEnd = 0;

  /** Raw, without a priority: RFC 3164 section 4.3.3 gives it user.notice. */
  reset(buf: Uint8Array, start: number, end: number): void {
    this.buf = buf;
    this.format = Format.Raw;
    this.fault = Fault.None;
    this.facility = 1;
    this.severity = 5;
    this.version = 0;
    this.seconds = 0;
    this.nanos = 0;
    this.abridged = false;
    this.hostStart = this.hostEnd = start;
    this.appStart = this.appEnd = start;
    this.procStart = this.procEnd = start;
    this.msgIdStart = this.msgIdEnd = start;
    this.structureStart = this.structureEnd = start;
    this.bodyStart = start;
    this.bodyEnd = end;
  }
}
