// Which lines make one record: what programs print, joined as their authors meant it, across rotation and restarts.
import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import type { Multiline } from '../../../agent/core/daemon.ts';
import type { FilesEntry } from '../../../collectors/files/options.ts';
import { Rig } from './rig.ts';

type Keys = Partial<Omit<FilesEntry, 'include'>>;

let rig: Rig;
afterEach(() => rig.remove());

/** Follows `app.log` with these keys. */
function follow(entry: Keys): void {
  rig = new Rig();
  rig.follow({ include: ['app.log'], start_at: 'beginning', ...entry });
  rig.start();
}

const write = (text: string) => appendFileSync(rig.path('app.log'), text);

/** What comes out of these lines. */
function records(entry: Keys, lines: readonly string[]): string[] {
  follow(entry);
  write(`${lines.join('\n')}\n`);
  rig.turn(8000);
  return rig.bodies;
}

const JAVA = `Exception in thread "main" java.lang.IllegalStateException: no
    at com.example.Book.title(Book.java:16)
\tat com.example.Main.main(Main.java:3)
Caused by: java.lang.NullPointerException
\tat com.example.Book.id(Book.java:22)
\t... 1 more`;
const PYTHON = `Traceback (most recent call last):
  File "a.py", line 1, in <module>
    1 / 0
ZeroDivisionError: division by zero`;
const GROUP = `  + Exception Group Traceback (most recent call last):
  |   File "a.py", line 3, in <module>
  | ExceptionGroup: many (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "a.py", line 1, in f
    | ValueError: 1
    +------------------------------------`;
const SYNTAX = `  File "a.py", line 1
    x = = 1
        ^
SyntaxError: invalid syntax`;
const GO = `panic: runtime error: index out of range

goroutine 12 [running]:
main.main.func1()
\t/srv/main.go:7 +0x12
created by main.main
\t/srv/main.go:9 +0x34`;
const RUBY = `NoMethodError (undefined method 'x'):
  app/books.rb:69:in 'edit'
  app/books.rb:12:in 'index'`;
const NODE = `ReferenceError: x is not defined
    at Object.<anonymous> (/srv/a.js:1:7)
    at node:internal/main:1:1`;
const DOTNET = `System.Exception: outer ---> System.Exception: inner
   at A.B() in A.cs:line 3
   --- End of inner exception stack trace ---
   at A.Main()`;
const PHP = `PHP Fatal error:  Uncaught Exception: x in /a.php:3
Stack trace:
#0 /a.php(7): f()
#1 {main}
  thrown in /a.php on line 3`;
const RUST = `thread 'main' panicked at src/main.rs:2:5:
index out of bounds
note: run with RUST_BACKTRACE=1`;
const DART = `Unhandled exception:
FormatException: Invalid data (at line 3, character 8)
this is not valid
       ^
#0      main (file:///a.dart:24:3)
#1      _startIsolate (dart:isolate:265)`;

const CHAINED = 'During handling of the above exception, another exception occurred:';

