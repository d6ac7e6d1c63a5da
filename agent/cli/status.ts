// `eudaemon status`: the running agent's daemons, checks, queues and ledger, asked over its control socket.

import type {
  AgentView,
  CertificatesView,
  DaemonsView,
  DaemonView,
  EndpointsView,
} from '../../console/api.ts';
import { tellEndpoints } from '../core/endpoints.ts';
import { tellSize } from '../core/units.ts';
import { CONFIG, readDaemon, undeclared } from './args.ts';
import { certificateText } from './certificate.ts';
import { readAgent } from './config.ts';
import { ask } from './control.ts';
import { age, columns, paint, width } from './format.ts';
import type { Command } from './index.ts';
import { visible } from './record.ts';
import { tellPidfile } from './service.ts';

export const status: Command = {
  summary: "the running agent's daemons, checks, queues and ledger",
  usage: `eudaemon status [DAEMON] [--json] [--config FILE]
       eudaemon status --pidfile FILE

      --json            everything there is to know, as one JSON object
  -c, --config FILE     the configuration of the agent to ask: its agent.run_dir holds the control socket
      --pidfile FILE    only whether the agent of this pidfile runs, as LSB wants it told

Exits 0 when every daemon shown is up, 1 when one is not or no agent runs. With --pidfile: 0 when it runs, 1 when it is
dead and left its pidfile, 3 when it does not run, 4 when that cannot be told.`,
  async run(argv) {
    const { values, daemon: name } = readDaemon('status', argv, {
      json: { type: 'boolean' },
      pidfile: { type: 'string' },
      ...CONFIG,
    });
    if (values.pidfile !== undefined) return tellPidfile(values.pidfile);
    const agent = readAgent(values.config, process.env);
    const daemons = await ask<DaemonsView>(agent.run_dir, '/api/daemons');
    const shown = (daemons?.daemons ?? []).filter(daemon => name === undefined || daemon.name === name);
    if (name !== undefined && shown.length === 0) throw undeclared('status', name, daemons);
    const view = await ask<AgentView>(agent.run_dir, '/api/agent');
    const more = name === undefined ? undefined : await askMore(agent.run_dir, name);
    const color = paint(process.stdout);
    if (values.json)
      process.stdout.write(`${JSON.stringify({ agent: view, daemons: shown, ...more }, null, 2)}\n`);
    else if (more) process.stdout.write(details(shown[0]!, more, daemons!.now, color));
    else
      process.stdout.write(table(shown, daemons!.now, color, process.stdout.columns) + summary(view!, color));
    return shown.every(({ up }) => up) ? 0 : 1;
  },
};

interface More {
  readonly certificates: CertificatesView['certificates'];
  readonly endpoints: EndpointsView | undefined;
}

async function askMore(runDir: string, name: string): Promise<More> {
  const query = `daemon=${encodeURIComponent(name)}`;
  const deaths = await ask<CertificatesView>(runDir, `/api/certificates?${query}`);
  const endpoints = await ask<EndpointsView>(runDir, `/api/endpoints?${query}`);
  return { certificates: deaths?.certificates ?? [], endpoints };
}

type Paint = ReturnType<typeof paint>;

/** Of the log records of a death; `eudaemon why` has all. */
const LINES = 10;
const GOOD = new Set(['healthy']);
const stateColor = (state: string, color: Paint): string =>
  GOOD.has(state)
    ? color('green', state)
    : color(state === 'starting' || state === 'stopped' ? 'yellow' : 'red', state);

const percent = (share: number | undefined): string =>
  share === undefined ? '-' : `${(share * 100).toFixed(1)}%`;

const HEADS = [
  'DAEMON',
  'STATE',
  'SINCE',
  'INST',
  'CPU',
  'MEMORY',
  'FDS',
  'RESTARTS',
  'CHECKS',
  'LAST LOG',
] as const;
/** What a narrow terminal does without, first to last. */
const EXPENDABLE: readonly (typeof HEADS)[number][] = [
  'FDS',
  'INST',
  'LAST LOG',
  'RESTARTS',
  'SINCE',
  'CPU',
  'MEMORY',
  'CHECKS',
];

/** `room`: how many columns of text a line may have. */
export function table(daemons: readonly DaemonView[], now: number, color: Paint, room = Infinity): string {
  if (daemons.length === 0) return 'there are no daemons to watch\n';
  const rows = [HEADS.map(head => color('dim', head)), ...daemons.map(each => cells(each, now, color))];
  let left: readonly string[] = HEADS;
  const draw = () => columns(rows.map(row => row.filter((_, i) => left.includes(HEADS[i]!))));
  let text = draw();
  for (const head of EXPENDABLE) {
    if (text.split('\n').every(line => width(line) <= room)) break;
    left = left.filter(each => each !== head);
    text = draw();
  }
  return text;
}

