// Recipes against the daemons they are about, as Debian has them: each is recognised, its check holds, and what it
// writes arrives under its name with severity and time. Files, ports and sockets are of the test; the rest is the recipe's.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createRecipes } from '../../agent/config/recipes.ts';
import type { DaemonsView } from '../../console/api.ts';
import { find, have } from '../tools.ts';
import { startBackend } from './backend.ts';
import { familyOf, killGroup } from './daemons.ts';
import { createHome, freePort, startProgram, tempDir } from './program.ts';
import { until } from './until.ts';

interface Place {
  readonly directory: string;
  readonly port: number;
  /** Two more. */
  readonly ports: readonly [number, number];
  /** A Unix socket for the daemon to listen on. */
  readonly socket: string;
  /** Writes a file of the daemon's directory; its path. */
  file(name: string, content: string): string;
}

interface Case {
  readonly recipe: string;
  readonly program: string;
  /** Other programs without which it is not run. */
  readonly needs?: readonly string[];
  readonly args: (place: Place) => readonly string[];
  /** The file it logs to; else what it tells /dev/log. */
  readonly log?: string;
  /** A line it writes when it starts; none for those that write to stderr alone. */
  readonly says?: { readonly text: RegExp; readonly severity: number };
  /** It logs clients it does not like as errors: the check is none of them. */
  readonly picky?: boolean;
}

