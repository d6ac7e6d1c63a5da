// What of bench/syslog.ts is from the ring to the sealed batch, without the reader thread, the disk and the network? CPU of
// this process for messages of several lengths: of ASCII, of other text, and of Latin-1, which has to be repaired.
//   node bench/messages.ts [--bytes 150,1024] [--rounds 50]

import { parseArgs } from 'node:util';
import type { StreamRoom } from '../agent/core/collector.ts';
import { createOrigins } from '../agent/core/record.ts';
import { createBatch } from '../agent/pipeline/batch.ts';
import { Recorder } from '../collectors/syslog/record.ts';
import { createSenders } from '../collectors/syslog/sender.ts';

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: '150,300,600,1024,4096' },
    rounds: { type: 'string', default: '50' },
  },
});
const rounds = Number(values.rounds);
/** Messages of a round. */
const MESSAGES = 8192;
const BEGIN = Date.UTC(2026, 10, 22, 17);
const TAGS = ['sshd', 'cron', 'nginx', 'dbus-daemon', 'postfix/smtpd', 'kernel', 'systemd', 'app'];

const room = {
  root: '/',
  meter: { instrument: () => ({ with: () => ({ add() {} }) }) },
  daemons: { declared: [], ofPid() {}, ofProcess() {}, ofIdentifier() {} },
  origins: createOrigins(),
} as unknown as StreamRoom;

function measure(text: string, encoding: BufferEncoding, bytes: number): string {
  const all = Buffer.concat(
    Array.from({ length: MESSAGES }, (_, i) => {
      const head = `<30>Nov 22 17:00:00 ${TAGS[i % TAGS.length]}[4711]: `;
      const times = Math.floor((bytes - head.length) / Buffer.byteLength(text, encoding));
      const message = Buffer.alloc(bytes, '.');
      message.write(head + text.repeat(times), encoding);
      return message;
    }),
  );
  const recorder = new Recorder(room, 'bench');
  const { record } = recorder;
  const batch = createBatch([['host.name', 'bench']]);
  const sender = createSenders(room).peer('');
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < MESSAGES; i++) {
      recorder.fill(all, i * bytes, (i + 1) * bytes, sender, BEGIN, false);
      record.position = i;
      batch.add(record);
      if (batch.bytes >= 2 ** 20) batch.seal().room.release();
    }
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / MESSAGES);
  }
  const [least] = times.sort((a, b) => a - b);
  return `${least!.toFixed(2)} (${times[rounds >> 1]!.toFixed(2)})`.padStart(14);
}

console.log(
  'µs CPU a message, least of the rounds (median)\n  bytes         ASCII         UTF-8       Latin-1',
);
for (const bytes of values.bytes.split(',').map(Number))
  console.log(
    `${bytes}`.padStart(7) +
      measure('request served for 10.20.30.40, status 200; ', 'latin1', bytes) +
      measure('Anfrage für 10.20.30.40 ausgeführt, Größe 5120; ', 'utf8', bytes) +
      measure('Anfrage für 10.20.30.40 ausgeführt, Größe 5120; ', 'latin1', bytes),
  );
