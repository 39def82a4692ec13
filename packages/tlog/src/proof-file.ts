import { assert } from './assert.ts';
import { base64Decode, base64Encode, parseDecimal } from './bytes.ts';
import { openCheckpoint, type Checkpoint, type CheckpointFlaw } from './checkpoint.ts';
import { isHash, type Hash, type Sha256 } from './hash.ts';
import { NOTE_BYTES_MAX, type NoteSignature, type NoteVerifier } from './note.ts';
import { PROOF_HASHES_MAX, verifyInclusion } from './proof.ts';

// C2SP tlog-proof: an inclusion proof and the checkpoint that it leads to, in one text that is
// checked without a network.

/** Bytes of opaque data that a proof may carry beside it. */
export const PROOF_EXTRA_BYTES_MAX = 65_535;

export interface ProofFile {
  readonly index: number;
  readonly hashes: readonly Hash[];
  /** The signed note, verbatim. */
  readonly checkpoint: string;
  /** Nobody has signed this. */
  readonly extra?: Uint8Array;
}

export type CheckedProof =
  | {
      readonly kind: 'included';
      readonly index: number;
      readonly checkpoint: Checkpoint;
      readonly verified: readonly NoteSignature[];
    }
  | { readonly kind: 'refused'; readonly reason: CheckpointFlaw | 'proof_text' | 'not_included' };

const HEADER = 'c2sp.org/tlog-proof@v1\n';
const EXTRA = 'extra ';
const INDEX = 'index ';
/** Every line but the checkpoint's, in full. */
const PROOF_BYTES_MAX =
  NOTE_BYTES_MAX + Math.ceil(PROOF_EXTRA_BYTES_MAX / 3) * 4 + PROOF_HASHES_MAX * 45 + 128;

/** The text of a `.tlog-proof` file. Defect: a value that would not parse back. */
export function formatProofFile(proof: ProofFile): string {
  const extra = proof.extra === undefined ? '' : `extra ${base64Encode(proof.extra)}\n`;
  const hashes = proof.hashes.map((hash) => `${hash}\n`).join('');
  const text = `${HEADER}${extra}index ${proof.index}\n${hashes}\n${proof.checkpoint}`;
  assert(parseProofFile(text) !== undefined, 'a proof that would not parse');
  return text;
}

/** Takes a proof apart; `undefined` when it is none. Nothing is verified yet. */
export function parseProofFile(text: string): ProofFile | undefined {
  const divider = text.indexOf('\n\n');
  if (text.length > PROOF_BYTES_MAX || !text.startsWith(HEADER) || divider < 0) return undefined;
  const lines = text.slice(HEADER.length, divider).split('\n', PROOF_HASHES_MAX + 3);
  const checkpoint = text.slice(divider + 2);
  const extra = lines[0]?.startsWith(EXTRA) === true ? readExtra(String(lines.shift())) : 'none';
  const [indexText = '', ...hashes] = lines;
  const index = readIndex(indexText);
  if (index === undefined || extra === undefined) return undefined;
  if (hashes.length > PROOF_HASHES_MAX || !hashes.every(isHash)) return undefined;
  return extra === 'none' ? { index, hashes, checkpoint } : { index, hashes, checkpoint, extra };
}

function readIndex(line: string): number | undefined {
  return line.startsWith(INDEX) ? parseDecimal(line.slice(INDEX.length)) : undefined;
}

function readExtra(line: string): Uint8Array | undefined {
  const extra = base64Decode(line.slice(EXTRA.length));
  return extra !== undefined && extra.length <= PROOF_EXTRA_BYTES_MAX ? extra : undefined;
}

/** Whether `text` proves that `leaf` is in the log that the reader trusts. Never throws. The
    cosignatures stay for a policy to count (`witnessCount`). */
export function checkProofFile(
  sha256: Sha256,
  claim: {
    readonly text: string;
    readonly leaf: Hash;
    readonly origin: string;
    readonly verifiers: readonly NoteVerifier[];
  },
): CheckedProof {
  const proof = parseProofFile(claim.text);
  if (proof === undefined) return { kind: 'refused', reason: 'proof_text' };
  const opened = openCheckpoint(proof.checkpoint, claim);
  if (opened.kind === 'refused') return opened;
  const { checkpoint, verified } = opened;
  const { index, hashes } = proof;
  const { size, root } = checkpoint;
  return verifyInclusion(sha256, { leaf: claim.leaf, index, size, root, proof: hashes })
    ? { kind: 'included', index, checkpoint, verified }
    : { kind: 'refused', reason: 'not_included' };
}
