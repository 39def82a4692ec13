import { assert } from './assert.ts';
import { byteAt, concatBytes, utf8Decode, utf8Encode } from './bytes.ts';
import { ENTRY_BYTES_MAX } from './frame.ts';
import { HASH_CHARS, hashText, isHash, type Hash } from './hash.ts';
import { parseSignatureLine, type NoteSignature } from './note.ts';

// An entry is one committed command, as text:
//
//   ifab-log/1 <index> <leaf hash of index − 1> <time, UTC, ms> <epoch>⏎
//   <outcome: canonical JSON>⏎
//   <call: canonical JSON, the caller's bytes>⏎
//   and only where the caller signed: ⏎ and 1–16 signature lines, so that the call and all behind
//   it are a C2SP signed note.
//
// The grammar needs no JSON parser and no trust: digits, one base64 form, one time form. Control
// characters are refused, so nothing that an agent says can look like a line of the log.

/** Signature lines of one call: agent, next key, approvers. What note readers must accept. */
export const CALL_SIGNATURES_MAX = 16;

/** Epochs are u32 in the frame header. */
export const EPOCH_MAX = 0xffffffff;

export type EntryFlaw =
  | 'entry_bytes'
  | 'version'
  | 'index'
  | 'previous_leaf'
  | 'time'
  | 'epoch'
  | 'lines'
  | 'text'
  | 'signatures';

export interface Entry {
  readonly index: number;
  readonly previousLeaf: Hash;
  /** The command's time in ms since 1970: the leader's claim, non-decreasing. */
  readonly atMs: number;
  readonly epoch: number;
  /** Line 2 and line 3 without their newlines, exactly as stored. */
  readonly outcome: string;
  readonly call: string;
  /** Lines 3 to the end, to be opened as a signed note; `undefined` where the caller did not sign. */
  readonly callNote: string | undefined;
  readonly signatures: readonly NoteSignature[];
}

export type ParsedEntry =
  | { readonly kind: 'entry'; readonly entry: Entry }
  | { readonly kind: 'bad'; readonly reason: EntryFlaw };

/** A sequencer line as `readSequencerLine` leaves it. Mutable and used again for each entry: the
    verifier reads a million of them and would otherwise spend its time on garbage. */
export interface SequencerLine {
  index: number;
  /** Where the 44 characters of the previous leaf start. */
  previousLeafOffset: number;
  atMs: number;
  epoch: number;
  /** The offset behind the line's newline. */
  endOffset: number;
}

const VERSION = utf8Encode('ifab-log/1 ');
const TIME_CHARS = 24;
const INDEX_DIGITS_MAX = 16;
const EPOCH_DIGITS_MAX = 10;
const LF = 0x0a;
const SPACE = 0x20;
const ZERO = 0x30;

/** The first line of entry `index`, with its newline. `atIso` is `YYYY-MM-DDTHH:MM:SS.mmmZ`. For
    the leader's inner loop: checked by `parseEntry` on the way back, not here. */
export function sequencerLine(
  index: number,
  previousLeaf: Hash,
  atIso: string,
  epoch: number,
): string {
  return `ifab-log/1 ${index} ${previousLeaf} ${atIso} ${epoch}\n`;
}

/** A whole entry. `call` is either the call alone or a signed note that starts with it. Defect: it
    would not parse again. */
export function encodeEntry(entry: {
  readonly index: number;
  readonly previousLeaf: Hash;
  readonly atIso: string;
  readonly epoch: number;
  readonly outcome: string;
  readonly call: string;
}): Uint8Array {
  const first = sequencerLine(entry.index, entry.previousLeaf, entry.atIso, entry.epoch);
  const call = entry.call.endsWith('\n') ? entry.call : `${entry.call}\n`;
  const bytes = concatBytes(utf8Encode(first), utf8Encode(`${entry.outcome}\n`), utf8Encode(call));
  const parsed = parseEntry(bytes);
  assert(parsed.kind === 'entry', `entry is malformed: ${parsed.kind === 'bad' && parsed.reason}`);
  return bytes;
}

/** Reads an entry with every check of the grammar; JSON stays text (see `checkCanonicalLine`).
    Linear in the bytes, never throws. */
