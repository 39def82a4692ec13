import { assert } from './assert.ts';
import { parseDecimal } from './bytes.ts';
import { EMPTY_ROOT, isHash, type Hash } from './hash.ts';
import { openNote, type NoteFlaw, type NoteSignature, type NoteVerifier } from './note.ts';

// C2SP tlog-checkpoint: the text of a signed note with origin, tree size and root. Extension lines
// are accepted, since witnesses must, and never written: no monitor can audit them.

/** Lines behind the root that a reader tolerates. */
export const CHECKPOINT_EXTENSIONS_MAX = 16;

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
  readonly extensions: readonly string[];
}

export type OpenedCheckpoint =
  | {
      readonly kind: 'opened';
      readonly checkpoint: Checkpoint;
      /** The note's text, to compare or cosign. */
      readonly text: string;
      readonly verified: readonly NoteSignature[];
      readonly unknown: readonly NoteSignature[];
    }
  | { readonly kind: 'refused'; readonly reason: CheckpointFlaw };

export type CheckpointFlaw = NoteFlaw | 'checkpoint_body' | 'origin';

/** The note text of a checkpoint, to be signed. Defect: a value that would not parse back. */
export function checkpointText(head: Omit<Checkpoint, 'extensions'>): string {
  const text = `${head.origin}\n${head.size}\n${head.root}\n`;
  assert(parseCheckpointText(text) !== undefined, 'a checkpoint that would not parse');
  return text;
}

/** Reads the text of a checkpoint's note; `undefined` when it is none. */
export function parseCheckpointText(text: string): Checkpoint | undefined {
  if (!text.endsWith('\n')) return undefined;
  const [origin, sizeText, root, ...extensions] = text.slice(0, -1).split('\n');
  if (origin === undefined || sizeText === undefined || root === undefined) return undefined;
  const size = parseDecimal(sizeText);
  if (origin === '' || size === undefined || !isHash(root)) return undefined;
  if (extensions.length > CHECKPOINT_EXTENSIONS_MAX || extensions.includes('')) return undefined;
  return size === 0 && root !== EMPTY_ROOT ? undefined : { origin, size, root, extensions };
}

/** Opens a checkpoint for a reader who trusts `verifiers` for `origin`. Never throws. */
export function openCheckpoint(
  note: string,
  trust: { readonly origin: string; readonly verifiers: readonly NoteVerifier[] },
): OpenedCheckpoint {
  const opened = openNote(note, trust.verifiers);
  if (opened.kind === 'refused') return opened;
  const checkpoint = parseCheckpointText(opened.text);
  if (checkpoint === undefined) return { kind: 'refused', reason: 'checkpoint_body' };
  if (checkpoint.origin !== trust.origin) return { kind: 'refused', reason: 'origin' };
  return { ...opened, checkpoint };
}
