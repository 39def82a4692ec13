/** What a reply says once its escapes are undone, and where each byte of that stood. */

export interface View {
  readonly bytes: Buffer;
  /** `starts[i]` is where byte `i` began in the original; one more entry says where the last ended. */
  readonly starts: Uint32Array;
}

const PERCENT = 0x25;
const AMPERSAND = 0x26;
const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Longest escape that is read, bytes: `&#x1F600;` and some leading zeros. */
const ESCAPE_BYTES_MAX = 12;

/** Characters of an escape without a number; a line break inside of a string is none. */
const BACKSLASHED: Readonly<Record<string, string>> = {
  '/': '/',
  '"': '"',
  "'": "'",
  '\\': '\\',
  n: '',
  r: '',
};
const NAMED: Readonly<Record<string, string>> = {
  amp: '&',
  apos: "'",
  gt: '>',
  lt: '<',
  quot: '"',
};

/**
 * The bytes with percent encoding (RFC 3986 §2.1), backslash escapes (RFC 8259 §7, and `\x41`) and character references of
 * HTML undone and line breaks left out, as base64 may be wrapped (RFC 2045 §6.8). Undefined where there are none of these.
 */
export const unescaped = (original: Buffer): View | undefined => {
  if (!/[%&\\\r\n]/.test(original.toString('latin1'))) return undefined;
  const bytes = Buffer.alloc(original.length);
  const starts = new Uint32Array(original.length + 1);
  let length = 0;
  let at = 0;
  while (at < original.length) {
    const byte = original[at] ?? 0;
    if (byte === LINE_FEED || byte === CARRIAGE_RETURN) {
      at += 1;
      continue;
    }
    const escape = isEscape(byte) ? escapeAt(original, at) : undefined;
    // An escape is at least as long as what it stands for, so that the view fits.
    const text = escape === undefined ? undefined : Buffer.from(escape.text);
    for (const each of text ?? [byte]) {
      bytes[length] = each;
      starts[length] = at;
      length += 1;
    }
    at += escape?.length ?? 1;
  }
  starts[length] = at;
  return { bytes: bytes.subarray(0, length), starts: starts.subarray(0, length + 1) };
};

const isEscape = (byte: number): boolean =>
  byte === PERCENT || byte === BACKSLASH || byte === AMPERSAND;

interface Escape {
  readonly length: number;
  readonly text: string | Buffer;
}

const escapeAt = (bytes: Buffer, at: number): Escape | undefined => {
  const text = bytes.toString('latin1', at, at + ESCAPE_BYTES_MAX);
  if (text.startsWith('%')) return percent(text);
  return text.startsWith('\\') ? backslash(text) : reference(text);
};

const percent = (text: string): Escape | undefined => {
  const hex = /^%([0-9a-f]{2})/i.exec(text)?.[1];
  return hex === undefined ? undefined : { length: 3, text: Buffer.from(hex, 'hex') };
};

const backslash = (text: string): Escape | undefined => {
  const hex = /^\\(?:u([0-9a-f]{4})|x([0-9a-f]{2}))/i.exec(text);
  if (hex !== null)
    return { length: hex[0].length, text: character(Number.parseInt(hex[1] ?? hex[2] ?? '', 16)) };
  const plain = BACKSLASHED[text.charAt(1)];
  return plain === undefined ? undefined : { length: 2, text: plain };
};

const reference = (text: string): Escape | undefined => {
  const [whole = '', decimal, hex, name = ''] =
    /^&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,4}));/i.exec(text) ?? [];
  if (decimal !== undefined)
    return { length: whole.length, text: character(Number.parseInt(decimal, 10)) };
  if (hex !== undefined) return { length: whole.length, text: character(Number.parseInt(hex, 16)) };
  const plain = NAMED[name.toLowerCase()];
  return plain === undefined ? undefined : { length: whole.length, text: plain };
};

/** Half of a surrogate pair stands for no byte of a secret; neither does what is no code point. */
const character = (point: number): string =>
  point > 0x10_ffff || (point >= 0xd8_00 && point <= 0xdf_ff) ? '?' : String.fromCodePoint(point);
