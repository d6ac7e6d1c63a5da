// `eudaemon dashboard`: a Grafana dashboard of the declared daemons, as JSON to import or to provision.

import type { Config } from '../config/index.ts';
import { CONFIG, readOptions } from './args.ts';
import { readConfig } from './config.ts';
import type { Command } from './index.ts';
import { DATASOURCE, layout, type Panel, panelsOf } from './panels.ts';

export const dashboard: Command = {
  summary: 'Grafana dashboard JSON for the declared daemons',
  usage: `eudaemon dashboard [--config FILE]

  -c, --config FILE     the configuration; without it /etc/eudaemon/eudaemon.yaml, else the embedded default

Prints a dashboard to import into Grafana; its data source is Prometheus.`,
  async run(argv) {
    const config = await readConfig(readOptions('dashboard', argv, CONFIG).config, process.env);
    process.stdout.write(`${JSON.stringify(dashboardOf(config), null, 2)}\n`);
    return 0;
  },
};

/** Grafana 10 and later. */
const SCHEMA_VERSION = 39;

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly unknown[] };
  readonly panels: readonly Panel[];
  readonly [key: string]: unknown;
}

export function dashboardOf({ daemons, exporters }: Pick<Config, 'daemons' | 'exporters'>): Dashboard {
  const panels = layout(
    panelsOf({
      checks: daemons.some(({ health }) => health.length > 0),
      exporters: Object.entries(exporters).some(
        ([name, options]) => name !== 'prometheus' && options !== false,
      ),
    }),
  );
  return {
    uid: 'eudaemon',
    title: 'Daemons',
    description: `Declared: ${daemons.map(({ name }) => name).join(', ') || 'none; those discovered are shown'}.`,
    tags: ['eudaemon'],
    editable: true,
    graphTooltip: 1,
    schemaVersion: SCHEMA_VERSION,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
        variable('instance', 'Instance', 'label_values(eudaemon_build_info, instance)'),
        variable('daemon', 'Daemon', 'label_values(eudaemon_daemon_up{instance=~"$instance"}, daemon)'),
      ],
    },
    panels,
  };
}

const ALL = { selected: true, text: ['All'], value: ['$__all'] };

const variable = (name: string, label: string, query: string) => ({
  name,
  label,
  type: 'query',
  datasource: DATASOURCE,
  definition: query,
  query: { query, refId: name },
  multi: true,
  includeAll: true,
  allValue: '.*',
  current: ALL,
  refresh: 2,
  sort: 1,
});
