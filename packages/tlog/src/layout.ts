import { assert } from './assert.ts';
import { concatBytes, readU32, writeU32 } from './bytes.ts';
import { NOTE_BYTES_MAX } from './note.ts';

// Where a realm's folder keeps what a verifier reads, relative to the folder, always with slashes.

export const CHECKPOINT_PATH = 'checkpoint';
export const SEGMENT_FOLDER = 'journal';
export const HISTORY_FOLDER = 'checkpoints';

/** Bytes before each note of a history file: u32, big-endian. */
export const HISTORY_LENGTH_BYTES = 4;

const SEGMENT_DIGITS = 16;

/** `journal/<first index, 16 digits>.seg`: names sort as indices do. */
export function segmentPath(firstIndex: number): string {
  assert(Number.isSafeInteger(firstIndex) && firstIndex >= 0, 'a first index is a count');
  return `${SEGMENT_FOLDER}/${String(firstIndex).padStart(SEGMENT_DIGITS, '0')}.seg`;
}

/** The first index of a segment's path; `undefined` for other files. */
export function parseSegmentPath(path: string): number | undefined {
  const digits = /^journal\/([0-9]{16})\.seg$/.exec(path)?.[1];
  const firstIndex = Number(digits ?? Number.NaN);
  return Number.isSafeInteger(firstIndex) ? firstIndex : undefined;
}

/** One record of `checkpoints/<day>.notes`: u32 length ‖ note. Defect: an empty or too long note. */
export function encodeHistoryRecord(note: Uint8Array): Uint8Array {
  assert(note.length > 0 && note.length <= NOTE_BYTES_MAX, 'not the length of a note');
  const length = new Uint8Array(HISTORY_LENGTH_BYTES);
  writeU32(length, 0, note.length);
  return concatBytes(length, note);
}

export type HistoryRecord =
  | { readonly kind: 'record'; readonly note: Uint8Array; readonly endOffset: number }
  /** The record goes on behind the bytes at hand. */
  | { readonly kind: 'short' }
  | { readonly kind: 'bad' };

/** The record at `offset`; `note` is a view. Never throws. */
export function decodeHistoryRecord(bytes: Uint8Array, offset: number): HistoryRecord {
  const start = offset + HISTORY_LENGTH_BYTES;
  if (start > bytes.length) return { kind: 'short' };
  const length = readU32(bytes, offset);
  if (length === 0 || length > NOTE_BYTES_MAX) return { kind: 'bad' };
  const endOffset = start + length;
  if (endOffset > bytes.length) return { kind: 'short' };
  return { kind: 'record', note: bytes.subarray(start, endOffset), endOffset };
}
