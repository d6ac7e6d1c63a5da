// Headers that were seen before say what they would say the first time.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLogs } from '../../../agent/core/decode.ts';
import { encodeRecord, encodeResource, sealRequest } from '../../../agent/core/encode.ts';
import { createMeter } from '../../../agent/core/meter.ts';
import { ProtoWriter } from '../../../agent/core/protobuf.ts';
import { createOrigins, utf8 } from '../../../agent/core/record.ts';
import { Recorder } from '../../../collectors/syslog/record.ts';
import type { Sender } from '../../../collectors/syslog/sender.ts';
import { figure } from '../../figure.ts';
import { daemon, lookup, noDaemons } from './collect.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const T = 'Nov 22 17:35:01';
const ORIGINAL = 'log.record.original';
const origins = createOrigins();
const local: Sender = {
  pid: 7,
  uid: 0,
  peer: undefined,
  daemon: undefined,
  origin: undefined,
  name: 'app',
  key: 'app',
  bucket: undefined,
  plain: false,
  executable: undefined,
  fields: new Uint8Array(0),
  checked: NOW,
};
const peer: Sender = { ...local, pid: 0, peer: '192.0.2.1' };

/** Other bytes stand around the message, as in a ring. */
const [BEFORE, AFTER] = [Buffer.from('tag[1]: %x ['), Buffer.from('%a: ]')];

function recorder(daemons = noDaemons) {
  const meter = createMeter();
  const recorder = new Recorder({ daemons, origins, meter }, 'here');
  const w = new ProtoWriter();
  const told = (message: string | Uint8Array, sender = local, at = NOW, truncated = false) => {
    const bytes = typeof message === 'string' ? utf8(message) : message;
    const buf = Buffer.concat([BEFORE, bytes, AFTER]);
    recorder.fill(buf, BEFORE.length, BEFORE.length + bytes.length, sender, at, truncated);
    const { record } = recorder;
    record.position = 7;
    w.reset();
    encodeRecord(w, record);
    const resource = encodeResource(record.origin, []);
    return [...decodeLogs(sealRequest([{ resource, records: w.copy() }]))][0]!;
  };
  return { told, meter, recorder };
}

describe('a header that says more than its fields', () => {
  it.each([
    `<187>3408: router1: *Dec 11 13:31:14.214 EST: %PKI-3-EXPIRED: no`,
    `<187>3408: ${T}: %SYS-5-CONFIG_I: x`,
    `<187>*${T}: %SYS-5-CONFIG_I: x`,
    `<187>${T} UTC: %SYS-5-CONFIG_I: x`,
    '<13>1 0001-01-01T00:00:00Z h app - - - before all time',
    '<13>1 1970-01-01T00:00:00Z h app - - - no clock yet',
    '<13>1 9999-12-31T23:59:59.5+01:00 h app - - - after all time',
    '<13>1969-12-31T23:59:59Z h app: before all time',
  ])('is kept whole: %j', message => {
    const { told } = recorder();
    for (let i = 0; i < 3; i++)
      expect(told(`${message} ${i}\n`).attributes[ORIGINAL]).toBe(`${message} ${i}`);
  });

  it.each([
    `<187>${T}: %SYS-5-CONFIG_I: x`,
    `<187>3408: x`,
    `<187>3408: router1: x`,
    '3408: x',
    '<13>1 - h app - - - no time',
    '<13>1 1970-01-01T00:00:01Z h app - - - early',
    '<13>1 9999-12-31T23:59:59Z h app - - [] of no time and malformed',
  ])('is not needed twice: %j', message => {
    expect(recorder().told(message).attributes).not.toHaveProperty(ORIGINAL);
  });
});

