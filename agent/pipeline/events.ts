// The agent's own events as records: they go the way of every other record.

import { encodeAttribute } from '../core/attribute.ts';
import type { AgentEvent, EventSink } from '../core/collector.ts';
import { LogRecord, type Origins, SYSLOG_SEVERITY, utf8 } from '../core/record.ts';
import type { Flow } from './flow.ts';

const AGENT = 'eudaemon';

export function createEvents(flow: Pick<Flow, 'attach'>, origins: Origins): EventSink {
  const record = new LogRecord();
  const out = flow.attach('events', { resume() {}, committed() {} });
  // Each life is a source of its own: what the spool repeats after a crash carries its name with it.
  const [sourceHigh, sourceLow] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number];
  let position = 0;
  return {
    emit({ name, daemon, origin, severity, body, attributes, at }: AgentEvent) {
      record.clear();
      record.origin = origin ?? origins.of(daemon ?? AGENT, daemon);
      record.seconds = record.observedSeconds = Math.floor(at / 1000);
      record.nanos = record.observedNanos = (at % 1000) * 1e6;
      record.severity = severity;
      record.severityText = SYSLOG_SEVERITY.find(each => each.number === severity)?.bytes ?? utf8('');
      record.sourceHigh = sourceHigh;
      record.sourceLow = sourceLow;
      record.position = position++;
      record.buf = utf8(body);
      record.bodyStart = 0;
      record.bodyEnd = record.buf.length;
      record.eventName = utf8(name);
      for (const [key, value] of Object.entries(attributes))
        if (value !== undefined) record.attributes.fields(encodeAttribute(key, value));
      out.push(record);
    },
  };
}
