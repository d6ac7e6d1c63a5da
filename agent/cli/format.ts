// Figures and tables for people; colours only on a terminal.

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

/** Colours text when `out` is a terminal and NO_COLOR is not set. */
export function paint(out: {
  readonly isTTY?: boolean;
}): (color: keyof typeof CODES, text: string) => string {
  const on = out.isTTY === true && !process.env['NO_COLOR'];
  return (color, text) => (on ? `\u001b[${CODES[color]}m${text}\u001b[0m` : text);
}

/** `12s`, `5m`, `3h`, `2d` from ms. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)}h`;
  return `${Math.round(seconds / 86_400)}d`;
}

/** Visible width, colour codes not counted. */
export const width = (text: string): number => text.replace(/\u001b\[\d+m/g, '').length;

/** Rows in columns two spaces apart, each line ended. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, width(cell));
  return rows
    .map(
      row =>
        `${row
          .map((cell, i) => cell + ' '.repeat(widths[i]! - width(cell)))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
