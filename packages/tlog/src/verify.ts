import { bytesEqual } from './bytes.ts';
import type { Crc32 } from './crc.ts';
import { FRAME_BYTES_MAX } from './frame.ts';
import { genesisLeaf, HASH_BYTES } from './hash.ts';
import { formatVkey, noteVerifier, type Primitives, type PublicKey } from './key.ts';
import { CHECKPOINT_PATH } from './layout.ts';
import type { LogSource, SourceFile } from './log-source.ts';
import { NOTE_BYTES_MAX } from './note.ts';
import { countWitnesses, type Policy, type WitnessCount } from './policy.ts';
import { TILE_WIDTH, tilePath, type TileId } from './tile.ts';
import { Tree } from './tree.ts';
import {
  badCheckpoint,
  readCheckpoint,
  readCheckpointNote,
  readHistory,
  type CheckpointAnswer,
  type CheckpointTrust,
  type ReadCheckpoint,
} from './verify-checkpoints.ts';
import { JournalCheck, type Advance } from './verify-journal.ts';
import type { Anchored, BadCode, FirstBad, VerifyReport } from './verify-report.ts';

// V0: frames, chain and sequencer lines; the tree over them; its tiles, open ones included; the
// newest checkpoint's root and signature. V1: every published and every held checkpoint against
// the same tree (which proves them consistent with each other), and the quorum of a policy.
//
// The log is read once, front to back, in constant memory. The answer is a report; hostile bytes
// never throw. What the source itself throws (a disk that fails) is the caller's fault to handle.

export interface VerifierPrimitives extends Primitives {
  readonly crc32: Crc32;
}

export interface VerifyOptions {
  /** 0: without published and held checkpoints and witnesses. Default 1. */
  readonly level?: 0 | 1;
  /** Whom the caller trusts: the first key is the one that the log began with. Without it, nothing
      is signed and the answer is UNANCHORED unless a held checkpoint speaks. */
  readonly log?: { readonly origin: string; readonly keys: readonly [PublicKey, ...PublicKey[]] };
  /** Checkpoint notes that the caller kept from earlier. */
  readonly held?: readonly string[];
  readonly policy?: Policy;
  /** Tiles that the newest checkpoint covers must be there (default), may be there, are not read. */
  readonly tiles?: 'require' | 'check' | 'skip';
  /** Ask for more than truth: less is `witness.unanchored`. */
  readonly require?: 'anchored' | 'witnessed';
}

const TILE_BYTES = TILE_WIDTH * HASH_BYTES;

/** Verifies a log up to level V1. Time is linear in its bytes; memory is about 2 MiB.
    Throws only what the source throws. */
export function verifyLog(
  source: LogSource,
  primitives: VerifierPrimitives,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  return new Verification(source, primitives, options).run();
}

class Verification {
  readonly #source: LogSource;
  readonly #options: VerifyOptions;
  readonly #trust: CheckpointTrust | undefined;
  readonly #tree: Tree;
  readonly #journal: JournalCheck;
  readonly #history: AsyncGenerator<CheckpointAnswer>;
  /** The newest and the held checkpoints that the tree has still to reach, ascending. */
  readonly #awaited: ReadCheckpoint[] = [];
  readonly #fullTiles: { readonly tile: TileId; readonly bytes: Uint8Array }[] = [];
  #published: ReadCheckpoint | undefined;
  #newest: ReadCheckpoint | undefined;
  /** The newest, once the tree had its size and its root. */
  #reached: ReadCheckpoint | undefined;
  #bad: FirstBad | undefined;
  /** The greatest size whose root a checkpoint has confirmed. */
  #vouched = 0;
  #heldChecked = 0;
  #checkpointsChecked = 0;
  #tilesChecked = 0;
  #tilesMissing = 0;
  /** The time of the last entry under the newest checkpoint. */
  #coveredAtMs = 0;

