// The shape of `processors:`, an ordered list of steps: `{ <step>: <its options>, when: <condition> }`. Pure.

import { messageFormat } from '../core/formats/options.ts';
import {
  choose,
  describe,
  formatted,
  list,
  map,
  object,
  oneOf,
  optional,
  type Schema,
  string,
} from '../core/options.ts';
import {
  EVENTS,
  type ProcessorSpec,
  type RedactSpec,
  type SampleSpec,
  SECRETS,
  type Secret,
  type SeveritySpec,
  STEPS,
} from '../core/processor.ts';
import { rateLimit } from '../core/rate.ts';
import { conditions, severityWord } from './conditions.ts';
import { metric } from './processor-metric.ts';
import { also, isText, scalarValue, turned } from './shapes.ts';

const secrets: Schema<readonly Secret[]> = turned(
  also(list(oneOf('all', ...SECRETS), true), words =>
    words.length > 0 ? undefined : `it names none of ${SECRETS.join(', ')}`,
  ),
  words => (words.includes('all') ? SECRETS : (words as Secret[])),
);

const REDACTED = '[redacted]';

const redact: Schema<RedactSpec> = choose<RedactSpec>(
  {
    when: input => isText(input) || Array.isArray(input),
    schema: turned(secrets, builtin => ({ builtin, patterns: [], attributes: [], with: REDACTED })),
  },
  {
    when: () => true,
    schema: turned(
      object(
        {
          builtin: optional(secrets),
          patterns: optional(
            describe(
              list(formatted('regex'), true),
              'Of a match its groups go, or all of it without groups.',
            ),
          ),
          attributes: optional(describe(list(string(), true), 'Attributes whose values go as a whole.')),
          with: optional(describe(string(), `What stands in its place. Default: ${REDACTED}.`)),
        },
        { atLeastOne: ['builtin', 'patterns', 'attributes'] },
      ),
      given => ({ builtin: [], patterns: [], attributes: [], with: REDACTED, ...given }),
    ),
  },
);

/** 0..1 from `10%`, `1/10` or `0.1`. */
function shareOf(text: string): number | undefined {
  const [, top, sign, bottom] = /^(\d+(?:\.\d+)?)(?:(%)|\/(\d+))?$/.exec(text) ?? [];
  const share = Number(top) / (sign ? 100 : Number(bottom ?? 1));
  return share >= 0 && share <= 1 ? share : undefined;
}

const share = turned(
  also(
    describe(string(), 'The share of records that stay: 10%, 1/10 or 0.1.'),
    text => shareOf(text) === undefined && `"${text}" is not a share such as 10%, 1/10 or 0.1`,
  ),
  text => shareOf(text)!,
);

const sample: Schema<SampleSpec> = choose<SampleSpec>(
  { when: input => typeof input !== 'object', schema: turned(share, ratio => ({ ratio })) },
  {
    when: () => true,
    schema: object({
      ratio: share,
      by: optional(
        describe(
          string(),
          'An attribute, or `body`: what has the same value stays or goes together. Without it by turns.',
        ),
      ),
    }),
  },
);

const severity: Schema<SeveritySpec> = choose<SeveritySpec>(
  {
    when: isText,
    schema: turned(
      describe(oneOf('body'), 'The first word of severity in the body.'),
      (): SeveritySpec => ({ first: true, values: {} }),
    ),
  },
  {
    when: () => true,
    schema: turned(
      object(
        {
          set: optional(severityWord),
          attribute: optional(describe(string(), 'The attribute whose value is the word.')),
          body: optional(describe(formatted('regex'), 'Its first group, or all of the match, is the word.')),
          values: optional(describe(map(severityWord), 'What words of your own mean.')),
        },
        { exactlyOne: ['set', 'attribute', 'body'] },
      ),
      ({ values = {}, ...given }): SeveritySpec => ({
        ...given,
        values: Object.fromEntries(
          Object.entries(values).map(([word, number]) => [word.toLowerCase(), number]),
        ),
      }),
    ),
  },
);

const KEY = { what: 'an attribute name', pattern: /^.{1,256}$/ };
/** It is put on a record behind all steps. */
const UID = 'log.record.uid';
const UID_IS_OURS = `${UID} is given by the agent, and no other attribute may be called so`;
const newName = also(string(), name =>
  name === '' ? 'the new name is empty' : name === UID ? UID_IS_OURS : undefined,
);
const some = <T extends object>(schema: Schema<T>): Schema<T> =>
  also(schema, given => (Object.keys(given).length > 0 ? undefined : 'it is empty'));

const step = (sources: readonly string[]): Schema<ProcessorSpec> => {
  const when = conditions(sources);
  const fields = object(
    {
      drop: optional(describe(when, 'Records that fit go no further.')),
      keep: optional(describe(when, 'Records that do not fit go no further.')),
      redact: optional(redact),
      parse: optional(describe(messageFormat, 'What the body is.')),
      sample: optional(sample),
      rate_limit: optional(rateLimit('daemon')),
      add: optional(
        also(some(map(scalarValue(), KEY)), given => (Object.hasOwn(given, UID) ? UID_IS_OURS : undefined)),
      ),
      rename: optional(some(map(newName, KEY))),
      remove: optional(some(describe(list(string(), true), 'Attributes; `http.*` for all that begin so.'))),
      severity: optional(severity),
      metric: optional(metric),
      when: optional(describe(when, 'The records it is for; all when absent.')),
    },
    { exactlyOne: STEPS },
  );
  return fields as Schema<ProcessorSpec>;
};

/** `sources` are the collectors a record may come from. */
export function processors(sources: readonly string[]): Schema<ProcessorSpec[]> {
  const steps = list(step([...sources, EVENTS]));
  return {
    json: { anyOf: [steps.json, { type: 'null' }] },
    parse(input, path, checker) {
      if (input === null) return [];
      const given = steps.parse(input, path, checker);
      const names = new Map<string, number>();
      for (const [i, { metric: counted }] of (given ?? []).entries()) {
        if (!counted) continue;
        const first = names.get(counted.name);
        if (first !== undefined)
          checker.problem(
            [...path, i, 'metric', 'name'],
            `processors[${first}] already counts "${counted.name}"; give each a name of its own`,
          );
        else names.set(counted.name, i);
      }
      return given;
    },
  };
}