function cells(daemon: DaemonView, now: number, color: Paint): string[] {
  const failing = daemon.checks.filter(({ healthy }) => healthy === false).length;
  return [
    daemon.name,
    stateColor(daemon.state, color),
    age(now - daemon.stateSince),
    String(daemon.instances.length),
    percent(daemon.cpu),
    daemon.memory === undefined ? '-' : tellSize(daemon.memory),
    daemon.openFds === undefined ? '-' : String(daemon.openFds),
    String(daemon.restarts),
    daemon.checks.length === 0
      ? '-'
      : failing > 0
        ? color('red', `${failing} of ${daemon.checks.length} failing`)
        : color('green', `${daemon.checks.length} ok`),
    daemon.lastLogAt === undefined ? '-' : `${age(now - daemon.lastLogAt)} ago`,
  ];
}

/** A line of `status DAEMON`. */
const row = (what: string, how: string): string => `  ${what.padEnd(12)} ${how}`;

/** Nothing of a daemon without processes. */
function usage({ cpu, memory, openFds, fdUsage, threads }: DaemonView): string[] {
  const figures = [
    cpu === undefined ? undefined : `cpu ${percent(cpu)}`,
    memory === undefined ? undefined : `memory ${tellSize(memory)}`,
    openFds === undefined
      ? undefined
      : `fds ${openFds}${fdUsage === undefined ? '' : ` (${percent(fdUsage)} of the limit)`}`,
    threads === undefined ? undefined : `threads ${threads}`,
  ].filter(figure => figure !== undefined);
  return figures.length === 0 ? [] : [row('usage', figures.join(', '))];
}

export function details(
  daemon: DaemonView,
  { certificates, endpoints }: More,
  now: number,
  color: Paint,
): string {
  const instances = daemon.instances.map(({ pid, startedAt }) => `${pid} (${age(now - startedAt)})`);
  const lines = [
    `${color('bold', daemon.name)}  ${stateColor(daemon.state, color)} for ${age(now - daemon.stateSince)}`,
    row('instances', instances.join(', ') || 'none'),
    ...usage(daemon),
    row('restarts', String(daemon.restarts)),
  ];
  for (const [resource, seconds] of Object.entries(daemon.exhaustion))
    lines.push(
      color('red', row('runs out', `of ${resource} in ${age(seconds * 1000)} if it goes on as it does`)),
    );
  if (daemon.hangs !== undefined) lines.push(color('red', row('hangs', visible(daemon.hangs))));
  if (daemon.nextStartAt !== undefined)
    lines.push(row('next start', `in ${age(daemon.nextStartAt - now)}, by its last restarts`));
  if (daemon.expectedDown) {
    const { until, reason } = daemon.expectedDown;
    const how = until === undefined ? 'until it has come up again' : `for ${age(until - now)} more`;
    lines.push(row('expected', `down ${how}${reason ? `: ${visible(reason)}` : ''}`));
  }
  if (daemon.manager !== undefined) lines.push(row('manager', visible(daemon.manager)));
  for (const [what, how] of Object.entries(daemon.posture ?? {})) lines.push(row(what, String(how)));
  for (const [what, which] of endpoints ? tellEndpoints(endpoints) : [])
    lines.push(row(what, visible(which)));
  for (const { name, healthy, message } of daemon.checks) {
    const verdict =
      healthy === undefined ? 'no verdict yet' : healthy ? color('green', 'ok') : color('red', 'failing');
    lines.push(row('check', `${name}: ${verdict}${message ? ` (${visible(message)})` : ''}`));
  }
  for (const { name, condition, met } of daemon.expectations) {
    const verdict =
      met === undefined ? 'cannot be told' : met ? color('green', 'met') : color('red', 'not met');
    lines.push(row('expects', `${name} ${condition}: ${verdict}`));
  }
  const [death] = certificates;
  const last = death ? `\n${certificateText(death, now, color, LINES)}` : '';
  return `${lines.join('\n')}\n${last}`;
}

function summary(agent: AgentView, color: Paint): string {
  const { ledger } = agent;
  const lines = [
    '',
    `agent ${agent.version} on ${agent.host}, pid ${agent.pid}, up ${age(agent.now - agent.startedAt)}, ${tellSize(agent.memory)}`,
    `ledger: ${ledger.received} received, ${ledger.dropped} dropped before the spool${ledger.processed > 0 ? ` (${ledger.processed} of them by processors)` : ''}, spool ${tellSize(ledger.spoolBytes)}`,
    ...agent.exporters.map(
      ({ name, up, delivered, dropped, spooled }) =>
        `exporter ${name}: ${up === false ? color('red', 'failing') : color('green', 'ok')}, ${delivered} delivered, ${dropped} dropped, ${spooled} in the spool`,
    ),
    ...agent.config.problems.map(problem => color('red', `last reload: ${problem}`)),
    ...(agent.faults.length > 0
      ? agent.faults.map(fault => color('red', `not ready: ${fault}`))
      : [color('green', 'ready')]),
  ];
  return `${lines.join('\n')}\n`;
}
