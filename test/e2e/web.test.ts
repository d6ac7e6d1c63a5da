// The listener under TLS and passwords, asked by curl and by a real Prometheus; certificates and passwords change while
// it runs.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { createAuthority } from '../authority.ts';
import { have } from '../tools.ts';
import { createHome, freePort, type Home, type Program, spawnProgram, tempDir } from './program.ts';
import { until } from './until.ts';

const hashOf = (password: string) =>
  execFileSync('htpasswd', ['-nbBC', '6', 'x', password], { encoding: 'utf8' }).trim().slice(2);

interface Answer {
  /** 0 when there was none. */
  readonly status: number;
  readonly body: string;
}
function curl(...args: string[]): Answer {
  const ended = spawnSync('curl', ['-sS', '-w', '\\n%{http_code}', '--max-time', '10', ...args], {
    encoding: 'utf8',
  });
  const end = ended.stdout.lastIndexOf('\n');
  return { status: Number(ended.stdout.slice(end + 1)), body: ended.stdout.slice(0, end) + ended.stderr };
}

async function secured(web: Record<string, unknown>) {
  const pki = tempDir('pki');
  const authority = createAuthority(pki);
  const server = authority.issue('server', 'DNS:localhost,IP:127.0.0.1');
  const home = await createHome();
  const configure = (given: Record<string, unknown>) =>
    writeFileSync(join(home.directory, 'web.yml'), stringify(given));
  const tls = { cert_file: server.cert, key_file: server.key };
  configure({ tls_server_config: tls, ...web });
  home.configure({
    exporters: { prometheus: { listen: new URL(home.url).host, web_config: 'web.yml' } },
  });
  const url = home.url.replace('http:', 'https:');
  return { authority, server, home, url, tls, configure };
}

async function started(home: Home, url: string): Promise<Program> {
  const program = spawnProgram(home, ['run', '--config', home.configFile]);
  await until('the agent is ready', () => curl('-k', `${url}/readyz`).status === 200).catch(error => {
    throw new Error(`${error.message}\n${program.output()}`);
  });
  return program;
}

