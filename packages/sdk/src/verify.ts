import {
  consistencyProof,
  EMPTY_ROOT,
  HASH_BYTES,
  nodeHash,
  noteVerifier,
  openCheckpoint,
  parseVkey,
  portableEd25519,
  portableSha256,
  TILE_HEIGHT,
  TILE_WIDTH,
  tilePath,
  verifyConsistency,
} from '@infrafabric/tlog';
import type { Checkpoint, Hash, Primitives } from '@infrafabric/tlog';
import { ProofError } from './errors.ts';

// What a client does so that a log cannot be rolled back or forked behind its back: it keeps the
// last checkpoint of each origin and takes no other that does not extend it. The proof is computed
// here, from the log's tiles, so a fabric need not be asked for one and cannot answer two clients
// differently for long.
//
// V1  A checkpoint is taken only with the signature of the key that was pinned for its origin.
// V2  The kept size never shrinks, and one size has one root.
// V3  A larger checkpoint is taken only with a proof that it begins with the kept one.

export interface KeptCheckpoint {
  readonly size: number;
  readonly root: Hash;
  /** The note with its signatures: what shows others who signed two histories. */
  readonly note: string;
}

/** Where checkpoints are kept between runs. Losing it forgets the past; it is no secret. */
export interface CheckpointStore {
  get(origin: string): Promise<KeptCheckpoint | undefined>;
  put(origin: string, kept: KeptCheckpoint): Promise<void>;
}

/** The read side of a C2SP tiled log. */
export interface LogReads {
  checkpoint(): Promise<string | undefined>;
  tile(path: string): Promise<Uint8Array | undefined>;
}

export interface CheckpointKeeper {
  /**
   * The newest checkpoint, when it extends the kept one, which it then replaces. Throws
   * ProofError.
   */
  refresh(): Promise<Checkpoint>;
}

/** `node:crypto` may be given in its place: it verifies a signature in a tenth of the time. */
const PORTABLE: Primitives = { sha256: portableSha256, ed25519: portableEd25519 };

export function createCheckpointKeeper(options: {
  readonly reads: LogReads;
  readonly origin: string;
  /**
   * The log's key in the C2SP form `name+id+key`. Pin it: a key that came with the log proves
   * nothing.
   */
  readonly vkey: string;
  readonly store: CheckpointStore;
  readonly primitives?: Primitives;
}): CheckpointKeeper {
  const { reads, origin, vkey, store, primitives = PORTABLE } = options;
  const key = parseVkey(primitives.sha256, vkey);
  if (key === undefined) throw new ProofError('signature', 'The key of the log is no vkey.');
  const verifiers = [noteVerifier(primitives, key)];
  const refresh = async (): Promise<Checkpoint> => {
    const note = await reads.checkpoint();
    if (note === undefined) throw new ProofError('missing', `${origin} shows no checkpoint.`);
    const opened = openCheckpoint(note, { origin, verifiers });
    if (opened.kind === 'refused') {
      const reason = opened.reason === 'origin' ? 'origin' : 'signature';
      throw new ProofError(reason, `The checkpoint of ${origin} was refused: ${opened.reason}.`);
    }
    const { checkpoint } = opened;
    const kept = await store.get(origin);
    if (kept !== undefined) await requireExtension({ reads, primitives }, kept, checkpoint);
    if (kept === undefined || checkpoint.size > kept.size) {
      await store.put(origin, { size: checkpoint.size, root: checkpoint.root, note });
    }
    return checkpoint;
  };
  // One after the other: two at once could keep the older of two checkpoints.
  let last: Promise<unknown> = Promise.resolve();
  return {
    refresh: () => {
      const next = last.then(refresh, refresh);
      last = next;
      return next;
    },
  };
}

/** Forgets with the process: enough for a page or a short run. */
export function memoryCheckpointStore(): CheckpointStore {
  const kept = new Map<string, KeptCheckpoint>();
  return {
    get: async (origin) => kept.get(origin),
    put: async (origin, checkpoint) => {
      kept.set(origin, checkpoint);
    },
  };
}

