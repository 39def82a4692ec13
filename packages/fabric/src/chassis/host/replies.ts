/**
 * What a runner says in JSON, read as the words of somebody hostile: copied field by field into new objects, so no name
 * of theirs ever becomes a property that code looks up, and no depth is ever walked.
 */
import { PROBE_ATTEMPTS } from '../words.ts';
import type { HttpCall, Loaded, ProbeAttempt, Probed, Ready, Verdict } from '../words.ts';
import { plainLine } from './plain-text.ts';

/** Characters of a name or a reason that are kept. */
const WORDS_CHARS_MAX = 400;
/** Entries of a list that are kept: no module has more imports or exports. */
const LIST_MAX = 1_000;
/** Headers that a guest may send along. */
const HEADERS_MAX = 64;
/**
 * Members of all lists and objects of one message: a verdict names 1,000 imports and 1,000 exports. Each is an object of
 * the host's: 8 MiB of brackets took 330 MiB and more than a second.
 */
const PARTS_MAX = 8_192;
const ATTEMPT_NAMES: ReadonlySet<string> = new Set(PROBE_ATTEMPTS);

type Fields = ReadonlyMap<string, unknown>;

/** The own fields of a JSON object; undefined where the bytes are something else. */
const fieldsOf = (payload: Uint8Array): Fields | undefined => {
  if (!isSmall(payload)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    return undefined;
  }
  return fieldsOfValue(value);
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `[`, `{` and `,`. */
const OPENERS: ReadonlySet<number> = new Set([0x5b, 0x7b, 0x2c]);

/** Whether the JSON has few parts, before anything is made of them. Of what is no JSON, whatever comes first. */
const isSmall = (bytes: Uint8Array): boolean => {
  let parts = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) at = endOfText(bytes, at);
    else if (OPENERS.has(byte)) parts += 1;
    if (parts > PARTS_MAX) return false;
  }
  return true;
};

/** Where the quote stands that ends a text; the end of the bytes where there is none. */
const endOfText = (bytes: Uint8Array, start: number): number => {
  for (let at = bytes.indexOf(QUOTE, start + 1); at !== -1; at = bytes.indexOf(QUOTE, at + 1)) {
    let before = at;
    while (bytes[before - 1] === BACKSLASH) before -= 1;
    if ((at - before) % 2 === 0) return at;
  }
  return bytes.length;
};

const fieldsOfValue = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? new Map(Object.entries(value))
    : undefined;

const wordsOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? plainLine(value, WORDS_CHARS_MAX) : undefined;

const countOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

const listOf = (value: unknown): readonly string[] =>
  Array.isArray(value)
    ? value.slice(0, LIST_MAX).flatMap((item: unknown) => wordsOf(item) ?? [])
    : [];

export const readReady = (payload: Uint8Array): Ready | undefined => {
  const fields = fieldsOf(payload);
  const node = wordsOf(fields?.get('node'));
  const v8 = wordsOf(fields?.get('v8'));
  return node === undefined || v8 === undefined ? undefined : { node, v8 };
};

export const readLoaded = (payload: Uint8Array): Loaded | undefined => {
  const fields = fieldsOf(payload);
  switch (fields?.get('ok')) {
    case true:
      return { ok: true, exports: listOf(fields.get('exports')) };
    case false:
      return { ok: false, reason: wordsOf(fields.get('reason')) ?? 'no reason given' };
    default:
      return undefined;
  }
};

export const readVerdict = (payload: Uint8Array): Verdict | undefined => {
  const fields = fieldsOf(payload);
  if (fields?.get('ok') === false) {
    const offset = countOf(fields.get('offset'));
    return {
      ok: false,
      code: wordsOf(fields.get('code')) ?? 'module.refused',
      reason: wordsOf(fields.get('reason')) ?? 'no reason given',
      ...(offset === undefined ? {} : { offset }),
    };
  }
  const memoryPages = countOf(fields?.get('memoryPages'));
  const functions = countOf(fields?.get('functions'));
  if (fields?.get('ok') !== true || memoryPages === undefined || functions === undefined)
    return undefined;
  return {
    ok: true,
    memoryPages,
    functions,
    imports: listOf(fields.get('imports')),
    exports: listOf(fields.get('exports')),
  };
};

const isAttemptName = (name: unknown): name is ProbeAttempt['name'] =>
  typeof name === 'string' && ATTEMPT_NAMES.has(name);

export const readProbed = (payload: Uint8Array): Probed | undefined => {
  const attempts = fieldsOf(payload)?.get('attempts');
  if (!Array.isArray(attempts)) return undefined;
  return {
    attempts: attempts.slice(0, LIST_MAX).flatMap((item: unknown): ProbeAttempt[] => {
      const fields = fieldsOfValue(item);
      const name = fields?.get('name');
      if (fields === undefined || !isAttemptName(name)) return [];
      const outcome = fields.get('outcome') === 'denied' ? 'denied' : 'allowed';
      return [{ name, outcome, detail: wordsOf(fields.get('detail')) ?? '' }];
    }),
  };
};

/** A guest's request to the broker, which judges what it says; undefined where it is no request at all. */
export const readHttpCall = (payload: Uint8Array): HttpCall | undefined => {
  const fields = fieldsOf(payload);
  const url = fields?.get('url');
  if (fields === undefined || typeof url !== 'string') return undefined;
  const headers = headersOf(fields.get('headers'));
  if (headers === undefined) return undefined;
  const optional: { alias?: string; method?: string; body?: string } = {};
  for (const name of ['alias', 'method', 'body'] as const) {
    const value = fields.get(name);
    if (typeof value === 'string') optional[name] = value;
    else if (value !== undefined && value !== null) return undefined;
  }
  return { url, headers, ...optional };
};

/** Without a prototype: a header named `constructor` is a header. */
const headersOf = (value: unknown): Readonly<Record<string, string>> | undefined => {
  const headers: Record<string, string> = Object.create(null);
  if (value === undefined || value === null) return headers;
  const fields = fieldsOfValue(value);
  if (fields === undefined || fields.size > HEADERS_MAX) return undefined;
  for (const [name, text] of fields) {
    if (typeof text !== 'string') return undefined;
    headers[name] = text;
  }
  return headers;
};
