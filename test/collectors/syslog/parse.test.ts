import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpuMs } from '../../cpu.ts';
import { type Read, read } from './read.ts';

type Case = [input: string, expected: Partial<Read>];

describe('RFC 5424', () => {
  const header = '<165>1 2003-10-11T22:14:15.003Z host.example app 42 ID47';
  const good: Case[] = [
    [
      `${header} [ex@1 a="1" b="2"][two] text`,
      {
        format: 'rfc5424',
        facility: 20,
        severity: 5,
        version: 1,
        time: '2003-10-11T22:14:15.000Z',
        nanos: 3_000_000,
        host: 'host.example',
        app: 'app',
        proc: '42',
        msgId: 'ID47',
        structure: '[ex@1 a="1" b="2"][two]',
        body: 'text',
      },
    ],
    ['<1>1 - - - - - -', { time: '', host: '', app: '', proc: '', msgId: '', structure: '', body: '' }],
    ['<1>1 - - - - - - ', { body: '' }],
    ['<1>1 - - - - - -  two spaces', { body: ' two spaces' }],
    [`${header} - \ufeffmarked`, { body: 'marked' }],
    [`${header} [x] \ufeffmarked`, { structure: '[x]', body: 'marked' }],
    [`${header} - BOM as text`, { body: 'BOM as text' }],
    [`${header} - one\ntwo`, { body: 'one\ntwo' }],
    [`${header} - line\n`, { body: 'line' }],
    [`${header} [x]`, { structure: '[x]', body: '' }],
    [`${header} [x a="\\]\\"\\\\"] t`, { structure: '[x a="\\]\\"\\\\"]', body: 't' }],
    [`${header} [x a="\\n"] t`, { structure: '[x a="\\n"]', body: 't' }],
    [`${header} [x a="1" a="2"] t`, { structure: '[x a="1" a="2"]' }],
    [`${header} - a [x] - b`, { structure: '', body: 'a [x] - b' }],
    ['<14>1 - a/b OX-1:rpd - - - x', { host: 'a/b', app: 'OX-1:rpd' }],
    ['<14>1 2003-08-24T05:14:15.000003-07:00 h - - - -', { time: '2003-08-24T12:14:15.000Z', nanos: 3000 }],
    ['<14>1 2003-08-24T05:14:15+05:30 h - - - -', { time: '2003-08-23T23:44:15.000Z', nanos: 0 }],
    ['<14>1 2018-12-31T23:59:59.999999-23:59 h - - - -', { time: '2019-01-01T23:58:59.000Z' }],
    ['<14>1 2020-02-29T00:00:00Z - - - - -', { time: '2020-02-29T00:00:00.000Z' }],
    ['<14>1 2003-08-24T05:14:15.123456789Z h - - - - x', { nanos: 123_456_789, body: 'x' }],
    ['<29>53 2016-01-15T01:00:43Z h a - - - x', { version: 53, app: 'a', body: 'x' }],
    [`<1>1 - ${'h'.repeat(255)} ${'a'.repeat(48)} ${'p'.repeat(128)} ${'m'.repeat(32)} - x`, { body: 'x' }],
  ];
  it.each(good)('%j', (input, expected) => {
    const message = read(input);
    expect(message).toMatchObject(expected);
    expect(message).toMatchObject({ format: 'rfc5424', error: '' });
  });

  /** Broken, with what is still read of it. All of it is the body. */
  const broken: Case[] = [
    ['<29>0 2016-01-15T01:00:43Z h a - - - x', { error: 'RFC 5424: version is not 1 to 999' }],
    ['<14>1 2016-12-31T23:59:60Z h a - - - leap', { time: '', host: '' }],
    ['<14>1 2003-09-31T22:14:16Z h a - - - x', { time: '' }],
    ['<14>1 2019-02-29T22:14:16Z h a - - - x', { time: '' }],
    ['<14>1 2003-09-30T24:14:16Z h a - - - x', { time: '' }],
    ['<14>1 2003-09-30T22:14:16z h a - - - x', { time: '' }],
    ['<14>1 2003-09-30 22:14:16Z h a - - - x', { time: '' }],
    ['<14>1 2003-09-30T22:14:16 h a - - - x', { time: '' }],
    ['<14>1 2003-09-30T22:14:16.Z h a - - - x', { time: '' }],
    ['<14>1 2003-09-30T22:14:16.0000000001Z h a - - - x', { time: '' }],
    ['<14>1 2003-09-30T22:14:16-24:00 h a - - - x', { time: '' }],
    ['<14>1 2003-09-30T22:14:16-07:60 h a - - - x', { time: '' }],
    ['<14>1 2003-09-30T22:14:16-0700 h a - - - x', { time: '' }],
    ['<14>1 2003-09-30T22:14:16Z+07:00 h a - - - x', { error: 'RFC 5424: not a timestamp' }],
    ['<101>124 20', { facility: 12, severity: 5 }],
    ['<1>5 A', { facility: 0, severity: 1 }],
    ['<1>1 - \nh - - - -', { host: '' }],
    ['<1>1 - h\nost a - - -', { host: '' }],
    ['<1>1 - h a\npp - - -', { host: 'h', app: '' }],
    ['<1>1 - h app', { host: 'h', app: '' }],
    ['<1>1 - h app p', { app: 'app', proc: '' }],
    ['<1>1 - h app p m', { proc: 'p', msgId: '' }],
    ['<1>1 - h app p m ', { msgId: 'm', error: 'RFC 5424: malformed structured data' }],
    ['<1>1 - h app  m - x', { app: 'app' }],
    [`<1>1 - ${'h'.repeat(256)} app - - - x`, { app: 'app' }],
    [`<1>1 - h ${'a'.repeat(49)} - - - x`, { app: 'a'.repeat(49) }],
    [`${header} []]`, { app: 'app', structure: '' }],
    [`${header} [x][x] t`, { app: 'app' }],
    [`${header} [x a="1"][y][x b="2"] t`, { structure: '' }],
    [`${header} [ x a="1"] t`, { app: 'app' }],
    [`${header} [x a] t`, {}],
    [`${header} [x a=] t`, {}],
    [`${header} [x a=b] t`, { app: 'app', proc: '42' }],
    [`${header} [x a="] t`, {}],
    [`${header} [x a="]q"] t`, {}],
    [`${header} [x a="a""] t`, {}],
    [`${header} [x a="\\"] t`, {}],
    [`${header} [x a="1"]t`, {}],
    [`${header} [x a="1"`, {}],
    [`${header} [${'x'.repeat(33)}] t`, {}],
    [`${header} nothing`, { msgId: 'ID47' }],
  ];
  it.each(broken)('%j is raw', (input, expected) => {
    const message = read(input);
    expect(message).toMatchObject({ ...expected, format: 'raw', body: input });
    expect(message.error).toMatch(/^RFC 5424: /);
  });

  it('takes hostile structured data in no time', () => {
    const many = Array.from({ length: 8000 }, (_, i) => `[e${i}]`).join('');
    const pairs = Array.from({ length: 8000 }, (_, i) => ` p${i}="x"`).join('');
    const took = cpuMs(() => {
      expect(read(`<14>1 - h a - - ${many} t`).format).toBe('raw');
      expect(read(`<14>1 - h a - - [x${pairs}] t`).format).toBe('raw');
      expect(read(`<14>1 - h a - - ${'[x]'.repeat(20_000)} t`).format).toBe('raw');
    });
    expect(took).toBeLessThan(500);
  });
});