if (have('curl', 'openssl', 'htpasswd')) {
  describe('TLS and passwords', () => {
    it('lets in who has both; probes need no password and say one word', async () => {
      const { authority, home, url } = await secured({
        basic_auth_users: { prom: hashOf('right'), other: hashOf('else') },
        http_server_config: { headers: { 'Strict-Transport-Security': 'max-age=60' } },
      });
      const program = await started(home, url);
      const ca = ['--cacert', authority.ca];
      const ask = (...args: string[]) => curl(...ca, ...args).status;
      expect(ask(`${url}/metrics`)).toBe(401);
      expect(ask('-u', 'prom:wrong', `${url}/metrics`)).toBe(401);
      expect(ask('-u', 'nobody:right', `${url}/metrics`)).toBe(401);
      expect(ask('-u', 'prom:else', `${url}/metrics`)).toBe(401);
      for (const user of ['prom:right', 'other:else', 'prom:right'])
        expect(ask('-u', user, `${url}/metrics`)).toBe(200);
      for (const path of ['/', '/api/agent', '/nowhere', '/livez/', '/livez/../metrics', '/metrics?/livez'])
        expect([path, ask('--path-as-is', url + path)]).toEqual([path, 401]);
      expect(ask('-X', 'POST', `${url}/-/reload`)).toBe(401);
      for (const path of ['/livez', '/readyz', '/healthz', '/-/healthy', '/-/ready'])
        expect([path, ask(url + path)]).toEqual([path, 200]);
      expect(curl(...ca, '-I', `${url}/livez`).body.toLowerCase()).toContain(
        'strict-transport-security: max-age=60',
      );
      expect(curl('-k', home.url).status, 'plain HTTP').not.toBe(200);
      expect(curl(`${url}/livez`).body, 'an authority that is not known').toMatch(/certificate/i);
      expect(curl(...ca, '--tls-max', '1.1', `${url}/livez`).status).toBe(0);
      await until('the URL is printed', () => program.output().includes(`${url}/metrics`));
      expect((await program.stop()).code).toBe(0);
    });

    it('asks clients for certificates as it is told', async () => {
      const { authority, home, url, tls, configure } = await secured({});
      const stranger = createAuthority(tempDir('pki')).issue('stranger', 'DNS:prom');
      const friend = authority.issue('friend', 'DNS:prom');
      const guest = authority.issue('guest', 'DNS:guest');
      const program = await started(home, url);
      const ask = (pair?: { cert: string; key: string }) =>
        curl(
          '--cacert',
          authority.ca,
          ...(pair ? ['--cert', pair.cert, '--key', pair.key] : []),
          `${url}/livez`,
        ).status;
      const cases: [Record<string, unknown>, number[]][] = [
        [{ client_auth_type: 'RequestClientCert' }, [200, 200, 200, 200]],
        [{ client_auth_type: 'RequireAnyClientCert' }, [0, 200, 200, 200]],
        [{ client_auth_type: 'VerifyClientCertIfGiven', client_ca_file: authority.ca }, [200, 0, 200, 200]],
        [{ client_auth_type: 'RequireAndVerifyClientCert', client_ca_file: authority.ca }, [0, 0, 200, 200]],
        [
          {
            client_auth_type: 'RequireAndVerifyClientCert',
            client_ca_file: authority.ca,
            client_allowed_sans: ['prom'],
          },
          [0, 0, 200, 0],
        ],
        [{}, [200, 200, 200, 200]],
      ];
      for (const [more, expected] of cases) {
        configure({ tls_server_config: { ...tls, ...more } });
        program.signal('SIGHUP');
        await until(`${JSON.stringify(more)} is in force`, () => {
          const seen = [undefined, stranger, friend, guest].map(ask);
          return JSON.stringify(seen) === JSON.stringify(expected);
        });
      }
    });

    it('follows its files without a reload, and keeps what was when they are bad', async () => {
      const { authority, home, url, server, tls, configure } = await secured({
        basic_auth_users: { prom: hashOf('old') },
      });
      const program = await started(home, url);
      const ask = (user: string) => curl('--cacert', authority.ca, '-u', user, `${url}/metrics`).status;
      expect(ask('prom:old')).toBe(200);
      configure({ tls_server_config: tls, basic_auth_users: { prom: hashOf('new') } });
      await until('the new password', () => ask('prom:new') === 200 && ask('prom:old') === 401);

      configure({ tls_server_config: tls, basic_auth_users: { prom: 'plain' } });
      await until('the complaint', () => ask('prom:new') && program.output().includes('not a bcrypt hash'));
      expect(program.output()).toMatch(/web\.yml:\d+:\d+: basic_auth_users\.prom/);
      expect(ask('prom:new')).toBe(200);

      const second = createAuthority(tempDir('pki'));
      const renewed = second.issue('server', 'DNS:localhost,IP:127.0.0.1');
      configure({ tls_server_config: tls });
      copyFileSync(renewed.cert, server.cert);
      copyFileSync(renewed.key, server.key);
      for (const path of [server.cert, server.key]) utimesSync(path, new Date(), new Date());
      await until('the new certificate', () => curl('--cacert', second.ca, `${url}/metrics`).status === 200);

      configure({});
      await until('plain HTTP again', () => curl(`${home.url}/metrics`).status === 200);
      expect((await program.stop()).code).toBe(0);
    });

    it('ends with 78 and the place when its file is bad, and a reload keeps what runs', async () => {
      const { home, configure, tls, url } = await secured({ basic_auth_users: { prom: 'plain' } });
      const program = spawnProgram(home, ['run', '--config', home.configFile]);
      expect((await program.ended).code).toBe(78);
      expect(program.output()).toMatch(/web\.yml:\d+:\d+: basic_auth_users\.prom: this is not a bcrypt hash/);
      const checked = spawnProgram(home, ['check', '--config-only', '--config', home.configFile]);
      expect((await checked.ended).code).toBe(2);
      expect(checked.output()).toMatch(/web\.yml:\d+:\d+: /);
      configure({ tls_server_config: tls });
      const running = await started(home, url);
      configure({ tls_server_config: { ...tls, cert_file: '/nowhere' } });
      const refused = curl('-k', '-X', 'POST', `${url}/-/reload`);
      expect(refused.status).toBe(500);
      expect(refused.body).toMatch(/web\.yml:\d+:\d+: tls_server_config\.cert_file: cannot read/);
      expect((await running.stop()).code).toBe(0);
    });
  });

  describe('the address', () => {
    it('moves in a reload; one that is taken leaves all as it was', async () => {
      const home = await createHome();
      const program = spawnProgram(home, ['run', '--config', home.configFile]);
      await until('ready', () => curl(`${home.url}/readyz`).status === 200);
      const reload = (url: string) => curl('-X', 'POST', `${url}/-/reload`);
      const move = (listen: string) => home.configure({ exporters: { prometheus: { listen } } });
      const taken = (await freePort()).toString();
      const other = spawn('perl', [
        '-MIO::Socket::INET',
        '-e',
        'my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1:$ARGV[0]"); sleep 600',
        taken,
      ]);
      onTestFinished(() => void other.kill('SIGKILL'));
      await until('the other listens', () =>
        curl('--max-time', '1', `http://127.0.0.1:${taken}`).body.includes('timed out'),
      );

      move(`127.0.0.1:${taken}`);
      const refused = reload(home.url);
      expect(refused.status).toBe(500);
      expect(refused.body).toContain('address already in use');
      const next = `http://127.0.0.1:${await freePort()}`;
      move(new URL(next).host);
      expect(reload(home.url).status).toBe(200);
      expect(curl(`${next}/metrics`).status).toBe(200);
      expect(curl(`${home.url}/metrics`).status).toBe(0);
      move(`:${new URL(next).port}`);
      expect(reload(next).status).toBe(200);
      await until(
        'every address',
        () => curl(`http://127.0.0.2:${new URL(next).port}/metrics`).status === 200,
      );
      expect((await program.stop()).code).toBe(0);
    });
  });
}

