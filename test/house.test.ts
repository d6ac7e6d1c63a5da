// The house stands: walls, doors and conventions hold in every file of the tree, and each rule is shown to bite.
import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { brokenRules, importsOf } from './house.ts';

const root = resolve(import.meta.dirname, '..');

describe('the tree', () => {
  const paths = globSync('{agent,collectors,exporters,test}/**/*.ts', { cwd: root });
  const sources = paths.map(path => ({ path, text: readFileSync(resolve(root, path), 'utf8') }));

  it('keeps every rule of the house', () => {
    expect(sources.length).toBeGreaterThan(10);
    expect(brokenRules(sources)).toEqual([]);
  });
});

describe('the rules', () => {
  const table = `// t\nexport const a = () => import('./syslog/index.ts');\n`;
  const rooms = [
    { path: 'collectors/index.ts', text: table },
    { path: 'collectors/syslog/index.ts', text: '// s\n' },
  ];
  const importing = (specifier: string) => `// f\nimport { x } from '${specifier}';\n`;
  const cases: [path: string, text: string, rule: RegExp | undefined][] = [
    ['agent/core/a.ts', importing('./b.ts'), undefined],
    ['agent/core/a.ts', importing('node:fs'), /pure file/],
    ['agent/core/a.ts', importing('node:buffer'), undefined],
    ['agent/core/a.ts', importing('../native/a.ts'), /nothing but itself/],
    ['agent/core/a.ts', importing('koffi'), /door of this package is agent\/native/],
    ['agent/native/a.ts', importing('koffi'), undefined],
    ['agent/cli/a.ts', importing('koffi'), /door of this package/],
    ['agent/cli/a.ts', importing('../../collectors/syslog/parse.ts'), undefined],
    ['agent/main.ts', importing('../exporters/otlp/index.ts'), undefined],
    ['agent/stray.ts', importing('./core/a.ts'), /lives in a room/],
    ['agent/control/http.ts', importing('fastify'), undefined],
    ['agent/control/http/page.ts', importing('@fastify/static'), undefined],
    ['agent/control/a.ts', importing('fastify'), /door of this package/],
    ['agent/control/a.ts', importing('../pipeline/a.ts'), /imports only agent\/core/],
    ['agent/identity/liveness.ts', importing('node:fs'), /pure file/],
    ['collectors/syslog/a.ts', importing('../../agent/core/a.ts'), undefined],
    ['collectors/syslog/a.ts', importing('../../agent/native/a.ts'), undefined],
    ['collectors/syslog/a.ts', importing('../../agent/pipeline/a.ts'), /imports only/],
    ['collectors/syslog/a.ts', importing('../files/a.ts'), /imports only/],
    ['collectors/syslog/a.ts', importing('left-pad'), /no room is the door/],
    ['collectors/syslog/a.ts', importing('node:net'), undefined],
    ['collectors/syslog/parse-rfc5424.ts', importing('node:net'), /pure file/],
    ['collectors/syslog/formats/a.ts', importing('node:net'), /pure file/],
    [
      'collectors/syslog/a.ts',
      `// f\nconst x = await import('yaml');\n`,
      /door of this package is agent\/config/,
    ],
    ['collectors/syslog/a.ts', `// f\nexport * from 'yaml';\n`, /agent\/config/],
    ['collectors/syslog/a.ts', `// f\nimport 'yaml';\n`, /agent\/config/],
    ['collectors/syslog/a.ts', `// f\nimport type {\n  X,\n} from 'yaml';\n`, /agent\/config/],
    ['collectors/index.ts', `${table}import { x } from '../agent/config/a.ts';\n`, /a table imports only/],
    ['collectors/dbus/index.ts', '// d\n', /does not stand in collectors\/index\.ts/],
    ['collectors/syslog/a.ts', 'export const x = 1;\n', /opens with a comment/],
    ['collectors/syslog/a.ts', '// f\nlet x = 1;\n', /no module state/],
    ['agent/worker.ts', '// f\nlet x = 1;\n', undefined],
    ['agent/pipeline/spool/frame.ts', importing('node:fs'), undefined],
    ['collectors/syslog/a.ts', '// f\nexport default 1;\n', /named exports/],
    ['collectors/syslog/a.ts', importing('node:http'), /for less/],
    ['collectors/syslog/a.ts', "// f\nimport type { Agent } from 'node:http';\n", undefined],
    ['collectors/syslog/a.ts', `// f${'\n'.repeat(301)}`, /split at 300/],
    ['collectors/syslog/a.ts', `// f${'\n'.repeat(300)}`, undefined],
    ['collectors/syslog/utils.ts', '// f\n', /name says/],
    ['agent/core/helpers/a.ts', '// f\n', /name says/],
    ['collectors/syslog/a.ts', `// f\n// ${'TO'}DO: more\n`, /unfinished/],
    ['test/a.test.ts', `// ${'FIX'}ME\n`, /unfinished/],
    ['test/a.test.ts', `it${'.skip'}('x', () => {});\n`, /switched off/],
    ['test/a.test.ts', `describe.concurrent${'.only'}('x', () => {});\n`, /switched off/],
    ['test/a.test.ts', `it.each([1])('x', () => {});\n`, undefined],
  ];

  it.each(cases)('%s, case %#', (path, text, rule) => {
    const sources = [...rooms.filter(room => room.path !== path), { path, text }];
    const broken = brokenRules(sources);
    if (rule === undefined) expect(broken).toEqual([]);
    else {
      expect(broken).toHaveLength(1);
      expect(broken[0]).toMatch(rule);
      expect(broken[0]!.startsWith(path.replace(/\/index\.ts$/, ''))).toBe(true);
    }
  });

  it('sees imports in every form, and text that only looks like one in none', () => {
    const text = `import a from 'a';\nimport { b } from "b";\nexport { c } from 'c';\nconst d = import('d');\nimport 'e';\n`;
    expect(importsOf(text).sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(importsOf(`const x = "from 'a'"; // taken from 'b'\n`)).toEqual([]);
  });
});
