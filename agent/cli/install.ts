// `eudaemon install` and `uninstall`: the service files of this host, for this program where it is.

import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createPatterns } from '../config/index.ts';
import { packaged } from '../config/recipes.ts';
import { toYaml } from '../config/yaml.ts';
import { makeDirectory } from '../control/directories.ts';
import { findAccount } from '../control/user.ts';
import { systemClock } from '../core/clock.ts';
import { causeOf, SetupError, UsageError } from '../core/errors.ts';
import { didYouMean } from '../core/units.ts';
import { readOptions } from './args.ts';
import { createFinder } from './find.ts';
import type { Command } from './index.ts';
import { detectInit, INITS, type Init, type Plan, type PlannedFile, plan } from './install-plan.ts';

const OPTIONS = `      --init INIT       ${INITS.join(' ')}; detected when absent
      --root DIR        install below DIR, as for an image; no user is made there
      --print           show what would be done, and do nothing`;

const say = (text: string) => void process.stdout.write(`${text}\n`);

interface Asked {
  readonly init: Init;
  readonly root: string;
  readonly print: boolean;
}

function parse(command: string, argv: string[]): Asked {
  const values = readOptions(command, argv, {
    init: { type: 'string' },
    root: { type: 'string' },
    print: { type: 'boolean' },
  });
  const root = resolve(values.root ?? '/');
  const { init = detectInit(process.platform, path => existsSync(join(root, path))) } = values;
  if (init === undefined)
    throw new UsageError(`${command}: cannot tell the init system of this host; name it with --init`);
  if (!INITS.includes(init as Init)) {
    throw new UsageError(
      `${command}: --init "${init}" is not one of ${INITS.join(', ')}${didYouMean(init, INITS)}`,
    );
  }
  return { init: init as Init, root, print: values.print ?? false };
}

export const install: Command = {
  summary: 'install the service files of this host',
  usage: `eudaemon install [--init INIT] [--root DIR] [--print]

${OPTIONS}

Writes the files that the init system wants, with the path of this very program; makes the user of the service where it
has one; and writes a configuration for the daemons that run now, unless there is one; below DIR it is one that finds them
when the agent runs. It starts nothing: the commands that do are printed.`,
  async run(argv) {
    const asked = parse('install', argv);
    const todo = plan(asked.init, ownProgram());
    const config = join(asked.root, todo.config);
    const files = todo.files.map(file => ({ ...file, path: join(asked.root, file.path) }));
    if (!existsSync(config)) files.push({ path: config, mode: 0o640, text: firstConfig(asked.root) });
    if (asked.print) return print(files, todo);
    for (const file of files) {
      write(file);
      say(`wrote ${file.path}`);
    }
    if (todo.user !== undefined) {
      if (asked.root === '/') makeUser(todo.user, config);
      else say(`the user ${todo.user} is to be made there, as by systemd-sysusers`);
    }
    say(`next: ${todo.next.join(' && ')}`);
    return 0;
  },
};

export const uninstall: Command = {
  summary: 'remove what install wrote; configuration, state and user stay',
  usage: `eudaemon uninstall [--init INIT] [--root DIR] [--print]

${OPTIONS}

Stop the service first, with the commands that --print shows. The configuration, the state directory and the user stay.`,
  async run(argv) {
    const asked = parse('uninstall', argv);
    const todo = plan(asked.init, ownProgram());
    if (asked.print) say(`before: ${todo.before.join(' && ')}`);
    for (const { path } of todo.files) {
      const there = join(asked.root, path);
      if (!existsSync(there)) say(`there is no ${there}`);
      else if (asked.print) say(`would remove ${there}`);
      else {
        rmSync(there);
        say(`removed ${there}`);
      }
    }
    if (!asked.print) say(`${join(asked.root, todo.config)} stays`);
    return 0;
  },
};

function print(files: readonly PlannedFile[], { user, next }: Plan): number {
  for (const { path, mode, text } of files) say(`# ${path} (mode ${mode.toString(8)})\n${text}`);
  if (user !== undefined) say(`# user ${user} is made when there is none`);
  say(`# next: ${next.join(' && ')}`);
  return 0;
}

/** The program that is to be run: bin/eudaemon beside this installation, whichever it is. */
function ownProgram(): string {
  const program = join(dirname(dirname(realpathSync(process.argv[1]!))), 'bin/eudaemon');
  if (!existsSync(program))
    throw new SetupError(`cannot find program "${program}": this installation is not whole`);
  if (/[\s"'$%\\&<>]/.test(program))
    throw new SetupError(
      `cannot install program "${program}": service files cannot name such a path; move it`,
    );
  return program;
}

/** What runs here will not run where an image does: there the agent looks for itself. */
function firstConfig(root: string): string {
  if (root !== '/') return readFileSync(packaged('eudaemon.yaml'), 'utf8');
  const finder = createFinder({ patterns: createPatterns(), ...systemClock });
  const { daemons } = finder.find({ agent: { host_root: '/' }, daemons: [] });
  return toYaml(
    "Written by 'eudaemon install' for the daemons that ran then; 'eudaemon check' tells what they lack.",
    { daemons: finder.write(daemons) },
  );
}

function write({ path, mode, text }: PlannedFile): void {
  try {
    makeDirectory(dirname(path), 0o755);
    writeFileSync(path, text, { mode });
    chmodSync(path, mode);
  } catch (error) {
    const fix = process.getuid?.() === 0 ? '' : '; run it as root, or see --print';
    throw new SetupError(`cannot write "${path}": ${causeOf(error)}${fix}`, { cause: error });
  }
}

/** Makes the user when there is none, and lets it read the configuration. */
function makeUser(user: string, config: string): void {
  try {
    findAccount(user);
  } catch {
    try {
      execFileSync(
        'useradd',
        ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', user],
        {
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      );
      say(`made user ${user}`);
    } catch (error) {
      throw new SetupError(`cannot make user "${user}": ${causeOf(error)}`, { cause: error });
    }
  }
  execFileSync('chgrp', [String(findAccount(user).gid), config]);
}