describe('RFC 3164 and its relatives', () => {
  const T = 'Nov 22 17:35:01';
  const cases: Case[] = [
    // The form of syslog(3) on a local socket.
    [`<30>${T} prog[123]: msg`, { format: 'local', host: '', app: 'prog', proc: '123', body: 'msg' }],
    [`<30>${T} prog: msg`, { app: 'prog', proc: '', body: 'msg' }],
    [`<30>${T} prog: msg\n`, { body: 'msg' }],
    [`<30>${T} prog: msg\n\0`, { body: 'msg' }],
    [`<30>${T} prog: msg\0`, { body: 'msg' }],
    [`<30>${T} prog: m\0sg\0`, { body: 'm\0sg\0' }],
    [`<30>${T} prog: msg\n\n`, { body: 'msg\n' }],
    [`<30>${T} prog:  two spaces`, { body: ' two spaces' }],
    [`<30>${T} prog[123]: `, { app: 'prog', body: '' }],
    [`<30>${T} prog[123]:`, { app: 'prog', body: '' }],
    [`<30>${T} prog[123] no colon`, { app: 'prog', proc: '123', body: 'no colon' }],
    [`<6>${T} kernel: [    0.000000] Linux: x`, { app: 'kernel', body: '[    0.000000] Linux: x' }],
    [`<30>${T} sshd(pam_unix)[1]: x`, { app: 'sshd(pam_unix)', proc: '1' }],
    [`<30>${T} (sd-pam): x`, { app: '(sd-pam)', body: 'x' }],
    [`<30>${T} postfix/smtpd[7]: x`, { app: 'postfix/smtpd', proc: '7' }],
    [`<30>${T} `, { format: 'local', app: '', body: '' }],
    [`<30>${T}`, { format: 'local', app: '', body: '' }],
    [`<30>${T} : no name`, { app: '', body: ': no name' }],
    [`<30>${T} one\n<30>${T} two`, { body: expect.stringContaining(`<30>${T} two`) }],
    // With a host.
    [`<34>${T} host app[9]: m`, { format: 'rfc3164', host: 'host', app: 'app', proc: '9', body: 'm' }],
    [`<34>${T} 192.168.0.1 app[9] m`, { host: '192.168.0.1', app: 'app', proc: '9', body: 'm' }],
    [`<34>${T} 192.168.0.1 tag:text`, { host: '192.168.0.1', app: 'tag', body: 'text' }],
    [`<34>${T} 192.168.0.1 tag4:`, { app: 'tag4', body: '' }],
    [`<34>${T} fe80:0::1 prg: m`, { host: 'fe80:0::1', app: 'prg' }],
    [`<34>${T} h@x/y tag: m`, { host: 'h@x/y', app: 'tag' }],
    [`<34>${T} - tag: m`, { host: '', app: 'tag', body: 'm' }],
    [`<34>${T} 10.0.0.99 Use the BFG!`, { host: '10.0.0.99', app: '', body: 'Use the BFG!' }],
    [`<34>${T} host -- MARK --`, { host: 'host', app: '', body: '-- MARK --' }],
    [`<34>${T} host  {"a": "b:c"}`, { host: 'host', app: '', body: '{"a": "b:c"}' }],
    [`<34>${T} host http://x/y is down`, { host: 'host', app: '', body: 'http://x/y is down' }],
    [`<34>${T} host 12:34:56 job done`, { host: 'host', app: '', body: '12:34:56 job done' }],
    [`<34>${T} host 2026-11-22T17:35:01Z up`, { host: 'host', app: '', body: '2026-11-22T17:35:01Z up' }],
    [`<34>${T} host 192.0.2.1:514 is up`, { host: 'host', app: '', body: '192.0.2.1:514 is up' }],
    [`<34>${T} host prog![pid]: m`, { host: 'host', app: 'prog!', proc: 'pid', body: 'm' }],
    [
      `<6>${T} host ~!@#$%^&*()_+=-\`]{};"'/?\\,.<>[11]: x`,
      { host: 'host', app: '~!@#$%^&*()_+=-`]{};"\'/?\\,.<>', proc: '11', body: 'x' },
    ],
    [`<34>${T} host`, { host: 'host', body: '' }],
    [`<34>${T} #001 MSWinEventLog 0#011x`, { host: '', app: '', body: '#001 MSWinEventLog 0#011x' }],
    [`<34>${T} {"json": true}`, { host: '', app: '', body: '{"json": true}' }],
    // Other times.
    ['<34>NOV 22 17:35:01 host app: m', { host: 'host', app: 'app' }],
    ['<34>Nov 22 17:35:01.456 host app: m', { host: 'host', nanos: 456_000_000 }],
    ['<34>Nov 22 17:35:01. host app: m', { host: 'host', nanos: 0 }],
    ['<34>Mar 7 2008 19:06:53: host tag: m', { host: 'host', app: 'tag', body: 'm' }],
    ['<34>Apr 15 21:28:13 2007 linksys app: m', { host: 'linksys', app: 'app' }],
    ['<34>May 21 2017 00:00:00: %ASA-4-102030: Deny', { host: '', app: '%ASA-4-102030', body: 'Deny' }],
    ['<34>2019-02-13T21:53:30.605850+00:00 host app: m', { time: '2019-02-13T21:53:30.000Z', host: 'host' }],
    ['<34>2019-02-13T21:53:30,5Z host app: m', { nanos: 500_000_000, host: 'host' }],
    ['<34>2019-02-13 21:53:30+0100 host app: m', { time: '2019-02-13T20:53:30.000Z', app: 'app' }],
    ['<34>2019-02-13T21:53:30.12345678901Z host app: m', { nanos: 123_456_789 }],
    ['<34>2019-02-13T21:53:30Z', { time: '2019-02-13T21:53:30.000Z', body: '' }],
    // Cisco.
    ['<34>123: *Mar  1 00:00:01.5 UTC: %SYS-5-X: m', { app: '%SYS-5-X', body: '%SYS-5-X: m', nanos: 5e8 }],
    ['<34>2020 Mar  1 00:00:01 host tag: m', { time: '2020-03-01T00:00:01.000Z', host: 'host', app: 'tag' }],
    ['<34>: 2020 Mar  1 00:00:01.5 UTC: %X-5-Y: m', { time: '2020-03-01T00:00:01.000Z', app: '%X-5-Y' }],
    ['<34>Mar  1 2020 00:00:01 fw1 : %ASA-6-1: m', { host: 'fw1', app: '%ASA-6-1', body: 'm' }],
    ['<34>Mar  1 2020 00:00:01 app : m', { host: '', app: '', body: 'app : m' }],
    ['<34>123: Mar  1 2020 00:00:01 UTC: %SYS-5-X: m', { time: '2020-03-01T00:00:01.000Z' }],
    ['<34>123: r1: .Nov 18 21:03:22.631: %SYS-5-X: m', { format: 'rfc3164', host: 'r1', app: '%SYS-5-X' }],
    ['<34>123: neither', { format: 'local', app: '123', body: 'neither' }],
    // Priority only.
    ['<27>xapi: [error|x] died', { format: 'local', time: '', app: 'xapi', body: '[error|x] died' }],
    ['<15> openvpn[2499]: PTHREAD', { app: 'openvpn', proc: '2499', body: 'PTHREAD' }],
    ['<189>time=16:31:28 dev=x', { app: '', body: 'time=16:31:28 dev=x' }],
    ['<189>http://x is down', { app: '', body: 'http://x is down' }],
    ['<13>hello world', { app: '', body: 'hello world' }],
    ['<13>[error] x', { app: '', body: '[error] x' }],
    ['<111>', { facility: 13, severity: 7, body: '' }],
    ['<0>x', { facility: 0, severity: 0, body: 'x' }],
    ['<191>x', { facility: 23, severity: 7, body: 'x' }],
    // A timestamp only.
    [
      'Oct 11 22:14:15 host app[1]: m',
      { format: 'rfc3164', facility: 1, severity: 5, host: 'host', app: 'app' },
    ],
  ];
  it.each(cases)('%j', (input, expected) => {
    const message = read(input);
    expect(message).toMatchObject(expected);
    expect(message.error).toBe('');
  });

  const raw: string[] = [
    '',
    'Use the BFG!',
    'tag: without a priority',
    '   [{ "c3":3 }]',
    '<192>hello',
    '<13hello',
    '<>hello',
    '<aaa>hello',
    '<002>hello',
    '<1234>hello',
    '<13',
    '<',
    ' <1>x',
    '\0<13>x',
    '5 aaaaa',
    'Nov 32 17:35:01 h a: m',
    'Nov 22 24:35:01 h a: m',
    'Nov 22 17:35:01x h a: m',
    'Xov 22 17:35:01 h a: m',
    '*!. 22 17:35:01 h a: m',
    'Nov 22 17:35',
    '1 2020-05-22T14:59:09.250-03:00 h a 6589 - - x',
  ];
  it.each(raw)('%j is raw', input => {
    expect(read(input)).toMatchObject({
      format: 'raw',
      error: 'no priority and no timestamp',
      facility: 1,
      severity: 5,
      app: '',
      body: input,
    });
  });
});

