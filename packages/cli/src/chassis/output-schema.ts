/**
 * Whether a result fits the schema that its contract names. Schema and result both come from people who are not trusted,
 * and both are judged in this process: so only words of JSON Schema (draft 2020-12) whose cost is bounded are known, and
 * their steps are counted. There are no patterns, no references and no formats; a schema that has one fits nothing.
 */
import type { RunReport } from '@infrafabric/fabric/chassis';
import type { Digest } from '@infrafabric/protocol';

/** Bytes of a schema: more than a person reads. */
const SCHEMA_BYTES_MAX = 64 * 1024;
/** Words of a schema that are held against parts of a result: a tenth of a second. */
const STEPS_MAX = 1_000_000;
/** Schemas inside of schemas, each of which takes a piece of the stack: no person writes half as many. */
const DEPTH_MAX = 64;

type Judged = Pick<RunReport, 'cause' | 'detail'>;
type Fetch = (digest: Digest) => Promise<Uint8Array | undefined>;

/** The cause of a run's end, once its result was looked at: what completed without a fitting result is `invalid`. */
export const judged = async (
  { cause, detail, output }: Judged & Pick<RunReport, 'output'>,
  schema: Digest | undefined,
  fetch: Fetch,
): Promise<Judged> => {
  if (cause !== 'completed') return { cause, detail };
  const flaw = output.length === 0 ? 'the result is empty' : await flawOf(output, schema, fetch);
  return flaw === undefined ? { cause, detail } : { cause: 'invalid', detail: flaw };
};

const flawOf = async (
  output: Uint8Array,
  digest: Digest | undefined,
  fetch: Fetch,
): Promise<string | undefined> => {
  if (digest === undefined) return undefined;
  const bytes = await fetch(digest);
  if (bytes === undefined) return `the output schema ${digest} is not there`;
  if (bytes.length > SCHEMA_BYTES_MAX)
    return `the output schema has ${bytes.length} bytes; ${SCHEMA_BYTES_MAX} are allowed`;
  const schema = parsed(bytes);
  const value = parsed(output);
  if (schema === undefined) return `the output schema ${digest} is no JSON`;
  return value === undefined ? 'the result is no JSON' : misfit(value.value, schema.value);
};

const parsed = (bytes: Uint8Array): { readonly value: unknown } | undefined => {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return { value };
  } catch {
    return undefined;
  }
};

/** Where a value does not fit a schema, or undefined where it does. Pure; its time is bounded by `STEPS_MAX`. */
export const misfit = (value: unknown, schema: unknown): string | undefined => {
  let steps = 0;
  let depth = 0;
  const spend = (count: number): void => {
    steps += count;
  };
  const look = (part: unknown, by: unknown, at: string): string | undefined => {
    if (by === true) return undefined;
    if (!isRecord(by)) return `${at} may not be there`;
    if (depth >= DEPTH_MAX) return `the output schema is deeper than ${DEPTH_MAX}`;
    depth += 1;
    const flaw = within(part, by, at);
    depth -= 1;
    return flaw;
  };
  const within = (
    part: unknown,
    by: Readonly<Record<string, unknown>>,
    at: string,
  ): string | undefined => {
    for (const [word, wanted] of Object.entries(by)) {
      const rule = RULES.get(word);
      if (rule === undefined) return `the output schema says “${word}”, which is not known here`;
      spend(1);
      if (steps > STEPS_MAX) return 'the result is too large for its schema';
      const flaw = rule({ part, wanted, by, at, look, spend });
      if (flaw !== undefined) return flaw;
    }
    return undefined;
  };
  return look(value, schema, 'the result');
};

interface Held {
  readonly part: unknown;
  readonly wanted: unknown;
  /** The schema that the word stands in. */
  readonly by: Readonly<Record<string, unknown>>;
  readonly at: string;
  readonly look: (part: unknown, by: unknown, at: string) => string | undefined;
  /** Counts what a word costs beyond one step. */
  readonly spend: (count: number) => void;
}
type Rule = (held: Held) => string | undefined;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value;
};

const isType = (part: unknown, name: unknown): boolean =>
  name === 'integer' ? Number.isInteger(part) : typeOf(part) === name;