export function parseEntry(bytes: Uint8Array, start = 0, end: number = bytes.length): ParsedEntry {
  const line = newSequencerLine();
  const flaw =
    readSequencerLine(bytes, start, end, line) ?? checkEntryText(bytes, line.endOffset, end);
  if (flaw !== undefined) return { kind: 'bad', reason: flaw };
  const text = utf8Decode(bytes, line.endOffset, end);
  if (text === undefined) return { kind: 'bad', reason: 'text' };
  const outcomeEnd = text.indexOf('\n');
  const callEnd = text.indexOf('\n', outcomeEnd + 1);
  const signed = callEnd + 1 < text.length;
  const signatures = signed ? parseSignatures(text.slice(callEnd + 1)) : [];
  if (signatures === undefined) return { kind: 'bad', reason: 'signatures' };
  const entry: Entry = {
    index: line.index,
    previousLeaf: hashText(bytes, line.previousLeafOffset),
    atMs: line.atMs,
    epoch: line.epoch,
    outcome: text.slice(0, outcomeEnd),
    call: text.slice(outcomeEnd + 1, callEnd),
    callNote: signed ? text.slice(outcomeEnd + 1) : undefined,
    signatures,
  };
  if (!isHash(entry.previousLeaf)) return { kind: 'bad', reason: 'previous_leaf' };
  return { kind: 'entry', entry };
}

export function newSequencerLine(): SequencerLine {
  return { index: 0, previousLeafOffset: 0, atMs: 0, epoch: 0, endOffset: 0 };
}

/** Reads the sequencer line at `start` into `line`. That the previous leaf is a digest is left to
    the caller, who compares it with one. `line` is undefined in part after a flaw. */
export function readSequencerLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  line: SequencerLine,
): EntryFlaw | undefined {
  if (end - start > ENTRY_BYTES_MAX) return 'entry_bytes';
  if (!startsWithVersion(bytes, start)) return 'version';
  // Reading behind `end` can only meet the next entry's length or nothing; the last comparison of
  // offsets refuses what came from there.
  const indexOffset = start + VERSION.length;
  const indexEnd = digitsEnd(bytes, indexOffset, INDEX_DIGITS_MAX);
  line.index = decimal(bytes, indexOffset, indexEnd);
  if (line.index < 0 || bytes[indexEnd] !== SPACE) return 'index';
  line.previousLeafOffset = indexEnd + 1;
  const leafEnd = line.previousLeafOffset + HASH_CHARS;
  if (bytes[leafEnd] !== SPACE) return 'previous_leaf';
  line.atMs = timeAt(bytes, leafEnd + 1);
  const timeEnd = leafEnd + 1 + TIME_CHARS;
  if (line.atMs < 0 || bytes[timeEnd] !== SPACE) return 'time';
  const epochEnd = digitsEnd(bytes, timeEnd + 1, EPOCH_DIGITS_MAX);
  line.epoch = decimal(bytes, timeEnd + 1, epochEnd);
  if (line.epoch < 0 || line.epoch > EPOCH_MAX || bytes[epochEnd] !== LF) return 'epoch';
  line.endOffset = epochEnd + 1;
  return line.endOffset <= end ? undefined : 'lines';
}

/** The shape of what follows the sequencer line: two lines that are not empty, no control
    character, the last byte a newline, and then nothing or an empty line and signature lines.
    `words`, where given, are the same memory from the same byte, to skip text four bytes a step. */
export function checkEntryText(
  bytes: Uint8Array,
  start: number,
  end: number,
  words?: Int32Array,
): EntryFlaw | undefined {
  let newlines = 0;
  let lineStart = start;
  let at = controlAfter(bytes, start, end, words);
  for (; at < end; at = controlAfter(bytes, at + 1, end, words)) {
    if (bytes[at] !== LF) return 'text';
    newlines += 1;
    // Only the third line of the text may be empty: it divides the call from its signatures.
    if ((at === lineStart) !== (newlines === 3)) return 'lines';
    lineStart = at + 1;
  }
  if (lineStart !== end || newlines < 2 || newlines === 3) return 'lines';
  return newlines > 3 + CALL_SIGNATURES_MAX ? 'signatures' : undefined;
}

/** The offset of the first byte below 0x20 in [start, end), or `end`. */
function controlAfter(
  bytes: Uint8Array,
  start: number,
  end: number,
  words: Int32Array | undefined,
): number {
  let at = start;
  while (at < end) {
    if (words !== undefined && (at & 3) === 0) at = skipText(words, at, end);
    if (at >= end || byteAt(bytes, at) < SPACE) break;
    at += 1;
  }
  return Math.min(at, end);
}

/** The offset of the first word at or behind `at` that holds a byte below 0x20, or one not below
    `end`. Borrow of a byte reaches its top bit exactly where it is less ("hasless", S. Anderson,
    Bit Twiddling Hacks). */
