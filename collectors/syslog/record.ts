// A parsed message becomes a log record: whose it is, and what is told about it. Everything that repeats from message
// to message is encoded once and kept by tag, so that a record costs a few copies.

import { hostname } from 'node:os';
import { bytesValue, encodeAttribute } from '../../agent/core/attribute.ts';
import type { StreamRoom } from '../../agent/core/collector.ts';
import type { DaemonSpec } from '../../agent/core/daemon.ts';
import { encodeAttributes, encodeOutline, ORIGINAL } from '../../agent/core/encode.ts';
import { isSameHost } from '../../agent/core/host-name.ts';
import type { Cell } from '../../agent/core/meter.ts';
import type { Desc } from '../../agent/core/metric.ts';
import { ProtoWriter } from '../../agent/core/protobuf.ts';
import { LogRecord, type Origin, SYSLOG_SEVERITY, utf8 } from '../../agent/core/record.ts';
import { encodeStructure } from '../../agent/core/structured-data.ts';
import { isUtf8Between, wholeEnd } from '../../agent/core/utf8.ts';
import { ByteCache } from './byte-cache.ts';
import { type Header, HeaderCache } from './header-cache.ts';
import { Message, PARSE_ERRORS } from './message.ts';
import { messageEnd, Parser } from './parse.ts';
import { concat, type Sender } from './sender.ts';

const MISMATCH: Desc = {
  name: 'eudaemon.log.sender_mismatch',
  type: 'counter',
  unit: '{record}',
  help: 'Syslog messages whose tag claims a daemon that the sending process, by the kernel, does not belong to.',
  labels: ['daemon'],
};

const PROC_ID = utf8('syslog.procid');
const MSG_ID = utf8('syslog.msgid');
const VERSION = utf8('syslog.version');
const STRUCTURED_DATA = utf8('syslog.structured_data');
const TRUNCATED = utf8('eudaemon.truncated');
const FACILITIES = Array.from({ length: 24 }, (_, code) => encodeAttribute('syslog.facility', code));
const ERRORS = PARSE_ERRORS.map(text => encodeAttribute('eudaemon.parse_error', text));

/** What a host name and tag claim. */
interface Claim {
  readonly origin: Origin;
  /** The daemon the tag names. */
  readonly daemon: string | undefined;
  /** The daemon's origin on the claimed host, where that is another than ours. */
  readonly abroad: Origin | undefined;
  /** Counts senders that are not of `daemon`; only where it says what its processes are. */
  readonly mismatch: Cell | undefined;
  readonly fields: Uint8Array;
  /** Unix ms; daemons come and go with the configuration. */
  readonly checked: number;
}

const RECHECK_MS = 1000;
const KEPT_CLAIMS = 4096;
const KEPT_PEERS = 1024;

const decoder = new TextDecoder();

/** Of most headers the first loop tells, in a third of the time. */
function isTextBetween(buf: Uint8Array, start: number, end: number): boolean {
  let bits = 0;
  for (let i = start; i < end; i++) bits |= buf[i]!;
  return bits < 0x80 || isUtf8Between(buf, start, end);
}

/** Whether it says what its processes are. */
const isGuarded = ({ match }: DaemonSpec): boolean => Object.values(match).some(value => value !== undefined);

/** Every daemon that can be claimed falsely has its counter, claimed or not. */
export function countMismatches({ daemons, meter }: Pick<StreamRoom, 'daemons' | 'meter'>): void {
  for (const spec of daemons.declared) if (isGuarded(spec)) meter.instrument(MISMATCH).with(spec.name).add(0);
}

/** The kernel's word goes before the sender's, but a daemon that relays for other hosts does not own what it relays. */
function originOf(claim: Claim, sender: Sender): Origin {
  if (sender.origin === undefined) return claim.origin;
  if (claim.origin.host === undefined) return sender.origin;
  return claim.abroad !== undefined && claim.daemon === sender.daemon ? claim.abroad : claim.origin;
}

/** What counts a message whose tag claims a daemon that its sender is not of. One that nobody saw before it ended is not accused. */
function mismatchOf(claim: Claim, sender: Sender): Cell | undefined {
  if (sender.origin === undefined) return sender.executable !== undefined ? claim.mismatch : undefined;
  return claim.origin.host === undefined && claim.daemon !== sender.daemon ? claim.mismatch : undefined;
}

export class Recorder {
  /** Filled by `fill()`, valid until the next. */
  readonly record = new LogRecord();
  private readonly room: Pick<StreamRoom, 'daemons' | 'origins' | 'meter'>;
  private readonly host: string;
  private readonly parser = new Parser();
  private readonly message = new Message();
  private readonly structure = new ProtoWriter(1024);
  private readonly claims = new ByteCache<Claim>(KEPT_CLAIMS);
  private readonly peers = new Map<string, number>();
  private lastPeer = 0;
  /** 0.1 µs instead of 0.6 for what stands there. */
  private readonly headers = new HeaderCache(RECHECK_MS);

  constructor(room: Pick<StreamRoom, 'daemons' | 'origins' | 'meter'>, host = hostname()) {
    this.room = room;
    this.host = host;
  }

  /** Makes the record of message `start..end`; `at` is when it was received, Unix ms with fractions. Source and position are the caller's. */
  fill(buf: Uint8Array, start: number, end: number, sender: Sender, at: number, truncated: boolean): void {
    const { record } = this;
    record.clear();
    const seconds = Math.floor(at / 1000);
    record.observedSeconds = seconds;
    record.observedNanos = ((at - seconds * 1000) * 1e6) | 0;
    record.buf = buf;
    record.sourceBytes = end - start;
    const cut = truncated ? wholeEnd(buf, start, end) : end;
    const stop = messageEnd(buf, start, cut);
    const header = this.headers.find(sender, buf, start, stop, at);
    if (header === undefined) this.parse(start, cut, sender, at);
    else {
      record.bodyStart = start + header.bytes.length;
      record.bodyEnd = stop;
      this.begin(header);
      record.attributes.fields(header.fields);
      if (!truncated) record.outline = header.outline;
    }
    if (truncated) record.attributes.bool(TRUNCATED, true);
  }

