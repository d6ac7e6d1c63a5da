// How the console writes figures. Pure; what nobody knows is a dash.

export const NONE = '–';
const whole = new Intl.NumberFormat('en');
export const clock = new Intl.DateTimeFormat([], { timeStyle: 'medium', hourCycle: 'h23' });
export const date = new Intl.DateTimeFormat([], {
  dateStyle: 'medium',
  timeStyle: 'medium',
  hourCycle: 'h23',
});
export const count = n => (n === undefined ? NONE : whole.format(n));
export const percent = share =>
  share === undefined ? NONE : `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;

export function bytes(n) {
  if (n === undefined) return NONE;
  const power = n < 1 ? 0 : Math.min(4, Math.floor(Math.log2(n) / 10));
  const scaled = n / 1024 ** power;
  return `${scaled.toFixed(power === 0 || scaled >= 99.5 ? 0 : 1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`;
}

/** Two units at most: `3d 4h`. */
export function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86_400)}d ${Math.floor((s % 86_400) / 3600)}h`;
}
export const ago = (time, now) => (time === undefined ? NONE : `${span(now - time).split(' ')[0]} ago`);

export function exitText({ reason, code, signal }) {
  if (reason === 'exit') return `exit status ${code ?? 'unknown'}`;
  if (reason === 'signal') return signal ?? `signal ${code ?? 'unknown'}`;
  return reason === 'oom' ? 'killed for memory' : 'reason unknown';
}

export const words = state => state.replaceAll('_', ' ');

/** Severity of a look at each state, worst first; the order of the table when nobody sorted it. */
export const STATES = {
  crash_looping: 'bad',
  hung: 'bad',
  absent: 'bad',
  unhealthy: 'warn',
  starting: 'busy',
  healthy: 'good',
  stopped: 'idle',
};
export const WORST_FIRST = Object.keys(STATES);