function skipText(words: Int32Array, at: number, end: number): number {
  const last = Math.min(end >> 2, words.length);
  let word = at >> 2;
  // Two at a time while there are two; the one that ends it is found below.
  for (; word + 1 < last; word += 2) {
    if ((below(Number(words[word])) | below(Number(words[word + 1]))) !== 0) break;
  }
  while (word < last && below(Number(words[word])) === 0) word += 1;
  return word * 4;
}

/** Not zero where one of the four bytes is below 0x20. */
function below(value: number): number {
  return (value - 0x20202020) & ~value & 0x80808080;
}

function startsWithVersion(bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < VERSION.length; i += 1) {
    if (bytes[start + i] !== VERSION[i]) return false;
  }
  return true;
}

/** `text` starts with the empty line that divides the call from its signatures. */
function parseSignatures(text: string): readonly NoteSignature[] | undefined {
  const signatures: NoteSignature[] = [];
  for (const line of text.slice(1, -1).split('\n')) {
    const signature = parseSignatureLine(line);
    if (signature === undefined) return undefined;
    signatures.push(signature);
  }
  return signatures;
}

/** The offset behind at most `digitsMax` digits. */
function digitsEnd(bytes: Uint8Array, start: number, digitsMax: number): number {
  let at = start;
  while (at < start + digitsMax) {
    const digit = byteAt(bytes, at) - ZERO;
    if (digit < 0 || digit > 9) break;
    at += 1;
  }
  return at;
}

/** The digits [start, end) as a number, or −1: no digit, a leading zero, above 2^53 − 1. */
function decimal(bytes: Uint8Array, start: number, end: number): number {
  if (end === start || (bytes[start] === ZERO && end > start + 1)) return -1;
  let value = 0;
  for (let at = start; at < end; at += 1) value = value * 10 + (byteAt(bytes, at) - ZERO);
  return Number.isSafeInteger(value) ? value : -1;
}

/** `YYYY-MM-DDTHH:MM:SS.mmmZ` as ms since 1970, or −1. Years before 1970 and leap seconds are
    refused. */
function timeAt(bytes: Uint8Array, at: number): number {
  const wrongMarks =
    (byteAt(bytes, at + 4) ^ 0x2d) |
    (byteAt(bytes, at + 7) ^ 0x2d) |
    (byteAt(bytes, at + 10) ^ 0x54) |
    (byteAt(bytes, at + 13) ^ 0x3a) |
    (byteAt(bytes, at + 16) ^ 0x3a) |
    (byteAt(bytes, at + 19) ^ 0x2e) |
    (byteAt(bytes, at + 23) ^ 0x5a);
  const century = twoDigits(bytes, at);
  const year = twoDigits(bytes, at + 2);
  const month = twoDigits(bytes, at + 5);
  const day = twoDigits(bytes, at + 8);
  const hour = twoDigits(bytes, at + 11);
  const minute = twoDigits(bytes, at + 14);
  const second = twoDigits(bytes, at + 17);
  const tenMs = twoDigits(bytes, at + 20);
  const ms = byteAt(bytes, at + 22) - ZERO;
  // Negative where one of them is no number or above its bound.
  const fits =
    century |
    year |
    month |
    day |
    hour |
    minute |
    second |
    tenMs |
    ms |
    (23 - hour) |
    (59 - minute) |
    (59 - second) |
    (9 - ms);
  const days = daysSince1970(century * 100 + year, month, day);
  if (wrongMarks !== 0 || fits < 0 || days < 0) return -1;
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + tenMs * 10 + ms;
}

/** −1 for a date that is none or lies before 1970. The year starts in March, so that the leap day
    comes last (H. Hinnant, "chrono-compatible low-level date algorithms", days_from_civil). */
function daysSince1970(year: number, month: number, day: number): number {
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return -1;
  const marchYear = month > 2 ? year : year - 1;
  // `| 0` keeps the divisions in integers: this runs once an entry.
  const dayOfYear = (((153 * ((month + 9) % 12) + 2) / 5) | 0) + day - 1;
  const leapDays = ((marchYear / 4) | 0) - ((marchYear / 100) | 0) + ((marchYear / 400) | 0);
  return marchYear * 365 + leapDays + dayOfYear - 719_468;
}

/** Two digits as a number, or something negative. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = byteAt(bytes, at) - ZERO;
  const ones = byteAt(bytes, at + 1) - ZERO;
  return (tens | ones | (9 - tens) | (9 - ones)) < 0 ? -1 : tens * 10 + ones;
}

function daysOf(year: number, month: number): number {
  if (month !== 2) return 30 + ((month + (month >> 3)) & 1);
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}