describe('a time without a year', () => {
  const yearOf = (stamp: string, now: string) => {
    const { time } = read(`<13>${stamp} a: x`, new Date(now).getTime());
    return time === '' ? '' : new Date(time).getFullYear();
  };
  it.each([
    ['Dec 31 23:59:59', '2027-01-01T00:00:01', 2026],
    ['Jan  1 00:00:01', '2026-12-31T23:59:59', 2027],
    ['Jun 15 12:00:00', '2026-11-22T12:00:00', 2026],
    ['Feb 29 12:00:00', '2028-03-01T12:00:00', 2028],
    ['Feb 29 12:00:00', '2026-11-22T12:00:00', 2024],
    ['Feb 29 12:00:00', '2103-06-01T12:00:00', 2104],
    ['Feb 30 12:00:00', '2026-11-22T12:00:00', ''],
  ])('%s seen at %s is of %s', (stamp, now, year) => {
    expect(yearOf(stamp, now)).toBe(year);
  });

  it('is the local time of its own day, on any day', () => {
    const day = fc.date({ min: new Date('2020-01-02'), max: new Date('2030-12-30'), noInvalidDate: true });
    fc.assert(
      fc.property(day, date => {
        const at = new Date(Math.floor(date.getTime() / 1000) * 1000);
        const local = at.toString();
        const day = String(at.getDate()).padStart(2);
        const { time } = read(
          `<13>${local.slice(4, 7)} ${day} ${local.slice(16, 24)} a: x`,
          at.getTime() + 86_400_000,
        );
        // An hour that the clock shows twice a year may be either.
        expect(Math.abs(Date.parse(time) - at.getTime())).toBeLessThanOrEqual(3_600_000);
        expect(new Date(time).toString().slice(0, 24)).toBe(local.slice(0, 24));
      }),
    );
  });
});

