/**
 * What outlives the processes of a simulated world: a log in memory whose every append may go wrong, or the files of
 * the file journal on a disk whose power goes. A crash leaves what the medium has.
 */
import {
  MemoryLog,
  openFileJournal,
  openMemoryJournal,
  type AppendFault,
  type AppendFaults,
  type Batch,
  type Disk,
  type Frame,
  type Journal,
} from '@infrafabric/fabric';
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

import type { Random } from '../random.ts';
import { SimDisk } from '../sim-disk.ts';

type FilePorts = NonNullable<Parameters<typeof openFileJournal>[1]>;

export const SIM_GENESIS_LEAF = hash('sha256', 'simulated genesis', 'base64');

/** Doubles that a planted bug puts in the place of the real parts. */
export interface MediumDoubles {
  readonly journal?: (journal: Journal, log: MemoryLog | undefined) => Journal;
  readonly disk?: (disk: Disk) => Disk;
  readonly file?: Partial<Pick<FilePorts, 'checksums' | 'rules'>>;
  /** Frames that were under way arrive wherever the log ends. */
  readonly lateAnywhere?: boolean;
  /** The medium only pretends to have a part of what it acknowledges. */
  readonly lies?: boolean;
  /** Called before a process opens its journal. */
  readonly onOpen?: (log: MemoryLog) => void;
}

export interface Medium {
  readonly kind: 'memory' | 'file';
  /** A process starts: opens its journal. Rejects as the journal does. */
  open(): Promise<Journal>;
  /** Durable frames behind `after`, read past the leader; nothing where no journal is open. */
  read(after: number): Promise<readonly Frame[]>;
  /** The process that holds the journal is gone, with or without the machine. */
  crash(): void;
  /** An orderly end was reached. */
  closed(): void;
  /** Lets something that is under way arrive, if there is anything. */
  stir(): void;
  /** From here on nothing goes wrong any more, and what was under way has arrived. */
  heal(): void;
  /** Whether `read` shows the log: nobody can look at a disk without power. */
  readonly isReadable: boolean;
  /** The process that appends must be taken for dead: its write was cut, or the machine has no power. */
  readonly isCut: boolean;
}

/** The journal with another way to append. */
export const withAppend = (journal: Journal, append: Journal['append']): Journal => ({
  durability: journal.durability,
  head: () => journal.head(),
  append,
  read: (after, limit) => journal.read(after, limit),
  tail: (after, signal) => journal.tail(after, signal),
  close: () => journal.close(),
});

const READ = { bytes: 4 * 1_024 * 1_024, frames: 256 } as const;
const NOTHING: Promise<readonly Frame[]> = Promise.resolve([]);
const FAULT_SHARES_PERCENT = [0, 4, 10, 25] as const;

export class MemoryMedium implements Medium {
  readonly kind = 'memory';
  readonly isReadable = true;
  readonly log = new MemoryLog(SIM_GENESIS_LEAF);
  isCut = false;
  readonly #random: Random;
  readonly #doubles: MediumDoubles;
  readonly #share: number;
  /** Appends that are slow: each arrives when its gate opens. */
  #gates: (() => void)[] = [];
  readonly #late: Batch[] = [];
  #healed = false;

  constructor(random: Random, doubles: MediumDoubles) {
    this.#random = random;
    this.#doubles = doubles;
    this.#share = random.pick(FAULT_SHARES_PERCENT) / 100;
  }