describe.each<[Multiline, readonly string[]]>([
  ['java', ['started', JAVA, JAVA, 'stopped']],
  ['java', ['a.Mail: x\nnested exception is:\njava.lang.Error: x\n\n\tat a.B.c(B.java:1)', 'after']],
  ['python', ['started', PYTHON, PYTHON, 'stopped', '  indented by itself']],
  [
    'python',
    [`${PYTHON}\n\nDuring handling of the above exception, another exception occurred:\n\n${PYTHON}`, 'x'],
  ],
  ['go', ['started', GO, 'stopped', GO]],
  ['ruby', [RUBY, 'next', RUBY]],
  ['node', ['started', NODE, 'stopped']],
  ['dotnet', [DOTNET, 'next']],
  [
    'python',
    [
      'started',
      GROUP,
      'next',
      SYNTAX,
      `${GROUP}\n\nDuring handling of the above exception, another\n\n${PYTHON}`,
    ],
  ],
  ['php', [PHP, 'next']],
  [
    'php',
    [
      PHP.replace('  thrown', '\nNext RuntimeException: y in /a.php:9\nStack trace:\n#0 {main}\n  thrown'),
      'next',
    ],
  ],
  ['rust', ['started', RUST, 'stopped']],
  ['dart', ['started', DART, DART, 'stopped']],
  [
    'java',
    [
      'started',
      `a.SqlException: cannot [
  Position: 15]
\tat a.B.c(B.java:1)
Caused by: b.SqlException: no table
  Position: 15
\tat a.B.d(B.java:2)
\t... 3 more
Wrapped by: a.C: x
\tat a.B.e(B.java:3)`,
      '  indented by itself',
      'Caused by',
    ],
  ],
  ['java', ['a.B: x\n\tat a.B.c(B.java:1)\nCaused by: a.C: a constant without frames', 'stopped']],
  ['python', [GROUP, GROUP]],
  [
    'python',
    [
      PYTHON.replace(
        /Zero.*/,
        `pydantic.ValidationError: 2 validation errors for User
id
  Input should be a valid integer [type=int_parsing]
    For further information visit https://errors.pydantic.dev
pets.0.name
  Field required`,
      ),
      'next request',
    ],
  ],
  ['python', [`${PYTHON}\n  of its message\n    more`, 'stopped', `${CHAINED}\n\n${PYTHON}`]],
  ['python', [PYTHON.replaceAll(/^/gm, '    '), 'stopped', `Exception in thread Thread-1 (f):\n${PYTHON}`]],
  [
    'go',
    [
      `SIGQUIT: quit\nPC=0x4096ae m=0 sigcode=0\n\ngoroutine 1 [running]:\nmain.f(...)
\t/srv/main.go:7\n...additional frames elided...\ncreated by main.main\n\t/srv/main.go:9 +0x34\n
rax    0x0\nrflags 0x216`,
      'stopped',
    ],
  ],
  [
    'go',
    [
      `runtime: goroutine stack exceeds 1000000000-byte limit\nruntime: sp=0x1f14 stack=[0x1f14, 0x1f15]
fatal error: stack overflow\n\nruntime stack:\nruntime.throw({0x75?, 0x41?})\n\t/srv/panic.go:1 +0x48`,
      'SIG is no signal: x',
    ],
  ],
  [
    'ruby',
    [`a.rb:1:in '<main>': undefined method 'foo' for nil (NoMethodError)\n\nnil.foo\n   ^^^^`, RUBY, 'next'],
  ],
  [
    'node',
    [`Error: Cannot find module './a.js'\nRequire stack:\n- /srv/b.js\n    at f (node:internal:1:1)`, '- c'],
  ],
  [
    'dotnet',
    [
      `fail: App.Web[13]\n      Not handled.\n      System.Exception: x\n         at A.B() in A.cs:line 3`,
      'info: App.Web[14]\n      Started',
      'next',
    ],
  ],
  [
    'php',
    [
      `[2026-11-26 08:00:00] production.ERROR: x {"exception":"[object] (Exception(code: 0): x at /a.php:1)
[stacktrace]\n#0 /a.php(7): f()\n#1 {main}\n\n[previous exception] [object] (E(code: 0): y at /b.php:1)
[stacktrace]\n#0 {main}\n"} `,
      'next',
    ],
  ],
  [
    'rust',
    [
      'started',
      'Error: cannot start\n\nCaused by:\n    0: no file\n\nStack backtrace:\n   0: main',
      'Error: alone',
      'x',
    ],
  ],
  ['dart', [DART.replace('\n#1', '\n<asynchronous suspension>\n#1'), 'stopped', '<asynchronous suspension>']],
  [{ start: '^\\d{4}-' }, ['2026-11-01 a\nb\n\nc', '2026-11-02 d']],
  [
    { start: '^\\s', continue: '^\\s' },
    ['alone 1', ' joined 1\n joined 2', 'alone 2', 'alone 3', ' joined 3', 'alone 4'],
  ],
  [
    { start: '^\\[', continue: '^\\s+at ' },
    ['[x] no such index\n  at a.B.c\n  at a.B.d', 'another', ' at nothing', '[y] again', '[z] more\n at a.B'],
  ],
  [{ start: '^BEGIN', end: '^END' }, ['before', 'BEGIN a\nb\nBEGIN c\nEND', 'between', 'END', 'BEGIN\nEND']],
  [{ start: '^>', continue_past: '\\\\$' }, ['a \\', '> b \\\nc \\\nd', 'e \\', '> f', 'g']],
  [{ continue: '^\\s' }, ['a\n b\n\tc', 'd', 'e\n f']],
  [{ continue_past: '\\\\$' }, ['a \\\nb \\\nc', 'd', 'e']],
  [{ end: ';$' }, ['select\n1;', 'select 2;', 'select\n3\n;']],
])('multiline %j', (multiline, wanted) => {
  it('joins what belongs together and nothing else', () => {
    expect(records({ multiline }, wanted)).toEqual(wanted);
  });

  it('takes CRLF for one end of a line', () => {
    const lines = wanted.flatMap(each => each.split('\n')).map(each => `${each}\r`);
    expect(records({ multiline }, lines)).toEqual(wanted);
  });
});