describe('any bytes', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '<13>',
      '1 ',
      '- ',
      '[',
      ']',
      '"',
      '\\',
      'Nov 22 17:35:01 ',
      'tag[1]: ',
      ':',
      ' ',
      '\n',
      '\0',
      '=',
    ),
    fc.constantFrom(
      '2003-10-11T22:14:15.003Z ',
      'host ',
      '[x a="b"]',
      '\ufeff',
      '<',
      '>',
      '9',
      '%',
      'a:b:c ',
      '*',
    ),
    fc.string({ maxLength: 6 }),
  );
  it('are read without a throw, in range, and a raw body is all of them', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), pieces => {
        const input = pieces.join('');
        const message = read(input);
        const all = Buffer.from(input).toString('latin1');
        const trimmed = all.replace(/^([^\0]*)\0$/, '$1').replace(/\n$/, '');
        if (message.error !== '') expect(message.body).toBe(trimmed);
        for (const part of [
          message.host,
          message.app,
          message.proc,
          message.msgId,
          message.structure,
          message.body,
        ])
          expect(trimmed).toContain(part);
        expect(trimmed.endsWith(message.body)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('are read without a throw when they are noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        const message = read(bytes);
        const all = Buffer.from(bytes).toString('latin1');
        expect(all.slice(all.lastIndexOf(message.body) + message.body.length)).toMatch(/^\n?\0?$/);
      }),
    );
  });
});