  private begin({
    origin,
    mismatch,
    seconds,
    nanos,
    severity,
  }: Omit<Header, 'bytes' | 'fields' | 'outline'>): void {
    const { record } = this;
    mismatch?.add(1);
    record.origin = origin;
    record.seconds = seconds;
    record.nanos = nanos;
    record.severity = severity.number;
    record.severityText = severity.bytes;
  }

  private parse(start: number, end: number, sender: Sender, at: number): void {
    const { record, message } = this;
    const { attributes, buf } = record;
    this.parser.parse(message, buf, start, end, at);
    const claim = this.claim(sender, at);
    const header = {
      sender,
      origin: originOf(claim, sender),
      mismatch: mismatchOf(claim, sender),
      seconds: message.seconds,
      nanos: message.nanos,
      severity: SYSLOG_SEVERITY[message.severity]!,
      checked: claim.checked,
    };
    this.begin(header);
    record.bodyStart = message.bodyStart;
    record.bodyEnd = message.bodyEnd;
    attributes.fields(FACILITIES[message.facility]!);
    if (claim.fields.length > 0) attributes.fields(claim.fields);
    if (message.procEnd > message.procStart)
      attributes.text(PROC_ID, buf, message.procStart, message.procEnd);
    if (message.msgIdEnd > message.msgIdStart)
      attributes.text(MSG_ID, buf, message.msgIdStart, message.msgIdEnd);
    if (message.version > 0) attributes.int(VERSION, message.version);
    if (message.structureEnd > message.structureStart) {
      this.structure.reset();
      encodeStructure(this.structure, buf, message.structureStart, message.structureEnd);
      attributes.value(STRUCTURED_DATA, this.structure.buf, 0, this.structure.pos);
    }
    if (sender.fields.length > 0) attributes.fields(sender.fields);
    const isText = isTextBetween(buf, start, message.bodyStart);
    if (!isText) attributes.value(ORIGINAL, bytesValue(buf, start, message.bodyEnd));
    else if (message.abridged && message.fault === 0) attributes.text(ORIGINAL, buf, start, message.bodyEnd);
    if (message.fault !== 0) {
      if (!sender.plain) attributes.fields(ERRORS[message.fault]!);
    } else if (isText && !message.abridged && this.headers.wants(sender, message, start))
      this.headers.keep({
        ...header,
        bytes: buf.slice(start, message.bodyStart),
        fields: encodeAttributes(attributes),
        outline: encodeOutline(record),
      });
  }

  /** Tags mean other daemons now. */
  forget(): void {
    this.claims.clear();
    this.peers.clear();
    this.headers.clear();
  }

  private claim(sender: Sender, at: number): Claim {
    const { buf, hostStart, hostEnd, appStart, appEnd } = this.message;
    const kind = (hostEnd > hostStart ? 2 : 0) | (appEnd > appStart ? 1 : 0);
    const start = kind >= 2 ? hostStart : appStart;
    const end = kind === 2 ? hostEnd : appEnd;
    const whose = this.numberOf(sender.peer) * 4 + kind;
    const known = this.claims.get(whose, buf, start, end);
    if (known !== undefined && Math.abs(at - known.checked) < RECHECK_MS) return known;
    const claim = this.examine(sender.peer, at);
    this.claims.set(whose, buf, start, end, claim);
    return claim;
  }

  /** A number of a peer, never used again for another; 0 for none. */
  private numberOf(peer: string | undefined): number {
    if (peer === undefined) return 0;
    let number = this.peers.get(peer);
    if (number === undefined) {
      if (this.peers.size >= KEPT_PEERS) this.peers.delete(this.peers.keys().next().value as string);
      number = ++this.lastPeer;
      this.peers.set(peer, number);
    }
    return number;
  }

  private examine(peer: string | undefined, at: number): Claim {
    const { daemons, origins, meter } = this.room;
    const { buf, hostStart, hostEnd, appStart, appEnd } = this.message;
    const claimed = decoder.decode(buf.subarray(hostStart, hostEnd));
    const app = decoder.decode(buf.subarray(appStart, appEnd));
    const daemon = app === '' ? undefined : daemons.ofIdentifier(app);
    const host = this.abroad(claimed, app, peer);
    const spec = host === undefined ? daemons.declared.find(({ name }) => name === daemon) : undefined;
    return {
      daemon,
      origin: origins.of(daemon ?? (app || 'syslog'), host === undefined ? daemon : undefined, host),
      abroad: host !== undefined && daemon !== undefined ? origins.of(daemon, daemon, host) : undefined,
      mismatch:
        spec !== undefined && isGuarded(spec) ? meter.instrument(MISMATCH).with(spec.name) : undefined,
      fields: concat(
        claimed === '' ? new Uint8Array(0) : encodeAttribute('syslog.hostname', claimed),
        app === '' ? new Uint8Array(0) : encodeAttribute('syslog.appname', app),
      ),
      checked: at,
    };
  }

  /**
   * The other host a message comes from; undefined for ours. Without a tag the first word of a local message may as
   * well be text.
   */
  private abroad(claimed: string, app: string, peer: string | undefined): string | undefined {
    if (peer !== undefined) return claimed === '' ? peer : claimed;
    return claimed === '' || app === '' || isSameHost(claimed, this.host) ? undefined : claimed;
  }
}
