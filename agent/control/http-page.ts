// Headers of the console page: it may run its own inline script and style, talk to its own origin, and nothing else.

import { createHash } from 'node:crypto';

/** The hashes of `<script>` and `<style>` are taken from the page, so that the policy cannot drift from it. */
export function pageHeaders(page: Uint8Array): Record<string, string> {
  const html = new TextDecoder().decode(page);
  return {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
    'content-security-policy': [
      "default-src 'none'",
      `script-src ${hashes(html, /<script[^>]*>([\s\S]*?)<\/script>/g)}`,
      `style-src ${hashes(html, /<style>([\s\S]*?)<\/style>/g)}`,
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
  };
}

/** CSP source list (CSP level 3, 2.3.1) of the inline elements an expression finds. */
function hashes(html: string, elements: RegExp): string {
  const found = [...html.matchAll(elements)].map(
    ([, content = '']) => `'sha256-${createHash('sha256').update(content).digest('base64')}'`,
  );
  return found.join(' ') || "'none'";
}
