import { createPrivateKey, createPublicKey, hash, sign, verify } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  CHECKPOINT_PATH,
  Tree,
  checkpointText,
  encodeEntry,
  encodeFrame,
  encodeHistoryRecord,
  formatVkey,
  genesisLeaf,
  leafHash,
  noteSigner,
  portableEd25519,
  publicKeyOf,
  segmentPath,
  signNote,
  tilePath,
  type Ed25519,
  type Hash,
  type LogSource,
  type NoteSigner,
  type VerifierPrimitives,
} from '../src/index.ts';

// A realm's folder in memory, written as the journal and its follower write it.

export const nodeSha256 = (bytes: Uint8Array): Hash => hash('sha256', bytes, 'base64');

/** DER around a raw key, RFC 8410 §4 and §7. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

const nodeEd25519: Ed25519 = {
  verifier: (publicKey) => {
    const der = Buffer.concat([SPKI, publicKey]);
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return (message, signature) => verify(null, message, key, signature);
  },
  signer: (seed) => {
    const key = createPrivateKey({
      key: Buffer.concat([PKCS8, seed]),
      format: 'der',
      type: 'pkcs8',
    });
    return (message) => Uint8Array.from(sign(null, message, key));
  },
  publicKey: portableEd25519.publicKey,
};

export const primitives: VerifierPrimitives = {
  sha256: nodeSha256,
  ed25519: nodeEd25519,
  crc32,
};

export type Folder = Map<string, Uint8Array>;

export interface FixtureOptions {
  readonly origin?: string;
  readonly seedByte?: number;
  /** Entries of each frame, in order; a 0 starts a new segment. */
  readonly frames: readonly number[];
  /** Sizes at which a checkpoint is published; the last one becomes `checkpoint`. */
  readonly checkpointsAt: readonly number[];
  /** Text that makes a log differ from another. */
  readonly salt?: string;
  readonly cosigners?: readonly NoteSigner[];
}

/** Zero bytes behind the last frame of each segment. */
export const SLACK_BYTES = 4_096;

export function logKey(origin: string, seedByte: number) {
  const seed = new Uint8Array(32).fill(seedByte);
  const key = publicKeyOf(primitives, { name: origin, use: 'note', seed });
  return { key, seed, vkey: formatVkey(key), signer: noteSigner(primitives, key, seed) };
}

export function buildLog(options: FixtureOptions) {
  const origin = options.origin ?? 'example.org/ifab/main';
  const { key, vkey, signer } = logKey(origin, options.seedByte ?? 7);
  const folder: Folder = new Map();
  const tree = new Tree({
    sha256: nodeSha256,
    onTile: (tile, bytes) => folder.set(tilePath(tile), bytes),
  });
  const history: Uint8Array[] = [];
  const entries: Uint8Array[] = [];
  const leaves: Hash[] = [];
  const roots: Hash[] = [tree.root()];
  const notes: string[] = [];
  let previousLeaf = genesisLeaf(nodeSha256, { origin, vkey });
  let segment: Uint8Array[] = [];
  let segmentStart = 0;

  const publish = (size: number): void => {
    const text = checkpointText({ origin, size, root: tree.root() });
    const note = signNote(text, [signer, ...(options.cosigners ?? [])]);
    notes.push(note);
    folder.set(CHECKPOINT_PATH, Buffer.from(note));
    history.push(encodeHistoryRecord(Buffer.from(note)));
    for (const { tile, bytes } of tree.partialTiles()) folder.set(tilePath(tile), bytes);
  };
  const closeSegment = (): void => {
    folder.set(segmentPath(segmentStart), Buffer.concat([...segment, Buffer.alloc(SLACK_BYTES)]));
    segment = [];
    segmentStart = entries.length;
  };
  if (options.checkpointsAt.includes(0)) publish(0);
  for (const [number, count] of options.frames.entries()) {
    if (count === 0) {
      closeSegment();
      continue;
    }
    const firstIndex = entries.length;
    const frameLink = previousLeaf;
    const epoch = 1 + Math.floor(number / 10);
    const batch: Uint8Array[] = [];
    for (let i = 0; i < count; i += 1) {
      const index = entries.length;
      const entry = claimEntry({ index, previousLeaf, epoch, salt: options.salt ?? '' });
      previousLeaf = leafHash(nodeSha256, entry);
      tree.append(previousLeaf);
      entries.push(entry);
      leaves.push(previousLeaf);
      roots.push(tree.root());
      batch.push(entry);
      if (options.checkpointsAt.includes(entries.length)) publish(entries.length);
    }
    segment.push(encodeFrame({ firstIndex, epoch, previousLeaf: frameLink }, batch, crc32));
  }
  closeSegment();
  const half = Math.ceil(history.length / 2);
  folder.set('checkpoints/2026-11-20.notes', Buffer.concat(history.slice(0, half)));
  folder.set('checkpoints/2026-11-21.notes', Buffer.concat(history.slice(half)));
  return { origin, key, vkey, signer, folder, entries, leaves, roots, notes };
}

function claimEntry(claim: { index: number; previousLeaf: Hash; epoch: number; salt: string }) {
  const { index, salt } = claim;
  return encodeEntry({
    ...claim,
    atIso: new Date(1_790_000_000_000 + index * 7).toISOString(),
    outcome: `{"events":[{"n":${index},"type":"task.claimed"}],"principal":"ada"}`,
    call: `{"args":{"salt":"${salt}","taskId":"task_${index}"},"op":"tasks.claim"}`,
  });
}

export function memorySource(folder: Folder, pieceBytes = 65_536): LogSource {
  async function* files(prefix: string) {
    const paths = [...folder.keys()].filter((path) => path.startsWith(prefix)).toSorted();
    for (const path of paths) {
      const bytes = folder.get(path) ?? new Uint8Array();
      yield {
        path,
        *chunks() {
          for (let at = 0; at < bytes.length; at += pieceBytes) {
            yield bytes.subarray(at, at + pieceBytes);
          }
        },
      };
    }
  }
  return {
    segments: () => files('journal/'),
    histories: () => files('checkpoints/'),
    read: (path, bytesMax) => Promise.resolve(folder.get(path)?.subarray(0, bytesMax + 1)),
  };
}