describe('a message whose header was seen before', () => {
  it.each([
    [`<13>${T} app: one`, `<13>${T} app: two`],
    [`<13>${T} app[12]: `, `<13>${T} app[12]: %two`],
    [`<13>${T} app: one`, `<13>${T} app: %two`],
    [`<13>${T} UTC: one`, `<13>${T} UTC: %SYS-5-CONFIG_I: two`],
    [`<13>${T} UTC: %SYS-5-CONFIG_I: two`, `<13>${T} UTC: one`],
    [`<13>${T} app: one`, `<13>${T} app: two\n`],
    [`<13>${T} app: one`, `<13>${T} app:`],
    [`<13>${T} app: one`, `<13>${T} app: `],
    [`<13>${T} app: one`, `<13>${T} app:\n`],
    [`<13>${T} app: one`, `<14>${T} app: one`],
    [`<13>${T} app: one`, `<13>${T} apo: one`],
    [`<13>${T} app: one`, `<13>${T.replace('01', '02')} app: one`],
    [`<13>${T} far app: one`, `<13>${T} near app: one`],
    [`<13>1 2026-11-22T12:00:00Z h a - - - x: one`, `<13>1 2026-11-22T12:00:00Z h a - - - x: two`],
    [`<13>2026-11-22T12:00:00.123Z here app[1]: one`, `<13>2026-11-22T12:00:00.123Z here app[1]: two`],
    [`<13>${T} app[\u00e9\xff]: one`, `<13>${T} app[\u00e9\xff]: two`],
  ])('%j, then %j', (first, second) => {
    const { told } = recorder();
    for (let i = 0; i < 3; i++) told(first);
    for (let i = 0; i < 3; i++) expect(told(second)).toEqual(recorder().told(second));
  });

  it('is told with one constant for all attributes from the third on', () => {
    const { told, recorder: it } = recorder();
    const sizes = ['a', 'b', 'c', 'd'].map(text => {
      told(`<13>${T} app[7]: ${text}`);
      return it.record.attributes.size;
    });
    expect(sizes).toEqual([3, 3, 1, 1]);
    expect(it.record.attributes.isConstant(0)).toBe(true);
    expect(it.record.outline).toBeDefined();
  });

  it('from another sender is the other one’s', () => {
    const { told } = recorder();
    const owner = { ...local, daemon: 'nginx', origin: origins.of('nginx', 'nginx') };
    for (const sender of [local, local, local, peer, owner, { ...local, fields: utf8('') }])
      expect(told(`<13>${T} app: x`, sender)).toEqual(recorder().told(`<13>${T} app: x`, sender));
  });

  it.each([
    ['é', 1, 'x'],
    ['é', 2, 'xé'],
    ['☃', 2, 'x'],
    ['😀', 3, 'x'],
    ['😀', 4, 'x😀'],
  ])('that is cut is not cut within a character: %s after %i bytes', (character, bytes, body) => {
    const { told } = recorder();
    const start = Buffer.from(`<13>${T} app: x`);
    const cut = Buffer.concat([start, Buffer.from(character).subarray(0, bytes)]);
    for (let n = 0; n < 3; n++) {
      const record = told(cut, local, NOW, true);
      expect([record.body, record.attributes['log.record.original']]).toEqual([body, undefined]);
    }
  });

  it('that is cut says so', () => {
    const { told } = recorder();
    const cut = [1, 2, 3, 4].map(() => told(`<13>${T} app: x`, local, NOW, true).attributes);
    expect(cut.every(attributes => attributes['eudaemon.truncated'] === true)).toBe(true);
    expect(told(`<13>${T} app: x`).attributes).not.toHaveProperty('eudaemon.truncated');
  });

  it('and claims a daemon it is not of is counted each time', () => {
    const { told, meter } = recorder(lookup([daemon('nginx')], () => undefined));
    for (let i = 0; i < 5; i++) told(`<13>${T} nginx: x`, { ...local, executable: 'logger' });
    // It may as well have been a child of nginx.
    told(`<13>${T} nginx: x`, { ...local, pid: 8, executable: undefined });
    expect(figure(meter, 'eudaemon_log_sender_mismatch_total', { daemon: 'nginx' })).toBe(5);
  });

  it('under another configuration is asked about again', () => {
    let known = false;
    const { told, recorder: it } = recorder({
      ...noDaemons,
      ofIdentifier: () => (known ? 'web' : undefined),
    });
    const service = () => told(`<13>${T} app: x`).resource['service.name'];
    expect([1, 2, 3].map(service)).toEqual(['app', 'app', 'app']);
    known = true;
    it.forget();
    expect(service()).toBe('web');
  });

  it('a second ago is asked about again', () => {
    const declared = [daemon('web', { logs: { identifiers: ['app'], files: [], parse: 'none' } })];
    let known: typeof declared = [];
    const { told } = recorder({
      ...noDaemons,
      ofIdentifier: tag => known.find(({ logs }) => logs.identifiers.includes(tag))?.name,
    });
    const service = (at: number) => told(`<13>${T} app: x`, local, at).resource['service.name'];
    for (let i = 0; i < 3; i++) expect(service(NOW)).toBe('app');
    known = declared;
    expect(service(NOW + 999)).toBe('app');
    expect(service(NOW + 1000)).toBe('web');
    expect(service(NOW - 60_000)).toBe('web');
  });

  const head = fc.constantFrom('<13>', '<14>', '<134>', '', '<13>1 ', '123: ', '*');
  const time = fc.constantFrom(
    T,
    `${T}:`,
    `${T}.25`,
    `${T} 2026`,
    '2026-11-22T12:00:00Z',
    '2026-11-22 12:00:00,5',
  );
  const word = fc.constantFrom(
    'app:',
    'app[1]:',
    'app[1]',
    'UTC:',
    'a:b:',
    'here',
    'far',
    'x:y',
    '[z]:',
    ':',
    '-',
    '1.2.3.4',
  );
  const body = fc.constantFrom(
    '',
    '%A-1: b',
    'text',
    '%',
    '\n',
    '\0',
    ' \n\0',
    'x\0y\0',
    '[',
    'tag: more',
    '\u00e9',
  );
  const message = fc
    .tuple(head, time, fc.array(word, { maxLength: 3 }), body)
    .map(([a, b, words, d]) => [`${a}${b}`, ...words, d].join(' '));
  it('whatever came before it', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 4 }), messages => {
        const { told } = recorder();
        for (const each of [...messages, ...messages, ...messages])
          expect(told(each)).toEqual(recorder().told(each));
      }),
      { numRuns: 500 },
    );
  });
});