/** Reads a log over HTTP; `url` is the fabric's. */
export function httpLogReads(url: string): LogReads {
  const base = url.replace(/\/+$/, '');
  const get = async (path: string): Promise<Response | undefined> => {
    const response = await fetch(`${base}/${path}`);
    return response.ok ? response : undefined;
  };
  return {
    checkpoint: async () => (await get('checkpoint'))?.text(),
    tile: async (path) => {
      const response = await get(path);
      return response === undefined ? undefined : new Uint8Array(await response.arrayBuffer());
    },
  };
}

interface Log {
  readonly reads: LogReads;
  readonly primitives: Primitives;
}

async function requireExtension(log: Log, from: KeptCheckpoint, to: Checkpoint): Promise<void> {
  if (to.size < from.size) {
    throw new ProofError('rollback', `The log shrank from ${from.size} to ${to.size} entries.`);
  }
  if (to.size === from.size) {
    if (to.root === from.root) return;
    throw new ProofError('fork', `Two roots were signed for ${to.size} entries.`);
  }
  // Nothing need be proved of the empty log.
  if (from.size === 0) return;
  const proof = await proofFromTiles(log, { from: from.size, to: to.size });
  if (!verifyConsistency(log.primitives.sha256, { from, to, proof })) {
    throw new ProofError(
      'inconsistent',
      `${to.size} entries do not begin with the ${from.size} that were seen.`,
    );
  }
}

/**
 * The consistency proof, made of the tiles of the larger tree. They are not believed: a wrong one
 * gives a proof that does not verify. Two passes, because the proof's maths is synchronous: one
 * notes the nodes, one has them.
 */
async function proofFromTiles(
  log: Log,
  span: { readonly from: number; readonly to: number },
): Promise<readonly Hash[]> {
  const { sha256 } = log.primitives;
  const wanted = new Map<string, { readonly height: number; readonly index: number }>();
  consistencyProof(sha256, span, (height, index) => {
    wanted.set(`${height}/${index}`, { height, index });
    // Any digest: what this pass computes is thrown away.
    return EMPTY_ROOT;
  });
  const tiles = new Map<string, Promise<readonly Hash[]>>();
  const nodes = new Map<string, Hash>();
  for (const [name, node] of wanted)
    nodes.set(name, await readNode(log, { ...node, size: span.to, tiles }));
  return consistencyProof(
    sha256,
    span,
    (height, index) => nodes.get(`${height}/${index}`) ?? EMPTY_ROOT,
  );
}

async function readNode(
  log: Log,
  node: {
    readonly height: number;
    readonly index: number;
    readonly size: number;
    readonly tiles: Map<string, Promise<readonly Hash[]>>;
  },
): Promise<Hash> {
  const level = Math.floor(node.height / TILE_HEIGHT);
  const count = 2 ** (node.height % TILE_HEIGHT);
  const first = node.index * count;
  const tile = Math.floor(first / TILE_WIDTH);
  const hashesOfLevel = Math.floor(node.size / TILE_WIDTH ** level);
  const width = Math.min(TILE_WIDTH, hashesOfLevel - tile * TILE_WIDTH);
  const path = tilePath({ level, index: tile, width });
  let read = node.tiles.get(path);
  if (read === undefined) {
    read = readTile(log.reads, { level, index: tile, width });
    node.tiles.set(path, read);
  }
  let hashes = (await read).slice(first % TILE_WIDTH, (first % TILE_WIDTH) + count);
  while (hashes.length > 1) {
    const parents: Hash[] = [];
    for (let at = 0; at + 1 < hashes.length; at += 2) {
      parents.push(nodeHash(log.primitives.sha256, hashes[at] ?? '', hashes[at + 1] ?? ''));
    }
    hashes = parents;
  }
  return hashes[0] ?? EMPTY_ROOT;
}

async function readTile(
  reads: LogReads,
  tile: { readonly level: number; readonly index: number; readonly width: number },
): Promise<readonly Hash[]> {
  const whole = { ...tile, width: TILE_WIDTH };
  // A log that has grown since may have replaced the partial tile by the full one, which begins
  // with it.
  const bytes = (await reads.tile(tilePath(tile))) ?? (await reads.tile(tilePath(whole)));
  if (bytes === undefined || bytes.length < tile.width * HASH_BYTES) {
    throw new ProofError('missing', `The log does not show ${tilePath(tile)}.`);
  }
  const hashes: Hash[] = [];
  for (let at = 0; at < tile.width; at += 1) {
    hashes.push(
      btoa(String.fromCharCode(...bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES))),
    );
  }
  return hashes;
}
