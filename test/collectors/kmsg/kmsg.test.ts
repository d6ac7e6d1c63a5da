// The kernel's log: every shape a record has, what comes again after a restart and a boot, and what is lost.
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPatterns } from '../../../agent/config/patterns.ts';
import type { RecordSink, Stream, StreamRoom } from '../../../agent/core/collector.ts';
import { type DecodedRecord, decodeLogs } from '../../../agent/core/decode.ts';
import { encodeRecord, encodeResource, sealRequest } from '../../../agent/core/encode.ts';
import { createMeter } from '../../../agent/core/meter.ts';
import { ProtoWriter } from '../../../agent/core/protobuf.ts';
import { createOrigins } from '../../../agent/core/record.ts';
import { create } from '../../../collectors/kmsg/index.ts';
import { frameRecord, KernelRecord } from '../../../collectors/kmsg/parse.ts';

const NOW = Date.UTC(2026, 10, 1);
/** The host has been up for this long. */
const UP_MS = 1000;

let top: string;
let records: DecodedRecord[];
let messages: string[];
let lost: string[];
let space: number;
let pushed: number;
let stream: Stream | undefined;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'eudaemon-kmsg-'));
  mkdirSync(join(top, 'proc/sys/kernel/random'), { recursive: true });
  mkdirSync(join(top, 'dev'));
  boot('one');
  write('');
  records = [];
  messages = [];
  lost = [];
  space = Number.POSITIVE_INFINITY;
});
afterEach(async () => {
  await stream?.close();
  stream = undefined;
  rmSync(top, { recursive: true, force: true });
});

const boot = (id: string) => writeFileSync(join(top, 'proc/sys/kernel/random/boot_id'), `${id}\n`);
const write = (text: string) => writeFileSync(join(top, 'dev/kmsg'), text);
const add = (text: string) => appendFileSync(join(top, 'dev/kmsg'), text);
const line = (sequence: number, message = `m${sequence}`) => `6,${sequence},500000,-;${message}\n`;

async function open(start_at: 'end' | 'beginning' = 'beginning', path = '/dev/kmsg') {
  pushed = 0;
  const out: RecordSink = {
    get pushed() {
      return pushed;
    },
    push(record) {
      const w = new ProtoWriter();
      encodeRecord(w, record);
      const resource = encodeResource(record.origin, []);
      records.push([...decodeLogs(sealRequest([{ resource, records: w.copy() }]))][0]!);
      pushed++;
      return --space > 0;
    },
    drop() {},
    lost: (reason, estimate) => lost.push(`${reason} ${estimate}`),
    settle() {},
  };
  const tell = (message: string) => messages.push(message);
  const log = { debug() {}, info: tell, warn: tell, error: tell, room: () => log };
  const room: StreamRoom = {
    name: 'kmsg',
    root: top,
    stateDir: join(top, 'state'),
    runDir: top,
    log,
    meter: createMeter(),
    patterns: createPatterns(),
    origins: createOrigins(),
    events: { emit() {} },
    held: [],
    legacy: [],
    now: () => NOW,
    daemons: {
      declared: [],
      ofProcess: () => undefined,
      ofPid: () => undefined,
      ofIdentifier: tag => (tag === 'systemd' ? 'init' : undefined),
      ofFile: () => undefined,
    },
  };
  stream = create({ path, start_at }, room, { sinceBoot: () => UP_MS });
  await stream.open(out);
}

const bodies = () => records.map(({ body }) => body);
const until = (count: number) => vi.waitFor(() => expect(records).toHaveLength(count), { timeout: 10_000 });
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? Number(each) : each)));

