// Step redact: what is found, what is left alone, and that no form of a secret gets by, wherever it stands.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DecodedRecord } from '../../../agent/core/decode.ts';
import { isCard } from '../../../agent/pipeline/processors/cards.ts';
import { anyValue, chainOf, type Given, through } from './rig.ts';

const bodyOf = async (step: string, body: string | Uint8Array) =>
  ((await through(`- redact: ${step}`, { body })) as DecodedRecord).body;

const R = '[redacted]';
const JWT =
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U';

describe('what is found', () => {
  test.each<[string, string, string]>([
    ['token', `got ${JWT} ok`, `got ${R} ok`],
    ['token', `ghp_${'a1B2'.repeat(9)}.`, `${R}.`],
    ['token', `MY_ghp_${'a1B2'.repeat(9)}`, `MY_${R}`],
    ['token', 'Authorization: Bearer abcdefgh12345', `Authorization: Bearer ${R}`],
    ['token', 'authorization=QWxhZGRpbjpvcGVuIHNlc2FtZQ==', `authorization=${R}`],
    ['token', '{"access_token":"s3cr3t","n":1}', `{"access_token":"${R}","n":1}`],
    ['token', '{\\"token\\":\\"s3cr3t\\"}', `{\\"token\\":\\"${R}\\"}`],
    ['token', 'GET /x?token=s3cr3t&b=1', `GET /x?token=${R}&b=1`],
    ['token', 'Cookie: sid=1; other=2', `Cookie: ${R}`],
    ['token', `xoxb-${'1234567890'}-abc`, R],
    ['key', 'AKIAIOSFODNN7EXAMPLE used', `${R} used`],
    ['key', 'aws_secret_access_key = wJalrXUtnFEMI/K7MDENG', `aws_secret_access_key = ${R}`],
    ['key', "api-key: 'abc def'", `api-key: '${R}'`],
    ['key', 'a -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- b', `a ${R} b`],
    ['key', '-----BEGIN PRIVATE KEY-----\nMIIE cut', R],
    ['password', 'user=bob password=hunter2 ok', `user=bob password=${R} ok`],
    ['password', 'PASSWORD => "a \\" b" end', `PASSWORD => "${R}" end`],
    ['password', 'redis://:p@ss@db:6379/0 http://u:pw@h/', `redis://:${R}@db:6379/0 http://u:${R}@h/`],
    ['card', 'paid 4111 1111 1111 1111 12/27', `paid ${R} 12/27`],
    ['card', '4111-1111-1111-1111,5500005555555559', `${R},${R}`],
    ['card', 'amex 378282246310005.', `amex ${R}.`],
    ['email', 'from <jane.doe+x@mail.example.co.uk>', `from <${R}>`],
    ['[card, email]', 'a@b.io 4111111111111111', `${R} ${R}`],
    ['all', 'pwd=x, a@b.io', `pwd=${R} ${R}`],
    ['{ patterns: ["ssn (\\\\d+)-(\\\\d+)"] }', 'ssn 12-34', `ssn ${R}-${R}`],
    ['{ patterns: ["\\\\d{6}", "x+"], with: "#" }', 'pin 123456 xxx', 'pin # #'],
    ['{ patterns: ["\u00e9+"] }', 'caf\u00e9\u00e9!', `caf${R}!`],
    ['{ patterns: ["(a)|b"] }', 'ab', `${R}${R}`],
  ])('%s in %s', async (step, body, expected) => expect(await bodyOf(step, body)).toBe(expected));
});

describe('what is left alone', () => {
  test.each<[string, string]>([
    ['all', 'GET /index.html 200 1234 0.003'],
    ['all', 'Failed password for root from 1.2.3.4 port 22'],
    ['all', 'the token bucket is full; keys: 12 secrets kept'],
    ['card', '4111 1111 1111 1112'],
    ['card', '1700000000000000000 41111111111111111111111'],
    ['card', '411111111111111 1'.repeat(2)],
    ['email', 'a@b @ user@localhost x@'],
    ['email', `${'a'.repeat(100_000)}`],
    ['{ patterns: ["(a+)+$"] }', `${'a'.repeat(100_000)}b`],
    ['{ patterns: ["x*"] }', 'yyy'],
    ['all', ''],
  ])('%s in %s', async (step, body) => expect(await bodyOf(step, body)).toBe(body));

  test('a check digit alone is no card', () => {
    expect(isCard('0000000000000000')).toBe(false);
    expect(isCard('4111111111111111')).toBe(true);
    expect(isCard('411111111111111')).toBe(false);
  });
});

