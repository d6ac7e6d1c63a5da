// Families as OTLP metrics requests. Pure. Figures of a daemon stand below a resource of their own, so that they carry
// the same identity as its logs; the rest is the agent's. Source: opentelemetry/proto/metrics/v1/metrics.proto.

import { writeAttribute } from '../../agent/core/attribute.ts';
import { encodeResource, SCOPE } from '../../agent/core/encode.ts';
import { hostNameOf } from '../../agent/core/host-name.ts';
import type { Desc, Family, Point } from '../../agent/core/metric.ts';
import { ProtoWriter, Wire } from '../../agent/core/protobuf.ts';
import { VERSION } from '../../agent/core/version.ts';

/** Receivers refuse requests that are too large; 4 MiB is the limit of many gRPC servers. */
const MAX_REQUEST_BYTES = 2 * 2 ** 20;
const CUMULATIVE = 2;
/** The label whose value is a service of its own. */
const DAEMON = 'daemon';
const AGENT = 'eudaemon';

type Host = ReadonlyArray<readonly [string, string]>;

/** Resource of a service on this host. The instance keeps the series of two hosts apart where only that is looked at. */
export function metricResource(service: string, host: Host): [string, string][] {
  const attributes: [string, string][] = [['service.name', service]];
  const name = hostNameOf(host);
  if (name !== undefined) attributes.push(['service.instance.id', name]);
  if (service === AGENT) attributes.push(['service.version', VERSION]);
  return attributes;
}

/** The metrics of one resource, encoded as they stand in ScopeMetrics, in pieces of at most about `maxBytes`. */
interface Group {
  readonly resource: Uint8Array;
  readonly writer: ProtoWriter;
  readonly pieces: Uint8Array[];
}

/** ExportMetricsServiceRequests of at most about `maxBytes` each; none without points. `now` in Unix ms. */
export function encodeMetrics(
  families: Iterable<Family>,
  host: Host,
  now: number,
  maxBytes = MAX_REQUEST_BYTES,
): Uint8Array[] {
  const groups = new Map<string, Group>();
  const groupOf = (service: string): Group => {
    let group = groups.get(service);
    if (!group) {
      const [, ...attributes] = metricResource(service, host);
      const resource = encodeResource({ service, daemon: undefined, host: undefined, attributes }, host);
      group = { resource, writer: new ProtoWriter(), pieces: [] };
      groups.set(service, group);
    }
    return group;
  };
  for (const { desc, points } of families) {
    if (desc.prometheusOnly) continue;
    const column = desc.labels?.indexOf(DAEMON) ?? -1;
    const services = Map.groupBy(points, point => point.labels[column] || AGENT);
    for (const [service, own] of services) writeMetric(groupOf(service), desc, own, now, maxBytes);
  }
  return seal(groups.values(), maxBytes);
}

/** Appends a Metric; continues it in a new piece where one grows too large. */
function writeMetric(
  group: Group,
  desc: Desc,
  points: readonly Point[],
  now: number,
  maxBytes: number,
): void {
  const { writer: w } = group;
  for (let next = 0; next < points.length; ) {
    w.tag(2, Wire.Bytes);
    const metric = w.begin(256);
    stringField(w, 1, desc.name);
    stringField(w, 2, desc.help);
    stringField(w, 3, desc.unit ?? '');
    w.tag(DATA[kindOf(desc)], Wire.Bytes);
    const data = w.begin(128);
    do writePoint(w, desc, points[next++]!, now);
    while (next < points.length && w.pos < maxBytes);
    if (kindOf(desc) !== 'gauge') {
      w.tag(2, Wire.Varint);
      w.varint(CUMULATIVE);
    }
    if (desc.type === 'counter') {
      w.tag(3, Wire.Varint);
      w.varint(1);
    }
    w.end(data);
    w.end(metric);
    if (w.pos >= maxBytes) cut(group);
  }
}

/** Field of `Metric.data` by type: gauge, sum, histogram. */
const DATA = { gauge: 5, sum: 7, histogram: 9 } as const;

const kindOf = ({ type, additive }: Desc): keyof typeof DATA =>
  type === 'counter' || additive ? 'sum' : type;

function writePoint(w: ProtoWriter, desc: Desc, point: Point, now: number): void {
  w.tag(1, Wire.Bytes);
  const entry = w.begin(128);
  if (kindOf(desc) !== 'gauge') {
    const seconds = Math.floor(point.created);
    w.time(2, seconds, Math.round((point.created - seconds) * 1e9));
  }
  w.time(3, Math.floor(now / 1000), Math.round((now % 1000) * 1e6));
  if (point.histogram) {
    const { counts, sum } = point.histogram;
    fixed(w, 4, counts.at(-1) ?? 0);
    w.tag(5, Wire.Fixed64);
    w.double(sum);
    w.tag(6, Wire.Bytes);
    w.varint(counts.length * 8);
    for (let i = 0; i < counts.length; i++) integer(w, counts[i]! - (counts[i - 1] ?? 0));
    const bounds = desc.buckets ?? [];
    if (bounds.length > 0) {
      w.tag(7, Wire.Bytes);
      w.varint(bounds.length * 8);
      for (const bound of bounds) w.double(bound);
    }
  } else {
    w.tag(4, Wire.Fixed64);
    w.double(point.value);
  }
  desc.labels?.forEach((label, i) => {
    const value = point.labels[i];
    // An empty label is an absent one, as in Prometheus.
    if (value) writeAttribute(w, point.histogram ? 9 : 7, desc.attributes?.[label] ?? label, value);
  });
  w.end(entry);
}

function stringField(w: ProtoWriter, field: number, text: string): void {
  if (text === '') return;
  w.tag(field, Wire.Bytes);
  w.string(text);
}

function fixed(w: ProtoWriter, field: number, n: number): void {
  w.tag(field, Wire.Fixed64);
  integer(w, n);
}

const integer = (w: ProtoWriter, n: number): void => w.fixed64(Math.floor(n / 2 ** 32), n >>> 0);

function cut(group: Group): void {
  if (group.writer.pos === 0) return;
  group.pieces.push(group.writer.copy());
  group.writer.reset();
}

/** Puts pieces together as long as they fit one request. */
function seal(groups: Iterable<Group>, maxBytes: number): Uint8Array[] {
  const requests: Uint8Array[] = [];
  const w = new ProtoWriter();
  const flush = () => {
    if (w.pos > 0) requests.push(w.copy());
    w.reset();
  };
  for (const group of groups) {
    cut(group);
    for (const piece of group.pieces) {
      if (w.pos + piece.length + group.resource.length > maxBytes) flush();
      w.tag(1, Wire.Bytes);
      const entry = w.begin(piece.length + group.resource.length + SCOPE.length);
      w.tag(1, Wire.Bytes);
      w.bytes(group.resource);
      w.tag(2, Wire.Bytes);
      w.varint(SCOPE.length + piece.length);
      w.raw(SCOPE);
      w.raw(piece);
      w.end(entry);
    }
  }
  flush();
  return requests;
}
