// The panels of the dashboard: what each shows, and where it stands on Grafana's grid of 24 columns. Pure.

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own variable
export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' } as const;

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly {
    readonly expr: string;
    readonly refId: string;
    readonly legendFormat: string;
  }[];
  readonly [key: string]: unknown;
}

/** A panel before it has a number and a place. */
interface Draft {
  readonly type: 'row' | 'state-timeline' | 'timeseries' | 'stat';
  readonly title: string;
  readonly description?: string;
  /** Of 24 columns; the next row begins where they are used up. */
  readonly width: number;
  readonly height: number;
  /** Legend and PromQL. */
  readonly queries: readonly (readonly [legend: string, expr: string])[];
  readonly unit?: string;
  readonly settings?: object;
}

const DAEMON = 'daemon=~"$daemon",instance=~"$instance"';
const AGENT = 'instance=~"$instance"';
const BY_DAEMON = '{{daemon}} {{instance}}';

/** Numbers of the states, in the order of their gravity. */
const STATES: readonly (readonly [state: string, color: string])[] = [
  ['healthy', 'green'],
  ['starting', 'blue'],
  ['stopped', 'text'],
  ['unhealthy', 'yellow'],
  ['hung', 'orange'],
  ['crash_looping', 'red'],
  ['absent', 'dark-red'],
];

const stateQuery = STATES.map(
  ([state], i) => `max by (daemon, instance) (eudaemon_daemon_state{${DAEMON},state="${state}"}) * ${i}`,
).join(' + ');

const mapped = (values: readonly (readonly [text: string, color: string])[]) => ({
  mappings: [
    {
      type: 'value',
      options: Object.fromEntries(
        values.map(([text, color], index) => [String(index), { text, color, index }]),
      ),
    },
  ],
  color: { mode: 'thresholds' },
});

const row = (title: string): Draft => ({ type: 'row', title, width: 24, height: 1, queries: [] });
const graph = (title: string, unit: string, legend: string, expr: string, description?: string): Draft => ({
  type: 'timeseries',
  title,
  ...(description && { description }),
  width: 8,
  height: 8,
  queries: [[legend, expr]],
  unit,
});

export function panelsOf(has: { readonly checks: boolean; readonly exporters: boolean }): Draft[] {
  const rate = (metric: string, filter: string) => `rate(${metric}{${filter}}[$__rate_interval])`;
  return [
    {
      type: 'stat',
      title: 'Down',
      width: 4,
      height: 8,
      queries: [['', `count(eudaemon_daemon_up{${DAEMON}} == 0) or vector(0)`]],
      settings: {
        color: { mode: 'thresholds' },
        thresholds: {
          mode: 'absolute',
          steps: [
            { color: 'green', value: null },
            { color: 'red', value: 1 },
          ],
        },
      },
    },
    {
      type: 'state-timeline',
      title: 'States',
      width: 20,
      height: 8,
      queries: [[BY_DAEMON, stateQuery]],
      settings: mapped(STATES),
    },
    row('Processes'),
    graph(
      'CPU',
      'none',
      BY_DAEMON,
      `sum by (daemon, instance) (${rate('eudaemon_daemon_cpu_seconds_total', DAEMON)})`,
      'Cores in use.',
    ),
    graph('Memory', 'bytes', BY_DAEMON, `eudaemon_daemon_resident_memory_bytes{${DAEMON}}`, 'Resident.'),
    graph(
      'File descriptors',
      'percentunit',
      BY_DAEMON,
      `eudaemon_daemon_max_fds_ratio{${DAEMON}}`,
      'Of the soft limit, of the process nearest to it.',
    ),
    graph('Instances', 'none', BY_DAEMON, `eudaemon_daemon_instances{${DAEMON}}`),
    graph(
      'Restarts',
      'none',
      BY_DAEMON,
      `increase(eudaemon_daemon_restarts_total{${DAEMON}}[$__rate_interval])`,
    ),
    graph(
      'Exits',
      'none',
      `${BY_DAEMON} {{reason}}`,
      `increase(eudaemon_daemon_exits_total{${DAEMON}}[$__rate_interval]) > 0`,
    ),
    ...(has.checks
      ? [
          row('Health'),
          {
            type: 'state-timeline',
            title: 'Checks',
            width: 12,
            height: 8,
            queries: [['{{daemon}} {{check}} {{instance}}', `eudaemon_health_check_up{${DAEMON}}`]],
            settings: mapped([
              ['failing', 'red'],
              ['ok', 'green'],
            ]),
          } satisfies Draft,
          {
            ...graph(
              'Duration of checks',
              's',
              '{{daemon}} {{check}}',
              `histogram_quantile(0.95, sum by (daemon, check, le) (${rate('eudaemon_health_check_duration_seconds_bucket', DAEMON)}))`,
              '95th percentile.',
            ),
            width: 12,
          },
        ]
      : []),
    row('Logs'),
    {
      ...graph(
        'Log records by severity',
        'none',
        '{{severity}}',
        `sum by (severity) (${rate('eudaemon_log_records_total', DAEMON)})`,
        'A second.',
      ),
      width: 12,
    },
    {
      ...graph(
        'Bad log records by daemon',
        'none',
        BY_DAEMON,
        `sum by (daemon, instance) (${rate('eudaemon_log_records_total', `${DAEMON},severity=~"emerg|alert|crit|err"`)})`,
        'Errors and worse, a second.',
      ),
      width: 12,
    },
    row('Agent'),
    {
      type: 'timeseries',
      title: 'Ledger',
      description: 'Records a second: received = delivered + dropped + what the spool gains.',
      width: has.exporters ? 12 : 24,
      height: 8,
      queries: [
        ['received', `sum(${rate('eudaemon_records_received_total', AGENT)})`],
        ['delivered {{exporter}}', `sum by (exporter) (${rate('eudaemon_records_delivered_total', AGENT)})`],
        ['dropped {{reason}}', `sum by (reason) (${rate('eudaemon_records_dropped_total', AGENT)})`],
        [
          'lost outside {{reason}}',
          `sum by (reason) (${rate('eudaemon_records_lost_estimate_total', AGENT)})`,
        ],
      ],
    },
    ...(has.exporters
      ? [
          {
            ...graph(
              'Spool',
              'none',
              '{{exporter}} {{instance}}',
              `sum by (exporter, instance) (eudaemon_spool_records{${AGENT}})`,
              'Records that wait for delivery.',
            ),
            width: 12,
          },
        ]
      : []),
  ];
}

const REF_IDS = 'ABCDEFGH';

/** From left to right, in rows as high as their highest panel. */
export function layout(drafts: readonly Draft[]): Panel[] {
  let x = 0;
  let y = 0;
  let rowHeight = 0;
  return drafts.map(({ width, height, queries, unit, settings, ...panel }, i) => {
    if (x + width > 24) {
      x = 0;
      y += rowHeight;
      rowHeight = 0;
    }
    const gridPos = { x, y, w: width, h: height };
    x += width;
    rowHeight = Math.max(rowHeight, height);
    const id = i + 1;
    if (panel.type === 'row') return { id, ...panel, gridPos, collapsed: false, panels: [] };
    return {
      id,
      ...panel,
      gridPos,
      datasource: DATASOURCE,
      fieldConfig: { defaults: { ...(unit && { unit }), ...settings }, overrides: [] },
      targets: queries.map(([legendFormat, expr], query) => ({
        refId: REF_IDS[query]!,
        datasource: DATASOURCE,
        legendFormat,
        expr,
      })),
    };
  });
}
