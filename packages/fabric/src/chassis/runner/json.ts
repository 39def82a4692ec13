/**
 * JSON from outside, with its size and depth looked at before it is parsed, as objects that have no prototype: a name
 * such as `__proto__` or `constructor` is a name like any other.
 */

/** Levels of arrays and objects. Contracts and requests have five; a document made to exhaust a stack has thousands. */
export const JSON_DEPTH_MAX = 64;
/** Bytes, where a caller names none: headers are a few KiB, requests with bodies up to a mebibyte and its base64. */
export const JSON_BYTES_MAX = 2 * 1024 * 1024;

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether brackets nest no deeper than the limit. Linear; strings are skipped. */
const nestsWithin = (bytes: Uint8Array, depthMax: number): boolean => {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (quoted) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > depthMax) return false;
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  return true;
};

/** Takes the prototypes away, in place. Recursion is bounded by the depth that was checked. */
const orphan = (value: unknown): void => {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) orphan(item);
    return;
  }
  Object.setPrototypeOf(value, null);
  for (const item of Object.values(value)) orphan(item);
};

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses UTF-8 JSON. The type is the caller's claim: true for what the host says, and to be checked field by field
 * (`T` = `unknown`) for what a guest says.
 */
export const parseJson = <T>(
  bytes: Uint8Array,
  { bytesMax = JSON_BYTES_MAX, depthMax = JSON_DEPTH_MAX } = {},
): Parsed<T> => {
  if (bytes.length > bytesMax)
    return { ok: false, reason: `JSON of ${bytes.length} bytes; the limit is ${bytesMax}` };
  if (!nestsWithin(bytes, depthMax))
    return { ok: false, reason: `JSON nests deeper than ${depthMax} levels` };
  try {
    const value: T = JSON.parse(decoder.decode(bytes));
    orphan(value);
    return { ok: true, value };
  } catch {
    // The parser's message quotes the text, which is the sender's.
    return { ok: false, reason: 'not JSON in UTF-8' };
  }
};

/** Whether it is an object, no array. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