it.each<[Keys['parse'], string[]]>([
  ['csv', ['a,b', '"x\ny, ""z""\n",2', 'c"d,e"', '"",""', '"f""\n"', 'g']],
  [{ format: 'csv', delimiter: ';' }, ['a;"b\nc"', '"d,\ne"', 'f,"g']],
  [{ format: 'cri', content: 'csv' }, ['"x\ny",1', 'z']],
  [
    'postgres',
    [
      '2026-11-26 16:00:00 UTC [1] ERROR:  no relation\n\tsecond line',
      '2026-11-26 16:00:00 UTC [1] STATEMENT:  select *\n\tfrom foo;\n\t',
      '2026-11-26 16:00:00 UTC [1] LOG:  next',
    ],
  ],
])('%j joins by itself the lines of which a record is', (parse, wanted) => {
  const isWrapped = typeof parse === 'object' && parse.format === 'cri';
  const lines = wanted.flatMap(each => each.split('\n'));
  follow({ parse });
  write(`${lines.map(line => (isWrapped ? cri('F', line) : line)).join('\n')}\n`);
  rig.turn(8000);
  const told = rig.records.map(({ body, attributes }) => [
    String(body).replace(/^.*: {2}/, ''),
    attributes['eudaemon.parse_error'],
  ]);
  expect(told).toEqual(wanted.map(each => [each.replace(/^.*: {2}/, ''), undefined]));
});