if (have('prometheus', 'openssl', 'htpasswd'))
  it('Prometheus scrapes it over TLS with a password, through a change of certificates', async () => {
    const { authority, home, url, server } = await secured({ basic_auth_users: { prom: hashOf('p w') } });
    const program = await started(home, url);
    const folder = tempDir('prometheus');
    writeFileSync(
      join(folder, 'prometheus.yml'),
      stringify({
        scrape_configs: [
          {
            job_name: 'agent',
            scheme: 'https',
            scrape_interval: '1s',
            scrape_timeout: '1s',
            tls_config: { ca_file: authority.ca },
            basic_auth: { username: 'prom', password: 'p w' },
            static_configs: [{ targets: [new URL(url).host] }],
          },
        ],
      }),
    );
    const port = await freePort();
    const prometheus = spawn(
      'prometheus',
      [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
    const ended = new Promise(resolve => prometheus.once('exit', resolve));
    onTestFinished(async () => {
      prometheus.kill();
      await ended;
    });
    const value = async (expression: string): Promise<number> => {
      const answer = await fetch(
        `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`,
      );
      const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
      return Number(data.result[0]?.value[1]);
    };
    await until('scrapes', async () => (await value('sum_over_time(up[10m])')) > 1);
    const renewed = authority.issue('renewed', 'DNS:localhost,IP:127.0.0.1');
    copyFileSync(renewed.cert, server.cert);
    copyFileSync(renewed.key, server.key);
    const before = await value('count_over_time(up[10m])');
    await until('the new certificate', () => program.output().includes('web configuration read again'));
    await until('more scrapes', async () => (await value('count_over_time(up[10m])')) > before + 3);
    expect(await value('min_over_time(up[10m])')).toBe(1);
  });
