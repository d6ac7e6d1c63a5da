// What does a local syslog message cost? The agent beside rsyslog, Fluent Bit where FLUENT_BIT= names one, the least that
// delivers it by OTLP (relay), and the kernel's floor. Figures are for each message that arrived, medians of all rounds; the agent gives up what comes faster than
// it can carry, the others hold the sender back.
//   node bench/syslog.ts [--messages 2000000] [--bytes 150,1024] [--qlen 512,10] [--rounds 1] [--rate PER_SECOND]
//                        [--only eudaemon,rsyslog]

import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startOwn, tempDir, until } from './process.ts';
import { type Figures, measure, median, printFigures } from './receiver.ts';
import { relay } from './relay.ts';
import { agent, floor, type Make, named, rsyslog } from './socket-receivers.ts';
import { withEach } from './sysctl.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '2000000' },
    bytes: { type: 'string', default: '150,1024' },
    qlen: { type: 'string', default: '512,10' },
    rounds: { type: 'string', default: '1' },
    rate: { type: 'string' },
    only: { type: 'string' },
  },
});
const messages = Number(values.messages);
/** Sent before the measurement, so that every program is warm. */
const warm = Math.min(messages, 400_000);

const receivers: Record<string, Make> = {
  floor: floor(warm, messages),
  ...relay('socket'),
  eudaemon: agent,
  rsyslog,
  ...named(process.env),
};

async function measureOne(make: Make, name: string, bytes: string): Promise<Figures> {
  const dir = tempDir();
  const socket = join(dir, 'log.sock');
  const receiver = await make(socket, dir);
  await until(`${name} listens`, () => existsSync(socket));
  const sender = startOwn('sender.ts', socket, bytes);
  const figures = await measure(receiver, warm, messages, async count => {
    sender.write(`${count} ${values.rate ?? ''}\n`);
    await sender.line();
  });
  await sender.stop();
  return figures;
}

const wanted = values.only?.split(',');
const chosen = Object.entries(receivers).filter(([name]) => !wanted || wanted.includes(name));
await withEach('/proc/sys/net/unix/max_dgram_qlen', values.qlen.split(','), async qlen => {
  for (const bytes of values.bytes.split(',')) {
    const rounds = new Map<string, Figures[]>(chosen.map(([name]) => [name, []]));
    // Round by round, so that what else the machine does meets all of them.
    for (let round = 0; round < Number(values.rounds); round++)
      for (const [name, make] of chosen) rounds.get(name)!.push(await measureOne(make, name, bytes));
    const rate = values.rate ? ` at ${values.rate}/s` : '';
    const load = loadavg()[0]!.toFixed(1);
    printFigures(
      `${messages} messages of ${bytes} bytes${rate}, qlen ${qlen}, median of ${values.rounds}, load ${load}`,
      'message',
      new Map([...rounds].map(([name, each]) => [name, median(each)])),
    );
  }
});
