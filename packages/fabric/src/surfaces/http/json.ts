import { JSON_DEPTH_MAX, reject } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';

// JSON from outside, for every surface that takes text. Three things that `JSON.parse` lets
// through are refused here, once, so that no schema and no canonical form has to think of them:
// nesting that recursion further in would die of, keys named `__proto__`, and text that is not
// Unicode (it has no UTF-8 form, so it could not be hashed and read back).

export type ParsedJson = { readonly kind: 'ok'; readonly value: unknown } | Rejection;

/**
 * Parses untrusted JSON. Duplicate keys: the last one counts, as `JSON.parse` has it. Never
 * throws.
 */
export function parseJson(text: string): ParsedJson {
  if (nestsTooDeep(text)) {
    return reject('request.too_deep', `The JSON nests deeper than ${JSON_DEPTH_MAX} levels.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? cause.message.slice(0, 200) : 'not JSON';
    return reject('request.malformed', `The body is not JSON: ${reason}`);
  }
  // Both faults need one of these spellings in the text: hardly any request pays for the walk.
  const flaw = /__proto__|\\u/.test(text) || !text.isWellFormed() ? findFlaw(value) : undefined;
  return flaw === undefined ? { kind: 'ok', value } : reject('request.malformed', flaw);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** As `parseJson`, from bytes, which must be UTF-8. */
export function parseJsonBytes(bytes: Uint8Array): ParsedJson {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return reject('request.malformed', 'The body is not UTF-8.');
  }
  return parseJson(text);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** One pass over the text without recursion, before the parser sees it. */
function nestsTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      at = endOfString(text, at);
    } else if (unit === 0x7b || unit === 0x5b) {
      depth += 1;
      if (depth > JSON_DEPTH_MAX) return true;
    } else if (unit === 0x7d || unit === 0x5d) {
      depth -= 1;
    }
  }
  return false;
}

/**
 * Where the string that opens at `at` closes. Runs of backslashes are disjoint, so counting them
 * back stays linear.
 */
function endOfString(text: string, at: number): number {
  let quote = text.indexOf('"', at + 1);
  while (quote !== -1) {
    let escapes = 0;
    while (text.charCodeAt(quote - 1 - escapes) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return quote;
    quote = text.indexOf('"', quote + 1);
  }
  return text.length;
}

function findFlaw(root: unknown): string | undefined {
  const left: unknown[] = [root];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === 'string') {
      if (!value.isWellFormed()) return 'A string holds half of a surrogate pair.';
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value)) {
        if (key === '__proto__') return 'A key is named __proto__.';
        if (!key.isWellFormed()) return 'A key holds half of a surrogate pair.';
        left.push(member);
      }
    }
  }
  return undefined;
}
