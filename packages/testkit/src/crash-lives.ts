/**
 * Lives of a journal on a SimDisk: open, append, and at any operation the power goes, the process dies, or the disk
 * says no; then the next life opens what is left. After each opening:
 *
 * K1  Everything acknowledged is there, with the same bytes at the same index.
 * K2  What is there besides is the one batch whose outcome was unknown, whole; nothing that was refused.
 * K3  A foreign frame in the place of one of ours is refused, not read.
 * K4  A stale head changes nothing.
 */
import { Buffer } from 'node:buffer';
import type { Disk, Frame, Head, Journal } from '@infrafabric/fabric';
import { crc32, decodeFrameHeader, encodeFrame, type Crc32 } from '@infrafabric/tlog';

import { TEST_GENESIS_LEAF, batchOf, entriesOf, leafOf, readAll } from './journal-batches.ts';
import { seededRandom, type Random } from './random.ts';
import { SimDisk } from './sim-disk.ts';

export interface JournalToCrash {
  /** Opens the journal in `folder` of `disk`. The last life stopped as `lastStop` says. */
  readonly open: (disk: Disk, folder: string, lastStop: 'clean' | 'unclean') => Promise<Journal>;
  /** The CRC with which the journal under test seals frames. */
  readonly crc32?: Crc32;
}

export interface LivesReport {
  readonly lives: number;
  readonly acknowledged: number;
  readonly conflicts: number;
  /** Batches whose outcome the writer never learned. */
  readonly unknown: number;
  readonly refused: number;
  readonly spliced: number;
}

/** The law that a journal broke, with the seed that shows it again. */
export class LawBroken extends Error {
  override readonly name = 'LawBroken';
}

const FOLDER = '/data';
const LIVES_MAX = 5;
/** Operations of the longest life; some end before the first segment stands, some after several. */
const LIFE_OPERATIONS_MAX = 120;
const APPENDS_MAX = 40;
const ENTRIES_MAX = 4;
const ENTRY_BYTES_MAX = 900;
const SIM_ROOM_BYTES = 24_576;

/** Runs the lives of one seed. Throws `LawBroken`. */
export async function crashLives(seed: number, journal: JournalToCrash): Promise<LivesReport> {
  const lives = new Lives(seed, journal);
  try {
    return await lives.run();
  } catch (cause) {
    if (cause instanceof LawBroken) throw cause;
    throw new LawBroken(`seed ${seed}: ${String(cause)}`, { cause });
  }
}

class Lives {
  readonly #random: Random;
  readonly #disk: SimDisk;
  readonly #seed: number;
  readonly #journal: JournalToCrash;
  /** Entries that every later life must show. */
  #acknowledged: Uint8Array[] = [];
  /** The batch whose outcome nobody knows. */
  #pending: readonly Uint8Array[] = [];
  #lastStop: 'clean' | 'unclean' = 'unclean';
  /** Share of operations that the disk refuses in this life, and how. */
  #refusals: { readonly share: number; readonly code: string } = { share: 0, code: 'EIO' };
  #report = { lives: 0, acknowledged: 0, conflicts: 0, unknown: 0, refused: 0, spliced: 0 };