describe('a joined record', () => {
  it('is cut at the limit', () => {
    const came = records({ multiline: { start: '^x' }, max_line: 10 }, [
      'x1234',
      'abcd',
      'efgh',
      'ijkl',
      'x',
    ]);
    expect(came.join('\n')).toBe('x1234\nabcd\nefgh\nijkl\nx');
    expect(Math.max(...came.map(each => each.length))).toBeLessThanOrEqual(10);
  });

  it('goes on in the file after a rotation', () => {
    follow({ multiline: 'java' });
    write(`${JAVA.split('\n').slice(0, 3).join('\n')}\n`);
    rig.turn();
    rig.tick();
    renameSync(rig.path('app.log'), rig.path('app.log.1'));
    writeFileSync(rig.path('app.log'), `${JAVA.split('\n').slice(3).join('\n')}\nnext\n`);
    rig.turn(8000);
    expect(rig.bodies).toEqual([JAVA, 'next']);
  });

  it('is read again from its first line when the agent died in its middle', () => {
    follow({ multiline: 'java' });
    write(`before\n${JAVA.split('\n').slice(0, 3).join('\n')}\n`);
    rig.turn(1000);
    rig.commit();
    rig.turn(1250);
    rig.kill();
    write(`${JAVA.split('\n').slice(3).join('\n')}\nnext\n`);
    rig.start();
    rig.turn(8000);
    expect(rig.bodies).toContain(JAVA);
    expect(rig.bodies.filter(each => each === 'next')).toHaveLength(1);
  });

  it.each<[string, Keys, string[]]>([
    ['of CRI', { parse: 'cri' }, [cri('P', 'a'), cri('P', 'b'), cri('F', 'c'), cri('F', 'd')]],
    ['of Docker', { parse: 'docker' }, [docker('a'), docker('b'), docker('c\n'), docker('d\n')]],
  ])('%s in parts goes on behind a rotation and a restart', (_, entry, lines) => {
    follow(entry);
    write(`${lines[0]}\n`);
    rig.turn();
    rig.tick();
    renameSync(rig.path('app.log'), rig.path('app.log.1'));
    writeFileSync(rig.path('app.log'), `${lines[1]}\n`);
    rig.turn(1000);
    rig.commit();
    rig.turn(1250);
    rig.kill();
    write(`${lines.slice(2).join('\n')}\n`);
    rig.start();
    rig.turn(8000);
    expect(rig.bodies.filter(each => each === 'abc' || each === 'd')).toEqual(['abc', 'd']);
  });

  it('goes out when no line follows', () => {
    follow({ multiline: { start: '^x' } });
    write('x\n 1\n');
    rig.turn(1000);
    expect(rig.bodies).toEqual([]);
    rig.turn(2000);
    expect(rig.bodies).toEqual(['x\n 1']);
  });
});

const cri = (tag: string, text: string, stream = 'stdout') =>
  `2026-11-01T00:00:00.5Z ${stream} ${tag} ${text}`;
const docker = (log: string, stream = 'stdout') =>
  JSON.stringify({ log, stream, time: '2026-11-01T00:00:00.5Z' });

describe.each<[string, Keys, string[], string[]]>([
  ['whole', { parse: 'cri' }, [cri('F', 'a'), cri('F', ' b '), cri('F', '')], ['a', ' b ', '']],
  ['in parts', { parse: 'cri' }, [cri('P', 'a'), cri('P', 'b'), cri('F', 'c'), cri('F', 'd')], ['abc', 'd']],
  [
    'with parts of two streams mixed',
    { parse: 'cri' },
    [cri('P', 'a'), cri('P', '1', 'stderr'), cri('F', 'b'), cri('F', '2', 'stderr')],
    ['ab', '12'],
  ],
  [
    'with a stack trace in it',
    { parse: 'cri', multiline: { start: '^\\[' } },
    [cri('F', '[1] x'), cri('P', 'y'), cri('F', 'z'), cri('F', '[2]')],
    ['[1] x\nyz', '[2]'],
  ],
  ['broken', { parse: 'cri' }, ['junk', cri('Q', 'a'), cri('F', 'b')], ['junk', cri('Q', 'a'), 'b']],
  ['of docker', { parse: 'docker' }, [docker('a\n'), docker('b'), docker('c\n')], ['a', 'bc']],
  [
    'of docker, with no stream and no time',
    { parse: 'docker' },
    ['{"log":"a "}', '{"log":"b\\n"}', '{"log":"c\\n"}'],
    ['a b', 'c'],
  ],
  [
    'of docker, larger than the runtime writes at once',
    { parse: 'docker' },
    [docker('x'.repeat(16_384)), docker('y\n'), docker(`${'z'.repeat(16_383)}\n`)],
    [`${'x'.repeat(16_384)}y`, 'z'.repeat(16_383)],
  ],
  [
    'of docker, with a record of several in it',
    { parse: 'docker', multiline: { start: '^\\d' } },
    [docker('1 a\n'), docker('b'), docker('c\n'), docker('2\n')],
    ['1 a\nbc', '2'],
  ],
  [
    'of either runtime',
    { parse: 'container' },
    [docker('a'), docker('b\n'), cri('P', 'c'), cri('F', 'd'), 'junk'],
    ['ab', 'cd', 'junk'],
  ],
  ['with an offset for the zone', { parse: 'cri' }, [cri('F', 'a').replace('Z', '-10:00')], ['a']],
  ['of docker, broken', { parse: 'docker' }, ['{"log":', docker('b\n')], ['{"log":', 'b']],
])('lines of containers %s', (_, entry, lines, wanted) => {
  it('are unwrapped and joined', () => {
    expect(records(entry, lines)).toEqual(wanted);
  });
});