  open(): Promise<Journal> {
    this.isCut = false;
    this.#doubles.onOpen?.(this.log);
    const faults: AppendFaults = { next: () => this.#next() };
    const journal = openMemoryJournal({ log: this.log, faults });
    if (this.#doubles.lateAnywhere === true) return Promise.resolve(this.#remembering(journal));
    return Promise.resolve(this.#doubles.journal?.(journal, this.log) ?? journal);
  }

  /** Keeps what appends of unknown outcome carried. */
  #remembering(journal: Journal): Journal {
    return withAppend(journal, async (at, batch) => {
      const copy = { ...batch, entries: Buffer.from(batch.entries) };
      try {
        return await journal.append(at, batch);
      } catch (cause) {
        this.#late.push(copy);
        throw cause;
      }
    });
  }

  read(after: number): Promise<readonly Frame[]> {
    return Promise.resolve(this.log.read(after, READ));
  }

  crash(): void {
    // What the dead process had under way is lost, or still travels.
    this.#gates = this.#gates.filter(() => this.#random.chance(0.5));
    this.isCut = false;
  }

  closed(): void {
    this.isCut = false;
  }

  stir(): void {
    this.#gates.shift()?.();
    if (this.#random.chance(0.5)) this.#deliverLate();
  }

  heal(): void {
    this.#healed = true;
    for (const open of this.#gates.splice(0)) open();
    this.#deliverLate();
  }

  #deliverLate(): void {
    if (this.#doubles.lateAnywhere !== true) {
      this.log.deliverLate();
      return;
    }
    for (const batch of this.#late.splice(0)) this.log.add(this.log.head, batch);
  }

  #next(): AppendFault {
    const random = this.#random;
    if (this.#doubles.lies === true && random.chance(0.2)) return { kind: 'lost' };
    if (this.#healed || !random.chance(this.#share)) return { kind: 'none' };
    switch (random.below(8)) {
      case 0:
        return { kind: 'unavailable' };
      case 1:
        return { kind: 'full' };
      case 2:
        return { kind: 'unknown', applied: 'yes' };
      case 3:
        return { kind: 'unknown', applied: 'no' };
      case 4:
        return { kind: 'unknown', applied: 'late' };
      case 5:
        this.isCut = true;
        return { kind: 'torn' };
      default: {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#gates.push(resolve);
        return { kind: 'slow', until: promise };
      }
    }
  }
}

const FOLDER = '/data';
/** Small enough that a world crosses several segments, large enough for any of its frames. */
const SEGMENT_BYTES = [12_288, 24_576];
const CHECKSUMS: FilePorts['checksums'] = {
  crc32: (bytes, seed) => crc32(bytes, seed),
  sha256: (bytes) => hash('sha256', bytes, 'base64'),
};
/** Disk operations until the power goes; an append takes two or three. */
const CUT_OPERATIONS_MAX = 150;

export class FileMedium implements Medium {
  readonly kind = 'file';
  readonly #random: Random;
  readonly #doubles: MediumDoubles;
  readonly #disk: SimDisk;
  #journal: Journal | undefined;
  #lastStop: 'clean' | 'unclean' = 'clean';
  #cutAt = Number.POSITIVE_INFINITY;
  #refusals: { readonly share: number; readonly code: string } = { share: 0, code: 'EIO' };
  #healed = false;
  #readMs = 0;

  constructor(random: Random, doubles: MediumDoubles) {
    this.#random = random;
    this.#doubles = doubles;
    this.#disk = new SimDisk({
      random,
      failure: (operation) => {
        const { share, code } = this.#refusals;
        const may = code === 'ENOSPC' ? operation === 'write' : operation !== 'rename';
        return may && share > 0 && random.chance(share) ? code : undefined;
      },
    });
  }

  get isReadable(): boolean {
    return this.#journal !== undefined && !this.isCut;
  }

  get isCut(): boolean {
    return this.#disk.operations >= this.#cutAt;
  }

  async open(): Promise<Journal> {
    const random = this.#random;
    this.#refusals =
      !this.#healed && random.chance(0.25)
        ? { share: 0.04, code: random.pick(['EIO', 'ENOSPC']) }
        : { share: 0, code: 'EIO' };
    // Every life has its own cut: one that the last life did not reach is off.
    const operations =
      !this.#healed && random.chance(0.5)
        ? 1 + random.below(CUT_OPERATIONS_MAX)
        : Number.POSITIVE_INFINITY;
    this.#disk.cutAfter(operations);
    this.#cutAt = this.#disk.operations + operations;
    const lastStop = this.#lastStop;
    this.#lastStop = 'unclean';
    const journal = await openFileJournal(
      { folder: FOLDER, genesisLeaf: SIM_GENESIS_LEAF, segmentBytes: SEGMENT_BYTES },
      {
        disk: this.#doubles.disk?.(this.#disk.ofProcess()) ?? this.#disk.ofProcess(),
        lock: () => ({ lastStop, release: () => undefined }),
        checksums: CHECKSUMS,
        nowMs: () => (this.#readMs += 0.2),
        rules: { previousLeaf: 'checked', tornTail: 'cut' },
        ...this.#doubles.file,
      },
    );
    this.#journal = this.#doubles.journal?.(journal, undefined) ?? journal;
    return this.#journal;
  }

  read(after: number): Promise<readonly Frame[]> {
    return this.isReadable ? (this.#journal?.read(after, READ) ?? NOTHING) : NOTHING;
  }

  crash(): void {
    this.#journal = undefined;
    if (this.isCut || this.#random.chance(0.7)) this.#disk.reboot();
    else this.#disk.kill();
    this.#cutAt = Number.POSITIVE_INFINITY;
  }

  closed(): void {
    this.#journal = undefined;
    if (!this.isCut) this.#lastStop = 'clean';
  }

  stir(): void {
    // A disk that failed works again.
    this.#refusals = { share: 0, code: 'EIO' };
  }

  heal(): void {
    this.#healed = true;
    this.#refusals = { share: 0, code: 'EIO' };
  }
}