  constructor(seed: number, journal: JournalToCrash) {
    this.#seed = seed;
    this.#journal = journal;
    this.#random = seededRandom(seed);
    this.#disk = new SimDisk({
      random: this.#random,
      failure: (operation) => {
        const { share, code } = this.#refusals;
        const may = code === 'ENOSPC' ? operation === 'write' : operation !== 'rename';
        return may && this.#random.chance(share) ? code : undefined;
      },
    });
  }

  async run(): Promise<LivesReport> {
    const lives = 1 + this.#random.below(LIVES_MAX);
    for (let life = 0; life < lives; life += 1) {
      this.#report.lives += 1;
      await this.#live();
    }
    // The last life is quiet, so that each seed ends with a look at what is left.
    this.#refusals = { share: 0, code: 'EIO' };
    this.#disk.limit(Number.POSITIVE_INFINITY);
    const last = await this.#open();
    if (last === undefined) this.#broken('the journal does not open on a disk that works');
    await last.close();
    if (this.#acknowledged.length > 0 && this.#random.chance(0.2)) await this.#splice();
    return this.#report;
  }

  async #live(): Promise<void> {
    const random = this.#random;
    this.#refusals = random.chance(0.15)
      ? { share: 0.03, code: random.pick(['EIO', 'ENOSPC']) }
      : { share: 0, code: 'EIO' };
    this.#disk.limit(random.chance(0.1) ? SIM_ROOM_BYTES : Number.POSITIVE_INFINITY);
    this.#disk.cutAfter(1 + random.below(LIFE_OPERATIONS_MAX));
    const journal = await this.#open();
    if (journal !== undefined) await this.#write(journal);
    else await this.#stop();
  }

  /** Opens and compares (K1, K2). Undefined where this life ended before the journal was open. */
  async #open(): Promise<Journal | undefined> {
    let journal: Journal;
    let frames: readonly Frame[];
    try {
      journal = await this.#journal.open(this.#disk, FOLDER, this.#lastStop);
      this.#lastStop = 'unclean';
      frames = await readAll(journal, 4_096);
    } catch (cause) {
      this.#lastStop = 'unclean';
      if (codeOf(cause) === 'log.damaged') this.#broken(`refused its own log: ${String(cause)}`);
      return undefined;
    }
    this.#compare(journal.head(), frames);
    return journal;
  }

  #compare(head: Head, frames: readonly Frame[]): void {
    const found = frames.flatMap((frame) => entriesOf(frame));
    if (found.length !== head.size) this.#broken(`shows ${found.length} of ${head.size} entries`);
    const missing = this.#acknowledged.findIndex(
      (entry, i) => !Buffer.from(entry).equals(found[i] ?? new Uint8Array()),
    );
    if (missing !== -1) this.#broken(`K1: acknowledged entry ${missing} is lost or changed`);
    const extra = found.slice(this.#acknowledged.length);
    const whole = extra.length === 0 || extra.length === this.#pending.length;
    if (!whole || extra.some((entry, i) => !entry.equals(this.#pending[i] ?? new Uint8Array()))) {
      this.#broken(`K2: ${extra.length} entries that were never appended, or a part of a batch`);
    }
    const last = found.at(-1);
    const leaf = last === undefined ? TEST_GENESIS_LEAF : leafOf(last);
    if (head.leaf !== leaf) this.#broken('the head is not the leaf of the last entry');
    // What an opening has shown is durable from then on.
    this.#acknowledged.push(...extra.map((entry) => Buffer.from(entry)));
    this.#pending = [];
  }

  async #write(journal: Journal): Promise<void> {
    const random = this.#random;
    const epoch = journal.head().epoch + 1;
    let stale: Head | undefined;
    for (let i = random.below(APPENDS_MAX); i > 0; i -= 1) {
      const at = journal.head();
      const entries = this.#entries();
      const useStale = stale !== undefined && random.chance(0.05);
      const outcome = await this.#append(journal, useStale && stale ? stale : at, entries, epoch);
      if (outcome === 'dead') {
        await this.#stop();
        return;
      }
      if (useStale && outcome === 'appended') this.#broken('K4: a stale head was accepted');
      if (!useStale && outcome === 'conflict') this.#broken('a fresh head was refused');
      if (outcome === 'appended' && random.chance(0.5)) stale = at;
      // Somebody deletes a large file: the journal must go on by itself.
      if (outcome === 'refused' && random.chance(0.3)) {
        this.#disk.limit(Number.POSITIVE_INFINITY);
      }
    }
    if (random.chance(0.4)) await this.#close(journal);
    await this.#stop();
  }

  async #append(
    journal: Journal,
    at: Head,
    entries: readonly Uint8Array[],
    epoch: number,
  ): Promise<'appended' | 'conflict' | 'refused' | 'dead'> {
    const batch = batchOf(entries, { epoch, lone: this.#random.chance(0.3) });
    try {
      const answer = await journal.append(at, batch);
      if (answer.kind === 'conflict') {
        this.#report.conflicts += 1;
        return 'conflict';
      }
      this.#acknowledged.push(...entries);
      this.#report.acknowledged += entries.length;
      return 'appended';
    } catch (cause) {
      const code = codeOf(cause);
      const powerOn = !causedBy(cause, 'PowerCut');
      if (powerOn && (code === 'log.unavailable' || code === 'log.full')) {
        this.#report.refused += 1;
        return 'refused';
      }
      this.#report.unknown += 1;
      this.#pending = entries;
      return 'dead';
    }
  }

  async #close(journal: Journal): Promise<void> {
    try {
      await journal.close();
      this.#lastStop = 'clean';
    } catch {
      // The power went while it closed: the stop was not clean.
    }
  }

  /** The end of a life: of the process alone, or of the machine too. */
  async #stop(): Promise<void> {
    // What the dead process had under way settles first, as a dead process's work does.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    if (this.#random.chance(0.25)) this.#disk.kill();
    else this.#disk.reboot();
  }

  #entries(): readonly Uint8Array[] {
    const count = 1 + this.#random.below(ENTRIES_MAX);
    return Array.from({ length: count }, () =>
      this.#random.bytes(1 + this.#random.below(ENTRY_BYTES_MAX)),
    );
  }

  /** Puts a frame of another log in the place of our last one, whole by its CRC (K3). */
  async #splice(): Promise<void> {
    const place = this.#lastFrame();
    if (place === undefined) return;
    this.#report.spliced += 1;
    const { bytes, offset, header } = place;
    const foreign = encodeFrame(
      { ...header, previousLeaf: leafOf(this.#random.bytes(8)) },
      [this.#random.bytes(Math.min(header.bodyBytes - 2, 60_000))],
      this.#journal.crc32 ?? crc32,
    );
    bytes.fill(0, offset, place.endOffset);
    bytes.set(foreign, offset);
    try {
      const journal = await this.#journal.open(this.#disk, FOLDER, 'unclean');
      await journal.close();
    } catch (cause) {
      if (codeOf(cause) === 'log.damaged') return;
      throw cause;
    }
    this.#broken('K3: a foreign frame was taken for ours');
  }

  #lastFrame() {
    const folder = `${FOLDER}/journal`;
    const names = this.#disk.list(folder).toSorted();
    for (const name of names.toReversed()) {
      const bytes = this.#disk.bytesOf(`${folder}/${name}`);
      let found;
      for (let offset = 0; ;) {
        const decoded = decodeFrameHeader(bytes, offset);
        if (decoded.kind !== 'frame') break;
        found = { bytes, offset, header: decoded.header, endOffset: decoded.endOffset };
        offset = decoded.endOffset;
      }
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #broken(law: string): never {
    throw new LawBroken(`seed ${this.#seed}: ${law}`);
  }
}

function codeOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
}

/** Whether an error of this name stands anywhere in the chain of causes. */
function causedBy(cause: unknown, name: string): boolean {
  if (!(cause instanceof Error)) return false;
  return cause.name === name || causedBy(cause.cause, name);
}
