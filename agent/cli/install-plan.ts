// What an installation consists of on each init system: which files, where, and the commands that go with them. Pure but
// for reading the packaged files.

import { readFileSync } from 'node:fs';
import { packaged } from '../config/recipes.ts';

export const INITS = ['systemd', 'openrc', 'sysv', 'launchd', 'supervisord', 'pm2', 'upstart'] as const;
export type Init = (typeof INITS)[number];

export interface PlannedFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

export interface Plan {
  readonly files: readonly PlannedFile[];
  /** The user that the service runs as, where that is not root. */
  readonly user: string | undefined;
  /** Commands that a person runs next, and those before the files are removed. */
  readonly next: readonly string[];
  readonly before: readonly string[];
  /** The configuration the service reads. */
  readonly config: string;
}

const PROGRAM = '/usr/bin/eudaemon';
const CONFIG = '/etc/eudaemon/eudaemon.yaml';

interface Recipe {
  /** Packaged file and where it goes. */
  readonly files: readonly (readonly [packaged: string, path: string, mode?: number])[];
  readonly user?: string;
  readonly next: readonly string[];
  readonly before: readonly string[];
  readonly config?: string;
  /** As the packaged files name the program, where that is another place. */
  readonly program?: string;
}

const RECIPES: Readonly<Record<Init, Recipe>> = {
  systemd: {
    files: [
      ['systemd/eudaemon.service', '/etc/systemd/system/eudaemon.service'],
      ['systemd/eudaemon.sysusers', '/etc/sysusers.d/eudaemon.conf'],
    ],
    user: 'eudaemon',
    next: ['systemctl daemon-reload', 'systemctl enable --now eudaemon'],
    before: ['systemctl disable --now eudaemon'],
  },
  openrc: {
    files: [['openrc/eudaemon', '/etc/init.d/eudaemon', 0o755]],
    next: ['rc-update add eudaemon default', 'rc-service eudaemon start'],
    before: ['rc-service eudaemon stop', 'rc-update del eudaemon default'],
  },
  sysv: {
    files: [['sysv/eudaemon', '/etc/init.d/eudaemon', 0o755]],
    next: ['update-rc.d eudaemon defaults', 'service eudaemon start'],
    before: ['service eudaemon stop', 'update-rc.d -f eudaemon remove'],
  },
  launchd: {
    files: [['launchd/eudaemon.plist', '/Library/LaunchDaemons/eudaemon.plist']],
    next: ['launchctl bootstrap system /Library/LaunchDaemons/eudaemon.plist'],
    before: ['launchctl bootout system/eudaemon'],
    config: '/usr/local/etc/eudaemon/eudaemon.yaml',
    program: '/usr/local/bin/eudaemon',
  },
  supervisord: {
    files: [['supervisord/eudaemon.conf', '/etc/supervisor/conf.d/eudaemon.conf']],
    next: ['supervisorctl reread', 'supervisorctl add eudaemon'],
    before: ['supervisorctl stop eudaemon', 'supervisorctl remove eudaemon'],
  },
  pm2: {
    files: [['pm2/ecosystem.config.cjs', '/etc/eudaemon/ecosystem.config.cjs']],
    next: ['pm2 start /etc/eudaemon/ecosystem.config.cjs', 'pm2 save'],
    before: ['pm2 delete eudaemon', 'pm2 save'],
  },
  upstart: {
    files: [['upstart/eudaemon.conf', '/etc/init/eudaemon.conf']],
    next: ['initctl reload-configuration', 'initctl start eudaemon'],
    before: ['initctl stop eudaemon'],
  },
};

/** `program` is the one that is to be run. Throws for what the packaged files cannot hold. */
export function plan(init: Init, program: string): Plan {
  const { files, user, next, before, config = CONFIG, program: named = PROGRAM } = RECIPES[init];
  return {
    user,
    next,
    before,
    config,
    files: files.map(([name, path, mode = 0o644]) => ({
      path,
      mode,
      text: readFileSync(packaged(...name.split('/')), 'utf8').replaceAll(named, program),
    })),
  };
}

/** The init system of this host: what runs as pid 1, or what is there. `has` tells whether a path exists. */
export function detectInit(platform: string, has: (path: string) => boolean): Init | undefined {
  if (platform === 'darwin') return 'launchd';
  if (has('/run/systemd/system')) return 'systemd';
  if (has('/run/openrc') || has('/sbin/openrc-run')) return 'openrc';
  if (has('/sbin/initctl') && has('/etc/init')) return 'upstart';
  if (has('/etc/init.d')) return 'sysv';
  return undefined;
}
