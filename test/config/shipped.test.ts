// Every configuration that ships loads as it is, with the program's own tables.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type Config, loadConfig } from '../../agent/config/index.ts';
import { collectors } from '../../collectors/index.ts';
import { exporters } from '../../exporters/index.ts';

const folder = join(import.meta.dirname, '../../config');

/** Secrets and texts that stand in no file are read from `given`. */
const load = (file: string, given: Record<string, string> = {}): Promise<Config> =>
  loadConfig({
    file,
    env: {},
    collectors,
    exporters,
    readFile: path => (path in given ? Buffer.from(given[path]!) : readFileSync(path)),
  });

describe('config/examples', () => {
  const secrets = { '/run/secrets/otlp-token': 'a-token\n' };
  it.each(globSync('examples/*.yaml', { cwd: folder }))('%s loads', async name => {
    const config = await load(join(folder, name), secrets);
    expect(config.daemons.length).toBeGreaterThan(0);
  });

  it('one-box keeps its logs itself, gateway sends them', async () => {
    const box = await load(join(folder, 'examples/one-box.yaml'));
    expect(box.exporters['store']).toBeTruthy();
    expect(box.exporters['otlp']).toBe(false);
    const gateway = await load(join(folder, 'examples/gateway.yaml'), secrets);
    expect(gateway.exporters['store']).toBe(false);
    expect(gateway.exporters['otlp']).toMatchObject({
      endpoint: 'https://otlp.example.com',
      headers_from: { authorization: { file: '/run/secrets/otlp-token', scheme: 'Bearer' } },
    });
  });
});

describe('config/kubernetes', () => {
  it('the configuration in the ConfigMap loads', async () => {
    const text = readFileSync(join(folder, 'kubernetes/daemonset.yaml'), 'utf8');
    const map = parseAllDocuments(text)
      .map(document => document.toJS())
      .find(manifest => manifest.kind === 'ConfigMap');
    const config = await load('/etc/eudaemon/eudaemon.yaml', {
      '/etc/eudaemon/eudaemon.yaml': map.data['eudaemon.yaml'],
    });
    expect(config.agent.host_root).toBe('/host');
    expect(config.daemons.map(daemon => daemon.name).sort()).toEqual(['containerd', 'kubelet']);
    expect(config.exporters['otlp']).toMatchObject({
      endpoint: 'http://otel-collector.observability:4318',
    });
  });
});