describe('what is within', () => {
  const json = '{"level":"warn","time":"2026-10-31T12:00:00Z","msg":"m"}';

  it('is joined, then read in its own format; its own time is better than that of its wrapping', () => {
    follow({ parse: { format: 'cri', content: 'json' } });
    write(
      `${[cri('P', json.slice(0, 20)), cri('F', json.slice(20)), cri('F', 'prose'), 'junk'].join('\n')}\n`,
    );
    rig.turn(8000);
    const wrapping = BigInt(Date.UTC(2026, 10, 1)) * 1_000_000n + 500_000_000n;
    expect(rig.records).toMatchObject([
      { body: 'm', severity: 13, time: BigInt(Date.UTC(2026, 9, 31, 12)) * 1_000_000n },
      { body: 'prose', time: wrapping, attributes: { 'eudaemon.parse_error': 'not json' } },
      { body: 'junk', time: 0n, attributes: { 'eudaemon.parse_error': 'not cri' } },
    ]);
  });

  it('has what else Docker says of the container: of its own line, or of the first of several', () => {
    const wrapped = (log: string, others: object) =>
      JSON.stringify({ ...JSON.parse(docker(log)), ...others });
    follow({ parse: 'container' });
    write(
      `${[
        wrapped('a\n', { attrs: { tag: 'web/1', 'com.x': 'y' }, 'k"': 1 }),
        wrapped('b', { attrs: { tag: 'web/2' } }),
        wrapped('c\n', { attrs: { tag: 'web/2' } }),
        docker('d\n'),
        cri('F', 'e'),
        wrapped('f', {}).replace('}', ',"attrs":{"x":1}'),
      ].join('\n')}\n`,
    );
    rig.turn(8000);
    const said = rig.records.map(({ body, attributes: { attrs, 'k"': k } }) => ({ body, attrs, k }));
    expect(said).toEqual([
      { body: 'a', attrs: { tag: 'web/1', 'com.x': 'y' }, k: 1 },
      { body: 'bc', attrs: { tag: 'web/2' } },
      { body: 'd' },
      { body: 'e' },
      { body: wrapped('f', {}).replace('}', ',"attrs":{"x":1}') },
    ]);
  });

  it('keeps the bytes of a character that the runtime has cut in two', () => {
    follow({ parse: 'cri' });
    const bytes = Buffer.from('\u0440');
    appendFileSync(
      rig.path('app.log'),
      Buffer.concat([Buffer.from(cri('P', 'a')), bytes.subarray(0, 1), Buffer.from('\n')]),
    );
    appendFileSync(
      rig.path('app.log'),
      Buffer.concat([Buffer.from(cri('F', '')), bytes.subarray(1), Buffer.from('\n')]),
    );
    rig.turn(8000);
    expect(rig.bodies).toEqual(['a\u0440']);
  });
});

it('a joined record takes no memory once its file is quiet', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = () => {
    // The buffers that one finds are given back on another thread; the next waits for it.
    collect();
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  rig = new Rig();
  rig.follow({ include: ['*.log'], start_at: 'beginning', multiline: 'java' });
  rig.start();
  const before = used();
  const trace = `E: a\n${`\tat ${'b'.repeat(40)}\n`.repeat(900)}`;
  for (let i = 0; i < 200; i++) writeFileSync(rig.path(`${i}.log`), trace);
  rig.turn(10_000);
  expect(rig.bodies).toEqual(Array(200).fill(trace.trimEnd()));
  expect(used() - before).toBeLessThan(200 * 10_000);
});