describe('where it is found', () => {
  const given: Given = {
    body: 'nothing',
    attributes: {
      text: 'card 4111111111111111',
      number: 4111111111111111,
      password: 'short',
      'db.password': 12,
      'http.request.header.authorization': 'Basic x',
      4111111111111111: 'as a name',
      'syslog.structured_data': anyValue({ 'x@1': { card: '4111111111111111', pwd: 'p', ok: 'fine' } }),
      deep: anyValue([{ a: [4111111111111111, 'a@b.io', { '4111111111111111': 1 }] }]),
      fine: true,
    },
    constants: { 'syslog.appname': 'a@b.io', 'process.pid': 12 },
  };
  test('in attributes, their names, numbers, and all that is within them', async () => {
    const { run } = await chainOf('- redact: all');
    const expected = {
      text: `card ${R}`,
      number: R,
      password: R,
      'db.password': R,
      'http.request.header.authorization': R,
      [R]: 'as a name',
      'syslog.structured_data': { 'x@1': { card: R, pwd: R, ok: 'fine' } },
      deep: [{ a: [R, R, { [R]: 1 }] }],
      fine: true,
      'syslog.appname': R,
      'process.pid': 12,
    };
    for (let i = 0; i < 3; i++) expect((run(given) as DecodedRecord).attributes).toEqual(expected);
  });

  test('in attributes that are named', async () => {
    expect(
      await through('- redact: { attributes: [user.name, process.pid] }', {
        attributes: { 'user.name': 'bob', other: 'bob' },
        constants: { 'process.pid': 12 },
      }),
    ).toMatchObject({ attributes: { 'user.name': R, other: 'bob', 'process.pid': R } });
  });

  test('in the resource a sender chose, not in the name of a daemon', async () => {
    const service = 'a@b.io';
    const resourceOf = async (declared: boolean) =>
      ((await through('- redact: all', { service, declared })) as DecodedRecord).resource['service.name'];
    expect(await resourceOf(false)).toBe(R);
    expect(await resourceOf(true)).toBe(service);
  });

  test('in a body that is no UTF-8: no original is kept', async () => {
    const body = Buffer.concat([
      Buffer.from('\xff pwd=', 'latin1'),
      Buffer.from('hunter2 '),
      Buffer.from([0xfe]),
    ]);
    const record = (await through('- redact: all', { body })) as DecodedRecord;
    expect(record.body).toBe(`\ufffd pwd=${R} \ufffd`);
    expect(record.attributes).toEqual({});
    const other = (await through('- redact: all', { body: Buffer.from([0xff, 0x61]) })) as DecodedRecord;
    expect(other.attributes['log.record.original']).toEqual(new Uint8Array([0xff, 0x61]));
  });

  test('in what a parser finds behind it', async () => {
    const steps = '- parse: json\n- redact: all';
    const body = '{"msg":"hi","mail":"a\\u0040b.io","password":"x","card":4111111111111111}';
    expect(await through(steps, { body })).toMatchObject({
      body: 'hi',
      attributes: { mail: R, password: R, card: R },
    });
  });

  test('in events of the agent', async () => {
    expect(await through('- redact: email', { source: 'events', body: 'a@b.io exited' })).toMatchObject({
      body: `${R} exited`,
    });
  });
});

describe('random records', () => {
  const luhn = (digits: string) => {
    for (let check = 0; check < 10; check++) if (isCard(digits + check)) return digits + check;
    throw new Error('no check digit');
  };
  const digits = (n: number) => fc.stringMatching(new RegExp(`^\\d{${n}}$`));
  const card = fc
    .oneof(
      digits(14).map(rest => luhn(`4${rest}`)),
      digits(13).map(rest => luhn(`55${rest}`)),
      digits(12).map(rest => luhn(`37${rest}`)),
    )
    .chain(whole => fc.constantFrom('', ' ', '-').map(gap => whole.replace(/(\d{4})(?=\d)/g, `$1${gap}`)));
  const word = fc.stringMatching(/^[a-zA-Z0-9]{8,24}$/);
  const secret = fc.oneof(
    card,
    fc.tuple(word, word).map(([user, host]) => `${user}@${host}.example`),
    fc.stringMatching(/^ghp_[a-zA-Z0-9]{36}$/),
    fc.stringMatching(/^AKIA[A-Z0-9]{16}$/),
    fc.tuple(word, word).map(([a, b]) => `eyJ${a}.eyJ${b}.${a}`),
  );
  const noise = fc.oneof(
    fc.stringMatching(/^[a-z ,.:;"'{}[\]=&?<>|]{0,30}$/),
    fc.string({ unit: 'binary', maxLength: 20 }).map(text => text.replace(/[\d\w@.%+-]/g, '')),
  );
  const place = fc.constantFrom('body', 'bytes', 'text', 'constant', 'value', 'list', 'json', 'name');

  test('a secret between anything, anywhere, is gone', async () => {
    const { run } = await chainOf('- redact: all\n- parse: json\n- redact: all');
    await fc.assert(
      fc.property(secret, noise, noise, place, (hidden, before, after, where) => {
        const text = `${before} ${hidden} ${after}`;
        const given: Record<typeof where, Given> = {
          body: { body: text },
          bytes: { body: Buffer.concat([Buffer.from([0xff, 0x20]), Buffer.from(text), Buffer.from([0xc3])]) },
          text: { attributes: { a: text } },
          constant: { constants: { a: text } },
          value: { attributes: { a: anyValue({ b: { c: text } }) } },
          list: { attributes: { a: anyValue([['x', text]]) } },
          json: { body: JSON.stringify({ msg: 'x', deep: { list: [text] }, top: text }) },
          name: { attributes: { [text]: 1 } },
        };
        const record = run(given[where]) as DecodedRecord;
        const seen = JSON.stringify(record, (_, value) =>
          typeof value === 'bigint'
            ? String(value)
            : value instanceof Uint8Array
              ? Buffer.from(value).toString('latin1')
              : value,
        );
        expect(seen).not.toContain(hidden);
        expect(seen).toContain(R);
      }),
      { numRuns: 2000 },
    );
  });

  test('any bytes at all come out as they went in when nothing is found, and never throw', async () => {
    const { run } = await chainOf('- redact: { builtin: all, patterns: ["never-there"] }');
    const plain = await chainOf('- remove: never-there');
    await fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), body => {
        const record = run({ body }) as DecodedRecord;
        if (!JSON.stringify(record.body).includes(R)) expect(record).toEqual(plain.run({ body }));
      }),
      { numRuns: 1000 },
    );
  });
});