describe('a record', () => {
  it('has the time of the kernel, its severity, properties and number', async () => {
    write('3,7,250000,-,caller=T12;usb 1-1: \\xc3\\xa4 \\x5c end\n SUBSYSTEM=usb\n DEVICE=c189:1\n');
    await open();
    await until(1);
    const [record] = records as [DecodedRecord];
    expect(record.body).toBe('usb 1-1: \u00e4 \\ end');
    expect(record.time).toBe(BigInt(NOW - UP_MS + 250) * 1_000_000n);
    expect(record.severity).toBe(17);
    expect(record.resource['service.name']).toBe('kernel');
    expect(plain(record.attributes)).toMatchObject({
      'syslog.facility': 0,
      'kmsg.sequence': 7,
      'kmsg.caller': 'T12',
      'kmsg.subsystem': 'usb',
      'kmsg.device': 'c189:1',
    });
  });

  it.each<[string, string, string, string]>([
    ['30,1,1,-;systemd[1]: Started x.', 'init', 'Started x.', '1'],
    ['12,1,1,-;cloud-init: hello: you', 'cloud-init', 'hello: you', ''],
    ['12,1,1,-;no tag here', 'kernel', 'no tag here', ''],
    ['6,1,1,-;audit: of the kernel', 'kernel', 'audit: of the kernel', ''],
  ])('%s is of %s', async (text, service, body, pid) => {
    write(`${text}\n`);
    await open();
    await until(1);
    expect(records[0]!.resource['service.name']).toBe(service);
    expect(records[0]!.body).toBe(body);
    expect(records[0]!.attributes['syslog.procid'] ?? '').toBe(pid);
  });

  it.each([
    'junk',
    '',
    ';',
    '6;x',
    '6,1;x',
    '6,1,1;x',
    'a,1,1,-;x',
    '6,-1,1,-;x',
    '6,1,99999999999999999,-;x',
  ])('that is %j goes on raw', async text => {
    write(`${text}\n${line(1)}`);
    await open();
    await until(2);
    expect(bodies()).toEqual([text, 'm1']);
    expect(records[0]!.attributes['eudaemon.parse_error']).toBe('not a record of /dev/kmsg');
  });

  it.each<[string, boolean]>([
    ['4,1,1,c;x\n', true],
    ['4,1,1,+;x\n', true],
    ['4,1,1,-;x\n', false],
  ])('%j is a fragment: %s', (text, isFragment) => {
    const record = new KernelRecord();
    expect(record.parse(Buffer.from(text), 0, text.length)).toBe(true);
    expect(record.isFragment).toBe(isFragment);
  });

  it.each<[string, number]>([
    ['a\n', 2],
    ['a\n b\n', 5],
    ['a\n b\nc\n', 5],
    ['a\nb', 2],
    ['a\n b', 2],
    ['a', -1],
    ['', -1],
  ])('%j ends at %d', (text, end) => {
    expect(frameRecord(Buffer.from(text), 0, text.length)).toBe(end);
  });

  it('of any bytes, cut anywhere, does no harm', () => {
    const text = '3,7,250000,-,caller=T12;usb \\x5c\\xzz\\x\n SUB=usb\n =\n X\n';
    const record = new KernelRecord();
    for (let end = 0; end <= text.length; end++) record.parse(Buffer.from(text), 0, end);
    expect(record.properties).toEqual([['SUB', 'usb']]);
    expect(Buffer.from(record.text.subarray(record.start, record.end)).toString()).toBe('usb \\\\xzz\\x');
  });
});

describe('reading', () => {
  it('begins at the end, or with all there is', async () => {
    write(line(1) + line(2));
    await open('end');
    add(line(3));
    await until(1);
    expect(bodies()).toEqual(['m3']);
    expect(lost).toEqual([]);
  });

  it('goes on behind what is safe, and gives the rest again under the same uid', async () => {
    write(line(1) + line(2));
    await open();
    await until(2);
    stream!.committed(2, 0);
    expect(existsSync(join(top, 'state/sequence.json'))).toBe(false);
    stream!.committed(2, 2);
    add(line(3));
    await until(3);
    await stream!.close();
    await open();
    await until(4);
    expect(bodies()).toEqual(['m1', 'm2', 'm3', 'm3']);
    expect(records[3]!.attributes['log.record.uid']).toBe(records[2]!.attributes['log.record.uid']);
    expect(records[1]!.attributes['log.record.uid']).not.toBe(records[2]!.attributes['log.record.uid']);
  });

  it('takes all of the next boot, whatever its numbers, and tells what the kernel has overwritten', async () => {
    write(line(70));
    await open('end');
    expect(JSON.parse(readFileSync(join(top, 'state/sequence.json'), 'utf8'))).toEqual({
      boot: 'one',
      sequence: 70,
    });
    await stream!.close();
    boot('two');
    write(line(2) + line(3) + line(9));
    await open('end');
    await until(3);
    expect(bodies()).toEqual(['m2', 'm3', 'm9']);
    expect(lost).toEqual(['overwritten 2', 'overwritten 5']);
    expect(messages.join('\n')).toContain('5 records of');
  });

  it('rests while the sink is full', async () => {
    space = 1;
    write(line(1) + line(2));
    await open();
    expect(bodies()).toEqual(['m1']);
    space = Number.POSITIVE_INFINITY;
    stream!.resume();
    await until(2);
  });

  it('of a FIFO waits for writers, and for the rest of a line', async () => {
    rmSync(join(top, 'dev/kmsg'));
    expect(spawnSync('mkfifo', [join(top, 'dev/kmsg')]).status).toBe(0);
    await open();
    const fd = openSync(join(top, 'dev/kmsg'), 'w');
    writeSync(fd, `${line(1)}6,2,1,-;ha`);
    await until(1);
    writeSync(fd, 'lf\n');
    await until(2);
    closeSync(fd);
    expect(bodies()).toEqual(['m1', 'half']);
  });

  it('is not kept from starting by a damaged checkpoint', async () => {
    mkdirSync(join(top, 'state'));
    writeFileSync(join(top, 'state/sequence.json'), '{"boot":');
    write(line(1));
    await open();
    await until(1);
    expect(messages.join('\n')).toContain('cannot read checkpoint');
  });

  it('of what is not there is a fault', async () => {
    await open('end', '/dev/none');
    expect(stream!.faults()).toEqual([
      expect.stringMatching(/cannot open ".*none": no such file or directory/),
    ]);
  });

  it('gives up on what is no line', async () => {
    write(`${'x'.repeat(70_000)}\n${line(1)}`);
    await open();
    await until(3);
    expect(bodies().map(each => String(each).length)).toEqual([65_536, 4464, 2]);
  });
});
