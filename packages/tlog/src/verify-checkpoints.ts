import { concatBytes, utf8Decode } from './bytes.ts';
import { openCheckpoint, parseCheckpointText, type Checkpoint } from './checkpoint.ts';
import { decodeHistoryRecord } from './layout.ts';
import type { SourceFile } from './log-source.ts';
import { parseNote, type NoteVerifier } from './note.ts';
import type { FirstBad } from './verify-report.ts';

// Checkpoints that a verifier compares with the tree. Published ones come as a stream, since a week
// of them is longer than a verifier's memory; sizes must not fall (W2), and since each root is
// compared with the one tree, no size can have two (W3).

/** Whom the caller trusts for the log; without it a checkpoint's signature means nothing. */
export interface CheckpointTrust {
  readonly origin: string;
  readonly verifiers: readonly NoteVerifier[];
}

export interface ReadCheckpoint {
  readonly kind: 'read';
  readonly file: string;
  readonly note: string;
  readonly checkpoint: Checkpoint;
}

export type CheckpointAnswer =
  | ReadCheckpoint
  | { readonly kind: 'bad'; readonly file: string; readonly reason: string };

/** Opens a note under `trust`, or only reads it where there is none. Never throws. */
export function readCheckpoint(
  file: string,
  bytes: Uint8Array,
  trust: CheckpointTrust | undefined,
): CheckpointAnswer {
  const note = utf8Decode(bytes);
  if (note === undefined) return { kind: 'bad', file, reason: 'malformed' };
  return readCheckpointNote(file, note, trust);
}

export function readCheckpointNote(
  file: string,
  note: string,
  trust: CheckpointTrust | undefined,
): CheckpointAnswer {
  if (trust !== undefined) {
    const opened = openCheckpoint(note, trust);
    return opened.kind === 'opened'
      ? { kind: 'read', file, note, checkpoint: opened.checkpoint }
      : { kind: 'bad', file, reason: opened.reason };
  }
  const parsed = parseNote(note);
  const checkpoint = parsed.kind === 'note' ? parseCheckpointText(parsed.text) : undefined;
  return checkpoint === undefined
    ? { kind: 'bad', file, reason: 'malformed' }
    : { kind: 'read', file, note, checkpoint };
}

/** The published checkpoints in order; the reader stops at the first bad one. An incomplete record
    is excused at the end of the last file only: history is derived and not synced. */
export async function* readHistory(
  files: AsyncIterable<SourceFile>,
  trust: CheckpointTrust | undefined,
): AsyncGenerator<CheckpointAnswer> {
  let rest: Uint8Array = new Uint8Array();
  for await (const { path: file, chunks } of files) {
    if (rest.length > 0) return yield { kind: 'bad', file, reason: 'history_record' };
    for await (const chunk of chunks()) {
      const bytes = concatBytes(rest, chunk);
      let offset = 0;
      let record = decodeHistoryRecord(bytes, offset);
      for (; record.kind === 'record'; record = decodeHistoryRecord(bytes, offset)) {
        yield readCheckpoint(file, record.note, trust);
        offset = record.endOffset;
      }
      if (record.kind === 'bad') return yield { kind: 'bad', file, reason: 'history_record' };
      rest = bytes.slice(offset);
    }
  }
}

export function badCheckpoint(
  answer: { readonly file: string; readonly reason: string },
  index: number,
): FirstBad {
  return { index, file: answer.file, reason: answer.reason, code: 'witness.tampered' };
}