const first = <T>(all: Iterable<T>, look: (one: T) => string | undefined): string | undefined => {
  for (const one of all) {
    const flaw = look(one);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
};

/** A limit on a number that the part gives; parts of another type are none of its business. */
const bound =
  (
    what: string,
    figureOf: (part: unknown) => number | undefined,
    holds: (figure: number, limit: number) => boolean,
  ): Rule =>
  ({ part, wanted, at, spend }) => {
    const figure = figureOf(part);
    spend(isRecord(part) ? (figure ?? 0) : 0);
    if (figure === undefined || typeof wanted !== 'number') return undefined;
    return holds(figure, wanted) ? undefined : `${at} has ${what} that the schema does not allow`;
  };

const numberOf = (part: unknown): number | undefined =>
  typeof part === 'number' ? part : undefined;
const charsOf = (part: unknown): number | undefined =>
  typeof part === 'string' ? part.length : undefined;
const itemsOf = (part: unknown): number | undefined =>
  Array.isArray(part) ? part.length : undefined;
const fieldsOf = (part: unknown): number | undefined =>
  isRecord(part) ? Object.keys(part).length : undefined;
const least = (figure: number, limit: number): boolean => figure >= limit;
const most = (figure: number, limit: number): boolean => figure <= limit;

const isAnnotation: Rule = () => undefined;
/** Plain values only: to compare what has parts would cost as much as it has. */
const isSame = (one: unknown, other: unknown): boolean =>
  one === other && (typeof one !== 'object' || one === null);

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...['$schema', '$id', 'title', 'description', 'default', 'examples', '$comment'].map(
    (word) => [word, isAnnotation] as const,
  ),
  [
    'type',
    ({ part, wanted, at }) =>
      [wanted].flat().some((name) => isType(part, name))
        ? undefined
        : `${at} is of the type ${typeOf(part)}`,
  ],
  [
    'const',
    ({ part, wanted, at }) =>
      isSame(part, wanted) ? undefined : `${at} is not the constant of the schema`,
  ],
  [
    'enum',
    ({ part, wanted, at, spend }) => {
      const values: readonly unknown[] = Array.isArray(wanted) ? wanted : [];
      spend(values.length);
      return values.some((one) => isSame(part, one))
        ? undefined
        : `${at} is none of the values that the schema names`;
    },
  ],
  [
    'required',
    ({ part, wanted, at, spend }) => {
      if (!isRecord(part) || !Array.isArray(wanted)) return undefined;
      spend(wanted.length);
      return first(wanted, (name) =>
        Object.hasOwn(part, String(name)) ? undefined : `${at}.${String(name)} is missing`,
      );
    },
  ],
  [
    'properties',
    ({ part, wanted, at, look }) =>
      isRecord(part) && isRecord(wanted)
        ? first(Object.entries(wanted), ([name, by]) =>
            Object.hasOwn(part, name) ? look(part[name], by, `${at}.${name}`) : undefined,
          )
        : undefined,
  ],
  [
    'additionalProperties',
    ({ part, wanted, by, at, look, spend }) => {
      if (!isRecord(part)) return undefined;
      const named = isRecord(by['properties']) ? by['properties'] : {};
      const names = Object.keys(part);
      spend(names.length);
      return first(names, (name) =>
        Object.hasOwn(named, name) ? undefined : look(part[name], wanted, `${at}.${name}`),
      );
    },
  ],
  [
    'items',
    ({ part, wanted, at, look }) =>
      Array.isArray(part)
        ? first(part.entries(), ([index, one]) => look(one, wanted, `${at}[${index}]`))
        : undefined,
  ],
  [
    'anyOf',
    ({ part, wanted, at, look }) =>
      Array.isArray(wanted) && wanted.some((by) => look(part, by, at) === undefined)
        ? undefined
        : `${at} has none of the shapes that the schema names`,
  ],
  ['minimum', bound('a value', numberOf, least)],
  ['maximum', bound('a value', numberOf, most)],
  ['minLength', bound('a length', charsOf, least)],
  ['maxLength', bound('a length', charsOf, most)],
  ['minItems', bound('a number of items', itemsOf, least)],
  ['maxItems', bound('a number of items', itemsOf, most)],
  ['minProperties', bound('a number of fields', fieldsOf, least)],
  ['maxProperties', bound('a number of fields', fieldsOf, most)],
]);