const CASES: readonly Case[] = [
  {
    recipe: 'redis',
    program: 'redis-server',
    args: ({ directory, port }) =>
      `--port ${port} --bind 127.0.0.1 --appendonly no --dir ${directory} --logfile ${directory}/redis.log`.split(
        ' ',
      ),
    log: 'redis.log',
    says: { text: /^Ready to accept connections/, severity: 10 },
  },
  {
    recipe: 'memcached',
    program: 'memcached',
    args: ({ port }) => ['-u', 'nobody', '-l', '127.0.0.1', '-p', `${port}`],
  },
  {
    recipe: 'mosquitto',
    program: 'mosquitto',
    args: ({ directory, port, file }) => [
      '-c',
      file(
        'm.conf',
        `user root\nlistener ${port} 127.0.0.1\nlog_dest file ${directory}/mosquitto.log\nallow_anonymous true\n`,
      ),
    ],
    log: 'mosquitto.log',
    says: { text: /^mosquitto version .* running/, severity: 0 },
  },
  {
    recipe: 'haproxy',
    program: 'haproxy',
    args: ({ port, socket, file }) => [
      '-db',
      '-f',
      file(
        'h.cfg',
        `global
  log /dev/log local0
  stats socket ${socket} mode 600 level admin
defaults
  mode http
  log global
  timeout connect 1s
  timeout client 1s
  timeout server 1s
frontend web
  bind 127.0.0.1:${port}
  default_backend none
backend none
  server none 127.0.0.1:1 check inter 100ms
`,
      ),
    ],
    says: { text: /backend none has no server available/, severity: 21 },
  },
  {
    recipe: 'supervisord',
    program: 'supervisord',
    args: ({ directory, socket, file }) => [
      '-n',
      '-c',
      file(
        's.conf',
        `[unix_http_server]\nfile=${socket}\n[supervisord]\nlogfile=${directory}/supervisord.log\npidfile=${directory}/s.pid\nuser=root\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n`,
      ),
    ],
    log: 'supervisord.log',
    says: { text: /^supervisord started with pid/, severity: 9 },
  },
  {
    recipe: 'nginx',
    program: 'nginx',
    args: ({ directory, port, file }) => [
      '-e',
      `${directory}/error.log`,
      '-c',
      file(
        'n.conf',
        `daemon off; pid ${directory}/n.pid; user root; worker_processes 1; error_log ${directory}/error.log notice;
events { worker_connections 64; }
http { access_log off; server { listen 127.0.0.1:${port}; } }
`,
      ),
    ],
    log: 'error.log',
    says: { text: /start worker process \d+$/, severity: 10 },
  },
  {
    recipe: 'apache2',
    program: 'apache2',
    args: ({ directory, port, file }) => [
      '-DFOREGROUND',
      '-f',
      file(
        'a.conf',
        `ServerRoot ${directory}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
ServerName localhost
PidFile ${directory}/a.pid
DefaultRuntimeDir ${directory}
Listen 127.0.0.1:${port}
ErrorLog ${directory}/error.log
User daemon
Group daemon
`,
      ),
    ],
    log: 'error.log',
    says: { text: /resuming normal operations/, severity: 10 },
  },
  {
    recipe: 'named',
    program: 'named',
    args: ({ directory, port, file }) => [
      '-f',
      '-c',
      file(
        'named.conf',
        `options { directory "${directory}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
pid-file "${directory}/named.pid"; session-keyfile "${directory}/session.key"; recursion no; };
controls { };
`,
      ),
    ],
    says: { text: /^running$/, severity: 10 },
  },
  {
    recipe: 'sshd',
    program: 'sshd',
    args: ({ directory, port }) => [
      '-D',
      '-h',
      join(directory, 'key'),
      '-o',
      `ListenAddress=127.0.0.1:${port}`,
      '-o',
      'PidFile=none',
    ],
    says: { text: /^Server listening on 127\.0\.0\.1 port/, severity: 9 },
    picky: true,
  },
  {
    recipe: 'cron',
    program: 'cron',
    args: () => ['-f', '-L', '15'],
    says: { text: /INFO \(pidfile fd/, severity: 9 },
  },
  {
    recipe: 'chrony',
    program: 'chronyd',
    args: ({ directory, file }) => [
      '-n',
      '-x',
      '-u',
      'root',
      '-f',
      file('c.conf', `pidfile ${directory}/c.pid\n`),
    ],
    says: { text: /^chronyd version/, severity: 9 },
  },
  {
    recipe: 'dbus-daemon',
    program: 'dbus-daemon',
    args: ({ socket }) => ['--system', '--nofork', '--nopidfile', `--address=unix:path=${socket}`],
  },
  {
    recipe: 'prometheus',
    program: 'prometheus',
    args: ({ directory, port, file }) => [
      `--config.file=${file('p.yaml', '{}')}`,
      `--storage.tsdb.path=${directory}/tsdb`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
  },
  {
    recipe: 'postgres',
    program: 'sh',
    needs: ['psql', 'setpriv'],
    args: ({ directory, port, socket }) => [
      '-ec',
      `cd "$1"; chmod 755 .; mkdir data; chown postgres data
as() { setpriv --reuid postgres --regid postgres --clear-groups "$@"; }
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
as "$bin/initdb" -D data -A trust >initdb.log 2>&1
ln -s data/.s.PGSQL.${port} ${socket}
exec setpriv --reuid postgres --regid postgres --clear-groups "$bin/postgres" -D data -p ${port} -h 127.0.0.1 \
  -k "$1/data" -c logging_collector=on -c log_directory="$1/data" -c log_filename=postgres.log \
  -c log_line_prefix='%m [%p] %q%u@%d '`,
      'postgres',
      directory,
    ],
    log: 'data/postgres.log',
    says: { text: /^database system is ready to accept connections/, severity: 9 },
  },
  {
    recipe: 'mysql',
    program: 'sh',
    needs: ['mariadbd', 'mariadb-install-db'],
    args: ({ directory, port, socket }) => [
      '-ec',
      `cd "$1"; mkdir data
mariadb-install-db --no-defaults --user=root --datadir="$1/data" >install.log 2>&1
exec mariadbd --no-defaults --user=root --datadir="$1/data" --socket=${socket} --port=${port} \
  --bind-address=127.0.0.1 --pid-file="$1/pid" --log-error="$1/mysql.log"`,
      'mysql',
      directory,
    ],
    log: 'mysql.log',
    says: { text: /ready for connections/, severity: 10 },
  },
  {
    recipe: 'php-fpm',
    program: 'php-fpm8.2',
    args: ({ directory, port, file }) => [
      '-F',
      '-R',
      '-y',
      file(
        'fpm.conf',
        `[global]
pid = ${directory}/fpm.pid
error_log = ${directory}/fpm.log
[www]
user = nobody
listen = 127.0.0.1:${port}
pm = static
pm.max_children = 2
`,
      ),
    ],
    log: 'fpm.log',
    says: { text: /^ready to handle connections/, severity: 10 },
  },
  {
    recipe: 'postfix',
    program: 'sh',
    needs: ['postfix'],
    args: ({ directory, port, file }) => {
      file(
        'main.cf',
        `compatibility_level = 3.6
queue_directory = ${directory}/spool
data_directory = ${directory}/data
myhostname = here.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
`,
      );
      file(
        'master.cf',
        `127.0.0.1:${port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
`,
      );
      return [
        '-ec',
        'cd "$1"; chmod 755 .; mkdir spool data; chown postfix data; exec postfix -c "$1" start-fg',
        'postfix',
        directory,
      ];
    },
    says: { text: /^daemon started -- version/, severity: 9 },
  },
  {
    recipe: 'cupsd',
    program: 'cupsd',
    args: ({ directory, port, file }) => [
      '-f',
      '-c',
      file('cupsd.conf', `LogLevel info\nListen 127.0.0.1:${port}\n`),
      '-s',
      file(
        'cups-files.conf',
        `ErrorLog ${directory}/error_log\nRequestRoot ${directory}/spool\nCacheDir ${directory}/cache\nStateDir ${directory}/state\n`,
      ),
    ],
    log: 'error_log',
    says: { text: /Listening to 127\.0\.0\.1/, severity: 9 },
  },
  {
    recipe: 'node_exporter',
    program: 'prometheus-node-exporter',
    args: ({ port }) => [`--web.listen-address=127.0.0.1:${port}`],
  },
  {
    recipe: 'rsyslog',
    program: 'rsyslogd',
    args: ({ directory, port, file }) => [
      '-n',
      '-f',
      file(
        'rsyslog.conf',
        `global(workDirectory="${directory}")
module(load="imudp")
input(type="imudp" address="127.0.0.1" port="${port}")
*.* action(type="omfile" file="${directory}/all.log")
`,
      ),
      '-i',
      join(directory, 'rsyslogd.pid'),
    ],
  },
  {
    recipe: 'rabbitmq',
    program: 'sh',
    needs: ['rabbitmq-server'],
    args: ({ directory, port, ports: [names, distribution] }) => [
      '-ec',
      `cd "$1"
export HOME=$1 RABBITMQ_MNESIA_BASE=$1/mnesia RABBITMQ_LOG_BASE=$1 RABBITMQ_LOGS=$1/rabbit.log
export RABBITMQ_NODENAME=eudaemon@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=${port}
epmd -address 127.0.0.1 -port ${names} &
export RABBITMQ_DIST_PORT=${distribution} ERL_EPMD_PORT=${names} RABBITMQ_PID_FILE=$1/pid RABBITMQ_ENABLED_PLUGINS_FILE=$1/plugins
exec /usr/lib/rabbitmq/bin/rabbitmq-server`,
      'rabbitmq',
      directory,
    ],
    log: 'rabbit.log',
    says: { text: /Server startup complete/, severity: 9 },
    picky: true,
  },
  {
    recipe: 'systemd-journald',
    program: 'sh',
    needs: ['systemd-analyze'],
    args: () => ['-c', 'exec /lib/systemd/systemd-journald'],
  },
  {
    recipe: 'containerd',
    program: 'containerd',
    args: ({ directory, socket, file }) => [
      '--config',
      file('containerd.toml', 'version = 2\n'),
      '--address',
      socket,
      '--root',
      join(directory, 'root'),
      '--state',
      join(directory, 'state'),
    ],
  },
  {
    recipe: 'dockerd',
    program: 'dockerd',
    args: ({ directory, socket, file }) => [
      `--config-file=${file('daemon.json', '{}')}`,
      `--host=unix://${socket}`,
      `--data-root=${directory}/data`,
      `--exec-root=${directory}/exec`,
      `--pidfile=${directory}/docker.pid`,
      '--iptables=false',
      '--ip6tables=false',
      '--bridge=none',
    ],
  },
];

/** /run is empty for it, and its /dev/log the agent's socket. */
const ALONE = `set -e
mount -t tmpfs none /run
mkdir -p /run/sshd /run/dbus /run/dev/shm
for device in null zero full random urandom tty; do cp -a "/dev/$device" /run/dev/; done
ln -s "$0" /run/dev/log
mount --bind /run/dev /dev
exec "$@"`;

function startAlone(
  log: string,
  program: string,
  args: readonly string[],
): { pid: number; output(): string } {
  const child = spawn(find('unshare')!, ['--mount', 'sh', '-c', ALONE, log, find(program)!, ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', chunk => chunks.push(chunk));
  child.stderr.on('data', chunk => chunks.push(chunk));
  const gone = new Promise(end => child.once('exit', end));
  onTestFinished(async () => {
    // Some leave the group of who started them.
    for (const pid of familyOf(child.pid!).slice(1)) process.kill(pid, 'SIGKILL');
    killGroup(child.pid!);
    await gone;
  });
  return { pid: child.pid!, output: () => Buffer.concat(chunks).toString() };
}

const recipes = createRecipes();

for (const { recipe, program, needs = [], args, log, says, picky = false } of CASES)
  if (have(program, ...needs, 'unshare', 'root'))
    it(`${recipe} is recognised, checked and heard`, async () => {
      const directory = tempDir(recipe);
      const [port, ...ports] = [await freePort(), await freePort(), await freePort()] as const;
      const socket = join(directory, 'socket');
      const file = (name: string, content: string) => {
        const path = join(directory, name);
        writeFileSync(path, content);
        return path;
      };
      const backend = await startBackend();
      const health = (recipes.read(recipe).health ?? []).map(({ timeout, ...check }) => ({
        ...JSON.parse(JSON.stringify(check).replaceAll(/127\.0\.0\.1:\d+/g, `127.0.0.1:${port}`)),
        ...(check.unix && { unix: socket }),
        every: '1s',
        failures: 1,
      }));
      const home = await createHome({
        daemons: {
          watched: { recipe, health, ...(log && { logs: { files: [join(directory, log)] } }) },
        },
        exporters: { otlp: backend.exporter },
      });
      const agent = await startProgram(home);
      mkdirSync(join(directory, 'tsdb'));
      if (recipe === 'sshd')
        await new Promise(end =>
          spawn(find('ssh-keygen')!, ['-q', '-N', '', '-t', 'ed25519', '-f', join(directory, 'key')]).once(
            'exit',
            end,
          ),
        );
      const daemon = startAlone(home.socket, program, args({ directory, port, ports, socket, file }));
      const told = () => `\n--- ${program}\n${daemon.output()}\n--- agent\n${agent.output()}`;
      await until('it is recognised', async () => {
        const view = (await (await fetch(`${home.url}/api/daemons`)).json()) as DaemonsView;
        const family = familyOf(daemon.pid);
        return view.daemons[0]?.instances.some(({ pid }) => family.includes(pid));
      }).catch(error => expect.unreachable(`${error.message}${told()}`));
      for (const { name } of health)
        await agent.waitForMetrics(
          `check ${name} holds${told()}`,
          page => page.value('eudaemon_health_check_up', { daemon: 'watched', check: name }) === 1,
        );
      if (!says) return;
      const record = await backend
        .record(each => says.text.test(String(each.body)) && each.resource['service.name'] === 'watched')
        .catch(error =>
          expect.unreachable(`${error.message}${told()}\n${JSON.stringify(backend.all().map(r => r.body))}`),
        );
      expect(record.severity).toBe(says.severity);
      expect(record.attributes).not.toHaveProperty('eudaemon.parse_error');
      expect(Math.abs(Number(record.time / 1_000_000n) - Date.now())).toBeLessThan(60_000);
      if (!picky) return;
      await until('it has been checked again', async () => {
        const page = await agent.metrics();
        return page.value('eudaemon_health_check_duration_seconds_count', { daemon: 'watched' })! > 2;
      });
      const errors = backend.all().filter(each => each.eventName === '' && each.severity >= 17);
      expect(errors.map(({ body }) => body)).toEqual([]);
    });
