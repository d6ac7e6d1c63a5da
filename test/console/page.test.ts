import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pageHeaders } from '../../agent/control/http-page.ts';
import { readPage } from '../../console/page.ts';

const page = new TextDecoder().decode(readPage());
const source = (name: string) => readFileSync(join(import.meta.dirname, '../../console', name), 'utf8');

test('one file: style and script are inside, as they stand', () => {
  expect(page).toContain(`<style>${source('style.css')}</style>`);
  const script = /<script type="module">([\s\S]*)<\/script>/.exec(page)![1]!;
  expect(script).not.toMatch(/^(import|export) /m);
  expect(() => new Function(`return async () => {'use strict';${script}}`)).not.toThrow();
  expect(page).not.toMatch(/<link rel="stylesheet"|<script[^>]* src=/);
});

test('the policy allows exactly that style and that script', () => {
  const policy = pageHeaders(readPage())['content-security-policy']!;
  expect(policy.match(/'sha256-[\w+/]+='/g)).toHaveLength(2);
  expect(policy).not.toContain('unsafe');
});

test('nothing the policy would forbid, nothing from elsewhere, no way for text to become markup', () => {
  expect(page).not.toMatch(/\s(style|on[a-z]+)=/);
  expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|@import/);
  expect(page).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(/);
});

test('a missing source is told', () => {
  expect(() => readPage('/nonexistent')).toThrow(/ENOENT.*index\.html/);
});

/** Relative luminance and contrast of sRGB colours (WCAG 2.2). */
function luminance(hex: string): number {
  const digits = hex.length === 4 ? [...hex.slice(1)].map(d => d + d).join('') : hex.slice(1);
  const [r, g, b] = [0, 2, 4].map(i => {
    const c = Number.parseInt(digits.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}
const contrast = (a: string, b: string) => {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high! + 0.05) / (low! + 0.05);
};
const colours = new Map(
  [...source('style.css').matchAll(/--(\w+): light-dark\((#\w+), (#\w+)\)/g)].map(([, name, light, dark]) => [
    name!,
    [light!, dark!] as const,
  ]),
);

test.each(
  ['text', 'dim', 'good', 'busy', 'warn', 'bad', 'idle', 'accent'].flatMap(ink =>
    ['card', 'page', 'hover'].map(paper => [ink, paper] as const),
  ),
)('%s on %s reads well, light and dark', (ink, paper) => {
  const [light, dark] = colours.get(ink)!;
  const [lightPaper, darkPaper] = colours.get(paper)!;
  expect(contrast(light, lightPaper)).toBeGreaterThanOrEqual(4.5);
  expect(contrast(dark, darkPaper)).toBeGreaterThanOrEqual(4.5);
});