  constructor(source: LogSource, primitives: VerifierPrimitives, options: VerifyOptions) {
    const { log } = options;
    this.#source = source;
    this.#options = options;
    this.#trust = log && {
      origin: log.origin,
      verifiers: log.keys.map((key) => noteVerifier(primitives, key)),
    };
    const tiles = this.#fullTiles;
    this.#tree = new Tree({
      sha256: primitives.sha256,
      onTile: (tile, bytes) => tiles.push({ tile, bytes }),
    });
    const previousLeaf =
      log && genesisLeaf(primitives.sha256, { origin: log.origin, vkey: formatVkey(log.keys[0]) });
    this.#journal = new JournalCheck(this.#tree, primitives, { previousLeaf });
    this.#history = readHistory(this.#level === 1 ? source.histories() : noFiles(), this.#trust);
  }

  get #level(): 0 | 1 {
    return this.#options.level ?? 1;
  }

  async run(): Promise<VerifyReport> {
    await this.#readNewest();
    this.#readHeld();
    await this.#readPublished();
    await this.#compareRoots();
    await this.#readSegments();
    this.#compareEnds();
    // Ends the generator, and with it whatever files the source holds open.
    await this.#history.return(undefined);
    return this.#report();
  }

  async #readNewest(): Promise<void> {
    const bytes = await this.#source.read(CHECKPOINT_PATH, NOTE_BYTES_MAX);
    if (bytes === undefined) return;
    this.#newest = this.#accept(readCheckpoint(CHECKPOINT_PATH, bytes, this.#trust));
    if (this.#newest !== undefined) this.#awaited.push(this.#newest);
  }

  #readHeld(): void {
    for (const [at, note] of this.#held.entries()) {
      const held = this.#accept(readCheckpointNote(`held/${at}`, note, this.#trust));
      if (held !== undefined) this.#awaited.push(held);
    }
    this.#awaited.sort((left, right) => left.checkpoint.size - right.checkpoint.size);
  }

  get #held(): readonly string[] {
    return this.#level === 1 ? (this.#options.held ?? []) : [];
  }

  async #readPublished(): Promise<void> {
    const next = await this.#history.next();
    const before = this.#published?.checkpoint.size ?? 0;
    this.#published = next.done === true ? undefined : this.#accept(next.value);
    if (this.#published === undefined) return;
    const { file, checkpoint } = this.#published;
    if (checkpoint.size < before) this.#fail(file, 'history_order', checkpoint.size);
    // The file is replaced before its note joins the history, so it is never the older one.
    const newest = this.#newest?.checkpoint.size ?? -1;
    if (checkpoint.size > newest) this.#fail(CHECKPOINT_PATH, 'checkpoint_stale', this.#vouched);
  }

  #accept(answer: CheckpointAnswer): ReadCheckpoint | undefined {
    if (answer.kind === 'bad') {
      this.#bad ??= badCheckpoint(answer, this.#vouched);
      return undefined;
    }
    const origin = this.#newest?.checkpoint.origin ?? answer.checkpoint.origin;
    if (answer.checkpoint.origin === origin) return answer;
    this.#fail(answer.file, 'origin', this.#vouched);
    return undefined;
  }

  async #readSegments(): Promise<void> {
    for await (const segment of this.#source.segments()) {
      if (this.#bad !== undefined) return;
      this.#take(this.#journal.openSegment(segment.path));
      for await (const chunk of segment.chunks()) {
        for (let at = 0; at < chunk.length; at += FRAME_BYTES_MAX) {
          if (this.#bad !== undefined) return;
          await this.#readPiece(chunk.subarray(at, at + FRAME_BYTES_MAX));
        }
      }
      if (this.#bad !== undefined) return;
      this.#take(this.#journal.closeSegment());
    }
  }

  async #readPiece(piece: Uint8Array): Promise<void> {
    this.#journal.push(piece);
    while (this.#take(this.#journal.advance(this.#nextStop())) === 'stop') {
      await this.#compareRoots();
      if (this.#bad !== undefined) return;
    }
    await this.#compareFullTiles();
  }

  #take(state: Advance): Advance {
    if (state === 'bad') this.#bad ??= this.#journal.bad;
    return state;
  }

  /** The next size at which a root must be compared. */
  #nextStop(): number {
    const awaited = this.#awaited[0]?.checkpoint.size ?? Number.POSITIVE_INFINITY;
    return Math.min(awaited, this.#published?.checkpoint.size ?? Number.POSITIVE_INFINITY);
  }

  /** Compares every checkpoint of the tree's present size. */
  async #compareRoots(): Promise<void> {
    while (this.#bad === undefined && this.#awaited[0]?.checkpoint.size === this.#tree.size) {
      const [reached] = this.#awaited.splice(0, 1);
      if (reached === undefined || !this.#isRootOf(reached)) return;
      if (reached !== this.#newest) this.#heldChecked += 1;
      else await this.#reachNewest(reached);
    }
    while (this.#bad === undefined && this.#published?.checkpoint.size === this.#tree.size) {
      if (this.#isRootOf(this.#published)) await this.#readPublished();
    }
  }

  #isRootOf({ file, checkpoint }: ReadCheckpoint): boolean {
    if (this.#tree.root() !== checkpoint.root) {
      this.#fail(file, 'root', this.#vouched);
      return false;
    }
    this.#vouched = checkpoint.size;
    this.#checkpointsChecked += 1;
    return true;
  }

  async #reachNewest(newest: ReadCheckpoint): Promise<void> {
    this.#reached = newest;
    await this.#compareFullTiles();
    for (const { tile, bytes } of this.#tree.partialTiles()) await this.#compareTile(tile, bytes);
    this.#coveredAtMs = this.#journal.lastAtMs;
  }

  async #compareFullTiles(): Promise<void> {
    for (const { tile, bytes } of this.#fullTiles.splice(0)) await this.#compareTile(tile, bytes);
  }

  async #compareTile(tile: TileId, expected: Uint8Array): Promise<void> {
    const mode = this.#options.tiles ?? 'require';
    if (mode === 'skip' || this.#bad !== undefined) return;
    const stored = await this.#readTile(tile);
    const firstLeaf = tile.index * TILE_WIDTH ** (tile.level + 1);
    if (stored === undefined) {
      // A tile that no checkpoint covers yet may still be on its way to the disk.
      const endLeaf = firstLeaf + tile.width * TILE_WIDTH ** tile.level;
      if (endLeaf > (this.#newest?.checkpoint.size ?? 0)) return;
      this.#tilesMissing += 1;
      if (mode === 'require') this.#fail(tilePath(tile), 'tile_missing', firstLeaf);
      return;
    }
    this.#tilesChecked += 1;
    if (!bytesEqual(stored.subarray(0, expected.length), expected))
      this.#fail(tilePath(tile), 'tile', firstLeaf);
  }

  /** A partial tile may have made way for the full one, which begins with the same hashes. */
  async #readTile(tile: TileId): Promise<Uint8Array | undefined> {
    const exactBytes = tile.width * HASH_BYTES;
    const exact = await this.#source.read(tilePath(tile), exactBytes);
    if (exact !== undefined) return exact.length === exactBytes ? exact : new Uint8Array();
    if (tile.width === TILE_WIDTH) return undefined;
    return this.#source.read(tilePath({ ...tile, width: TILE_WIDTH }), TILE_BYTES);
  }

  /** A checkpoint larger than the journal means that the journal lost its end. */
  #compareEnds(): void {
    const beyond = this.#awaited[0] ?? this.#published;
    if (this.#bad !== undefined || beyond === undefined) return;
    this.#bad = this.#journal.tear?.flaw;
    if (this.#bad === undefined) this.#fail(beyond.file, 'journal_short', this.#tree.size);
  }

  #fail(file: string, reason: string, index: number, code: BadCode = 'witness.tampered'): void {
    this.#bad ??= { index, file, reason, code };
  }

  #report(): VerifyReport {
    const witnesses = this.#witnesses();
    const isAnchored =
      this.#heldChecked > 0 || (this.#trust !== undefined && this.#reached !== undefined);
    const anchored: Anchored = witnesses.isQuorum
      ? `WITNESSED ${witnesses.names.length}/${witnesses.total}`
      : isAnchored
        ? 'ANCHORED'
        : 'UNANCHORED';
    const { require } = this.#options;
    const isEnough = require === 'witnessed' ? witnesses.isQuorum : isAnchored;
    if (require !== undefined && !isEnough) {
      this.#fail(CHECKPOINT_PATH, anchored, this.#vouched, 'witness.unanchored');
    }
    return {
      ok: this.#bad === undefined,
      anchored,
      size: this.#tree.size,
      root: this.#tree.root(),
      firstBad: this.#bad,
      checkpoint: this.#reached?.checkpoint,
      checkpointsChecked: this.#checkpointsChecked,
      tilesChecked: this.#tilesChecked,
      tilesMissing: this.#tilesMissing,
      witnesses: witnesses.names,
      inversionMs: Math.max(0, this.#coveredAtMs - witnesses.earliestMs),
      tornTailBytes: this.#journal.tear?.bytes ?? 0,
    };
  }

  /** A quorum without witnesses (`quorum none`) is no witness. */
  #witnesses(): WitnessCount {
    const { policy } = this.#options;
    if (policy === undefined || this.#level === 0 || this.#reached === undefined) return NOBODY;
    const counted = countWitnesses(policy, this.#reached.note);
    return { ...counted, isQuorum: counted.isQuorum && counted.names.length > 0 };
  }
}

const NOBODY: WitnessCount = { names: [], total: 0, isQuorum: false, earliestMs: Infinity };

async function* noFiles(): AsyncGenerator<SourceFile> {}
