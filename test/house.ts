// The walls of the house as a function: file texts in, broken rules out. Pure, so that every rule is shown to bite.

interface Source {
  /** Path from the repository root, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** npm packages and the one place that may import each. */
const DOORS: readonly (readonly [pack: RegExp, place: RegExp, name: string])[] = [
  [/^bcryptjs$/, /^agent\/control\/http-auth\.ts$/, 'agent/control/http-auth'],
  [/^(fastify|@fastify\/.+)$/, /^agent\/control\/http/, 'agent/control/http*'],
  [/^nodemailer$/, /^exporters\/alert\/mail\.ts$/, 'exporters/alert/mail'],
  [/^prom-client$/, /^exporters\/prometheus\//, 'exporters/prometheus'],
  [/^@opentelemetry\/.+$/, /^exporters\/otlp\//, 'exporters/otlp'],
  [
    /^systeminformation$/,
    /^collectors\/(host\/|processes\/portable\.ts$)/,
    'collectors/host and collectors/processes/portable',
  ],
  [/^tail$/, /^agent\/cli\//, 'agent/cli'],
  [/^koffi$/, /^agent\/native\//, 'agent/native'],
  [/^(yaml|re2js)$/, /^agent\/config\//, 'agent/config'],
];

const SOURCE = /^(agent|collectors|exporters)\/.+\.ts$/;
const TEST = /^test\/.+\.ts$/;
/** Where the rooms meet: allowed to see all of them. */
const MEETING_PLACE = /^agent\/(cli\/.+|main|assemble|api|rights|web|worker)\.ts$/;
/** These run, they are not imported: what they hold at the top is the program's own. */
const PROGRAM = /^agent\/(main|worker)\.ts$/;
const PURE_NAME =
  /^(parse|frame|lines|multiline|verdict|exposition|encode|decode|protobuf|liveness|expect|negotiate|classify)/;
const MAX_LINES = 300;
/** Split, so that this file does not break its own rule. */
const UNFINISHED = new RegExp(`\\b(${['TO', 'FIX'].join('DO|')}ME)\\b`);
const SWITCHED_OFF = /\b(?:it|test|describe)(?:\.\w+)*\.(?:only|skip|skipIf|runIf|todo|fails)\b/;

/** Specifiers of every static, dynamic, re-exporting and type-only import, in order of appearance. */
export function importsOf(text: string): string[] {
  const patterns = [
    /^\s*(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\b(?:import|require)\s*\(\s*['"]([^'"]+)['"]/g,
  ];
  return patterns.flatMap(pattern => Array.from(text.matchAll(pattern), match => match[1]!));
}

const folder = (path: string): string => path.slice(0, path.lastIndexOf('/'));

/** The repository path a relative specifier names. */
function resolve(from: string, specifier: string): string {
  const parts = folder(from).split('/');
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** `agent/core`, `collectors/syslog`, …; undefined for meeting places and strays. */
const roomOf = (path: string): string | undefined =>
  MEETING_PLACE.test(path)
    ? undefined
    : /^(agent\/(?:core|config|identity|control|pipeline|native)|(?:collectors|exporters)\/[^/]+)\//.exec(
        path,
      )?.[1];

const isPure = (path: string): boolean =>
  path.startsWith('agent/core/') ||
  path.includes('/formats/') ||
  (!path.startsWith('agent/pipeline/') && PURE_NAME.test(path.slice(path.lastIndexOf('/') + 1)));

function importRule(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('node:'))
    return isPure(path) && specifier !== 'node:buffer'
      ? 'a pure file imports nothing of node: but buffer'
      : undefined;
  if (!specifier.startsWith('.')) {
    const door = DOORS.find(([pack]) =>
      pack.test(specifier.split('/', specifier[0] === '@' ? 2 : 1).join('/')),
    );
    if (!door) return 'no room is the door of this package';
    return door[1].test(path) ? undefined : `the door of this package is ${door[2]}`;
  }
  if (MEETING_PLACE.test(path)) return undefined;
  const target = resolve(path, specifier);
  const table = /^(collectors|exporters)\/index\.ts$/.exec(path)?.[1];
  if (table !== undefined)
    return target.startsWith(`${table}/`) || target.startsWith('agent/core/')
      ? undefined
      : 'a table imports only its children and agent/core';
  const room = roomOf(path);
  if (room === undefined)
    return 'a file of agent/ lives in a room, in cli/, or is main, assemble, api or worker';
  if (room === 'agent/core')
    return target.startsWith('agent/core/') ? undefined : 'agent/core imports nothing but itself';
  return [room, 'agent/core', 'agent/native'].some(allowed => target.startsWith(`${allowed}/`))
    ? undefined
    : `${room} imports only agent/core, agent/native and itself`;
}

function textRules(path: string, text: string): string[] {
  const rules: string[] = [];
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  if (UNFINISHED.test(text)) rules.push('unfinished work has no place in the tree');
  if (/(^|\/)(utils?|helpers?|common)(\/|\.ts$)/.test(path)) rules.push('a name says what is inside');
  if (TEST.test(path)) {
    if (SWITCHED_OFF.test(text)) rules.push('a test is never switched off');
    return rules;
  }
  if (lines > MAX_LINES) rules.push(`${lines} lines: split at ${MAX_LINES}`);
  if (!/^(#!.*\n)?\/[/*]/.test(text))
    rules.push('a file opens with a comment: what it is for, what it promises');
  if (/^(export )?let /m.test(text) && !PROGRAM.test(path)) rules.push('no module state');
  if (/^export default\b/m.test(text)) rules.push('named exports only');
  if (/^import (?!type\b)[^;]*from 'node:http';/m.test(text))
    rules.push('agent/native/http gives node:http for less');
  return rules;
}

/** Folders of collectors/ and exporters/ that their table does not name. */
function strangers(sources: readonly Source[]): string[] {
  return ['collectors', 'exporters'].flatMap(side => {
    const table = sources.find(source => source.path === `${side}/index.ts`)?.text ?? '';
    const rooms = new Set(
      sources.map(({ path }) => roomOf(path)).filter(room => room?.startsWith(`${side}/`)),
    );
    return [...rooms]
      .map(room => room!.slice(side.length + 1))
      .filter(name => !table.includes(`'./${name}/`))
      .map(name => `${side}/${name}: does not stand in ${side}/index.ts`);
  });
}

/** Every broken rule as `<file>: [imports "<specifier>": ]<rule>`; empty when the house stands. */
export function brokenRules(sources: readonly Source[]): string[] {
  const own = sources.filter(({ path }) => SOURCE.test(path));
  return [
    ...sources.flatMap(({ path, text }) => textRules(path, text).map(rule => `${path}: ${rule}`)),
    ...own.flatMap(({ path, text }) =>
      importsOf(text).flatMap(specifier => {
        const rule = importRule(path, specifier);
        return rule === undefined ? [] : [`${path}: imports "${specifier}": ${rule}`];
      }),
    ),
    ...strangers(own),
  ];
}
