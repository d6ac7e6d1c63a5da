// What a process is called: after the program it runs, or after the script where the program only interprets. Pure.

import { commOf } from '../core/procstat.ts';

const INTERPRETER =
  /^(python|perl|ruby|node|nodejs|php|bash|dash|sh|java|lua|tclsh|deno|bun|mono|dotnet)[\d.]*$/;
/** Options of interpreters whose value is the next argument. */
const WITH_VALUE = /^(-cp|-classpath|--class-path|-p|--module-path|-r|--require|--import|--loader|-W|-X|-I)$/;
/** What follows is code, and code has no name. */
const CODE = /^(-\w*c|-e|--eval|-s)$/;
/** They wait, or pass on what they are given: no daemon is called by them, and a hundred others run them. */
const UTILITY = /^(sleep|tail|cat|tee|timeout|watch|yes|xargs|nohup|setsid|true)$/;

const SUFFIX = /\.\w{1,4}$/;

/** What the next release changes of a path: `shop-1.2.3-rc1.jar`, `/releases/20240131120000/`. */
export const VERSION =
  /(?<=[-_/])v?\d+(?:\.\d+)+(?:[-+.]\w+)*?(?=\/|\.[a-zA-Z]\w{0,3}$|$)|(?<=\/)\d{8,}(?=\/)/g;

/** The path of a script, whichever release it is of. */
export const unversioned = (script: string): string =>
  script.replace(VERSION, '').replace(/[-_]+(?=\/|\.\w{1,4}$|$)/g, '') || script;

export interface Program {
  readonly name: string;
  /** The argument that tells it from others of the same interpreter. */
  readonly script: string | undefined;
}

/** What a program in memory alone is called by the kernel: another name each time. */
export const isInMemory = (comm: string): boolean => comm.startsWith('memfd:');

/** Undefined for an interpreter whose code has no name, a shell more often than not, and for a utility. */
export function programOf(comm: string, exe: string | undefined, cmdline: string): Program | undefined {
  if (UTILITY.test(comm)) return undefined;
  const [first = '', ...args] = cmdline.split(' ');
  const called = baseOf(first).replace(/^-/, '');
  const file = exe === undefined ? called : baseOf(exe);
  // One that has changed its title is no longer called by what interprets it.
  if (INTERPRETER.test(file) && INTERPRETER.test(called)) {
    const script = scriptOf(args);
    const name = script && baseOf(unversioned(script)).replace(SUFFIX, '');
    return name ? { name, script } : undefined;
  }
  const isFile = exe === undefined ? isInMemory(comm) && called !== '' : isNamedAfter(comm, exe);
  return { name: isFile ? file : comm, script: undefined };
}

function scriptOf(args: readonly string[]): string | undefined {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (CODE.test(arg)) return undefined;
    if (WITH_VALUE.test(arg)) i++;
    else if (arg !== '' && !arg.startsWith('-')) return /^\/(dev|proc)\//.test(arg) ? undefined : arg;
  }
  return undefined;
}

/** Whether the kernel calls a process of this file so. */
export const isNamedAfter = (comm: string, exe: string): boolean => comm === commOf(baseOf(exe));

/**
 * What scripts are called whose files have one name: so much of their paths, from the end, as tells them from each other and
 * from what is `taken`.
 */
export function namesOf(scripts: readonly string[], taken: ReadonlySet<string>): string[] {
  const deepest = Math.max(...scripts.map(script => script.split('/').length));
  for (let depth = 1; depth <= deepest; depth++)
    for (const tail of [SUFFIX, '']) {
      const names = scripts.map(script =>
        nameOf(script.split('/').slice(-depth).join('/').replace(tail, '')),
      );
      if (new Set(names).size === names.length && !names.some(name => taken.has(name))) return names;
    }
  return scripts.map(nameOf);
}

const baseOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

const MAX_NAME = 64;

/** Fit for a key of `daemons:` and for a label. */
export const nameOf = (text: string): string =>
  text
    .replaceAll('\\x2d', '-')
    .replace(/[^a-zA-Z0-9_.@-]+/g, '_')
    .replace(/^[^a-zA-Z0-9]+/, '')
    .slice(0, MAX_NAME) || 'unnamed';
