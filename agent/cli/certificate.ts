// A death certificate as text for people.

import type { Certificate, Samples } from '../core/certificate.ts';
import { tellSize } from '../core/units.ts';
import { duration, how, lived, sentence } from '../identity/sentence.ts';
import { age, type paint } from './format.ts';
import { visible } from './record.ts';

type Paint = ReturnType<typeof paint>;

const iso = (ms: number): string => new Date(ms).toISOString();

/** `lines`: how many of the last log records. */
export function certificateText(certificate: Certificate, now: number, color: Paint, lines: number): string {
  const { at, startedAt, exit, corePattern, fds, memory, samples, checks, alsoDied, restart, logs } =
    certificate;
  const facts: [string, string | undefined][] = [
    [
      'when',
      `${exit.lastSeenAt === undefined ? '' : `between ${iso(exit.lastSeenAt)} and `}${iso(at)}, ${age(now - at)} ago`,
    ],
    [
      'began',
      startedAt === undefined ? undefined : `${iso(startedAt)}, lived ${lived(certificate, startedAt)}`,
    ],
    ['exit', exitText(exit)],
    ['core', exit.coreDumped ? `dumped${corePattern ? `, to "${visible(corePattern)}"` : ''}` : undefined],
    ['systemd', exit.systemdResult],
    ['cpu', trail(samples, 'cpu', value => `${(value * 100).toFixed(1)} %`)],
    ['memory', trail(samples, 'memory', tellSize) ?? (memory === undefined ? undefined : tellSize(memory))],
    ['fds', trail(samples, 'fds', value => fdsText(fds, value))],
    ...checks.map(({ name, healthy, message }): [string, string] => [
      'check',
      `${name}: ${healthy ? color('green', 'ok') : color('red', 'failing')}${message ? ` (${visible(message)})` : ''}`,
    ]),
    ...alsoDied.map((other): [string, string] => [
      'also died',
      `${other.daemon}[${other.pid}] ${how(other.exit)}, ${duration(Math.abs(other.at - at))} ${other.at < at ? 'before' : 'after'}`,
    ]),
    ['restart', restart ? `as process ${restart.pid}, ${duration(restart.at - at)} later` : 'none seen'],
  ];
  const told = facts.filter(([, text]) => text !== undefined);
  const words = logs.slice(-lines);
  const head = words.length < logs.length ? `the last ${words.length} of ${logs.length}` : 'the last';
  return [
    color('bold', visible(sentence(certificate))),
    ...told.map(([name, text]) => `  ${name.padEnd(10)} ${text}`),
    ...(words.length > 0 ? [`  ${head} log records`] : ['  no log records']),
    ...words.map(({ at, severity, body }) => {
      const text = visible(body).replaceAll('\n', '\n      ');
      return `    ${color('dim', iso(at).slice(11, 23))} ${severity}: ${text}`;
    }),
    '',
  ].join('\n');
}

function exitText({ reason, code, signal, source }: Certificate['exit']): string {
  const what =
    reason === 'exit'
      ? `status ${code ?? 'unknown'}`
      : reason === 'unknown'
        ? 'unknown'
        : `${signal ?? 'signal'}${code === undefined ? '' : ` (${code})`}${reason === 'oom' ? ', by the kernel, for memory' : ''}`;
  return source === undefined ? what : `${what}, seen by ${source}`;
}

function fdsText(fds: Certificate['fds'], open: number): string {
  if (!fds) return String(open);
  const { limit, usage } = fds;
  if (usage === undefined) return String(open);
  return `${open}, at most ${(usage * 100).toFixed(1)} % of ${limit === undefined ? 'the limit' : `a limit of ${limit}`}`;
}

const BARS = '▁▂▃▄▅▆▇█';
const WIDTH = 40;

/** The last figure and how it came there; undefined without any. */
function trail(
  samples: Samples,
  key: 'cpu' | 'memory' | 'fds',
  text: (value: number) => string,
): string | undefined {
  const figures = samples[key].flatMap((value, i) => (value === null ? [] : [{ value, at: samples.at[i]! }]));
  if (figures.length === 0) return undefined;
  const shown = figures
    .slice(-WIDTH * 3)
    .filter((_, i, all) => (all.length - 1 - i) % Math.ceil(all.length / WIDTH) === 0);
  const top = Math.max(...shown.map(({ value }) => value));
  const bars = shown
    .map(({ value }) => BARS[top > 0 ? Math.round((value / top) * (BARS.length - 1)) : 0])
    .join('');
  const over = duration(figures.at(-1)!.at - shown[0]!.at);
  return `${text(figures.at(-1)!.value)}${shown.length > 1 ? `  ${bars} over ${over}` : ''}`;
}
