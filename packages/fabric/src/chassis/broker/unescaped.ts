/** What a reply says once its escapes are undone, and where each byte of that stood. */

export interface View {
  readonly bytes: Buffer;
  /** `starts[i]` is where byte `i` began in the original; one more entry says where the last ended. */
  readonly starts: Uint32Array;
}

const PERCENT = 0x25;
const AMPERSAND = 0x26;
const BACKSLASH = 0x5c;
const HASH = 0x23;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** What stands for one byte in the view, and how much of the original it takes. */
interface Escape {
  readonly length: number;
  /** Empty for a line break inside of a string. */
  readonly bytes: Uint8Array;
}

/**
 * The bytes with percent encoding (RFC 3986 §2.1), backslash escapes (RFC 8259 §7, and `\x41`) and character references of
 * HTML undone and line breaks left out, as base64 may be wrapped (RFC 2045 §6.8). Undefined where there are none of these.
 */
export const unescaped = (original: Buffer): View | undefined => {
  if (!MARKS.some((mark) => original.includes(mark))) return undefined;
  // An escape is at least as long as what it stands for, so that the view fits.
  const bytes = Buffer.alloc(original.length);
  const starts = new Uint32Array(original.length + 1);
  let length = 0;
  let at = 0;
  while (at < original.length) {
    const byte = original[at] ?? 0;
    const escape = IS_MARK[byte] === 1 ? escapeAt(original, at, byte) : undefined;
    if (escape === undefined) {
      bytes[length] = byte;
      starts[length] = at;
      length += 1;
      at += 1;
      continue;
    }
    for (const each of escape.bytes) {
      bytes[length] = each;
      starts[length] = at;
      length += 1;
    }
    at += escape.length;
  }
  starts[length] = at;
  return { bytes: bytes.subarray(0, length), starts: starts.subarray(0, length + 1) };
};

const MARKS: readonly number[] = [PERCENT, AMPERSAND, BACKSLASH, LINE_FEED, CARRIAGE_RETURN];
const IS_MARK = Uint8Array.from({ length: 256 }, (_each, byte) => (MARKS.includes(byte) ? 1 : 0));

const escapeAt = (bytes: Buffer, at: number, mark: number): Escape | undefined => {
  if (mark === PERCENT) return codeEscape(numberAt(bytes, at + 1, 2), 3);
  if (mark === BACKSLASH) return backslashAt(bytes, at);
  return mark === AMPERSAND ? referenceAt(bytes, at) : BREAK;
};

const BREAK: Escape = { length: 1, bytes: new Uint8Array() };

/** Digits of hexadecimal by their byte; −1 for what is none. */
const HEX = Int8Array.from({ length: 256 }, (_each, byte) => {
  const digit = Number.parseInt(String.fromCodePoint(byte), 16);
  return Number.isNaN(digit) ? -1 : digit;
});

/** The number that `digits` hexadecimal digits stand for; −1 where they are not that many. */
const numberAt = (bytes: Buffer, at: number, digits: number): number => {
  let value = 0;
  for (let each = at; each < at + digits; each += 1) {
    const digit = HEX[bytes[each] ?? 0] ?? -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
};

/** A number below 256 stands for a byte, as in a percent escape or in text that was read as Latin-1; others for characters. */
const codeEscape = (code: number, length: number): Escape | undefined =>
  code < 0 ? undefined : { length, bytes: BYTES[code] ?? Buffer.from(character(code)) };

const BYTES: readonly Uint8Array[] = Array.from({ length: 256 }, (_each, byte) =>
  Uint8Array.of(byte),
);

/** Characters after a backslash, by their byte; a line break inside of a string is none. */
const BACKSLASHED: ReadonlyMap<number, Escape> = new Map(
  ['/', '"', "'", '\\', 'n', 'r'].map((char) => [
    char.charCodeAt(0),
    { length: 2, bytes: /[nr]/.test(char) ? new Uint8Array() : Buffer.from(char) },
  ]),
);
const LETTER_U = 0x75;
const LETTER_X = 0x78;

const backslashAt = (bytes: Buffer, at: number): Escape | undefined => {
  const kind = (bytes[at + 1] ?? 0) | 0x20;
  if (kind === LETTER_U) return codeEscape(numberAt(bytes, at + 2, 4), 6);
  if (kind === LETTER_X) return codeEscape(numberAt(bytes, at + 2, 2), 4);
  return BACKSLASHED.get(bytes[at + 1] ?? 0);
};

/** Longest reference that is read, bytes: `&#x0000041;`. */
const REFERENCE_BYTES_MAX = 11;
const NAMED: ReadonlyMap<string, string> = new Map([
  ['&amp;', '&'],
  ['&apos;', "'"],
  ['&gt;', '>'],
  ['&lt;', '<'],
  ['&quot;', '"'],
]);
const NAMED_FIRST: ReadonlySet<number> = new Set(Buffer.from('aglqAGLQ'));

const referenceAt = (bytes: Buffer, at: number): Escape | undefined => {
  const next = bytes[at + 1] ?? 0;
  if (next !== HASH && !NAMED_FIRST.has(next)) return undefined;
  const text = bytes.toString('latin1', at, at + REFERENCE_BYTES_MAX);
  const length = text.indexOf(';') + 1;
  if (length === 0) return undefined;
  const reference = text.slice(0, length).toLowerCase();
  const named = NAMED.get(reference);
  if (named !== undefined) return { length, bytes: Buffer.from(named) };
  const [, decimal, hex] = /^&#(?:(\d+)|x([0-9a-f]+));$/.exec(reference) ?? [];
  if (decimal !== undefined) return codeEscape(Number.parseInt(decimal, 10), length);
  return hex === undefined ? undefined : codeEscape(Number.parseInt(hex, 16), length);
};

/** Half of a surrogate pair stands for no byte of a secret; neither does what is no code point. */
const character = (code: number): string =>
  code > 0x10_ffff || (code >= 0xd8_00 && code <= 0xdf_ff) ? '?' : String.fromCodePoint(code);
