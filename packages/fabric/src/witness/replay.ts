/**
 * V5: decides every call of a log again and compares.
 *
 * V1  The events that `decide` gives for the recorded inputs are the recorded ones, byte for byte.
 * V2  The state that they fold to has, at every index that the log states a hash for, that hash.
 * V3  Where an entry was decided by another version of the decisions, it is folded and counted apart.
 *
 * It rests on V0: that the bytes are the log's is verified before. It does not repeat authentication and cannot see
 * answers that were never journaled.
 */
import type { Buffer } from 'node:buffer';
import {
  DECIDER_VERSION,
  worldFaults,
  createWorld,
  decide,
  evolve,
  restoreWorld,
  worldSections,
  type Decision,
  type DomainEvent,
  type World,
} from '@infrafabric/core';
import {
  ENTRY_LENGTH_BYTES,
  newSequencerLine,
  readSequencerLine,
  type SequencerLine,
} from '@infrafabric/tlog';

import { celConditions } from '../adapters/conditions-cel/index.ts';
import { nodeChecksums } from '../adapters/batch.ts';
import { openJournalReader } from '../adapters/journal-file/reader.ts';
import { eventListText } from '../engine/entry-text.ts';
import { Fault } from '../fault.ts';
import { blobReader } from '../followers/blob-files.ts';
import { damagedEntry } from '../followers/checked-frame.ts';
import { nodeFollowerDisk } from '../followers/follower-disk.ts';
import { fillSpills, readLogEntry, type LogEntry, type ReadBlob } from '../followers/log-entry.ts';
import type { FrameReader } from '../followers/pump.ts';
import type { Snapshot } from '../followers/snapshot.ts';
import { stateHash } from '../followers/state-hash.ts';
import type { Disk } from '../ports/disk.ts';
import type { Frame, FrameLimit, Position } from '../ports/journal.ts';
import { readFrequentEntry, type FrequentEntry } from './frequent-entry.ts';
import { InvariantWatch } from './invariant-watch.ts';

/** One read; held in memory while it is replayed. */
const PAGE: FrameLimit = { bytes: 1_048_576, frames: 256 };

/** State hashes that are computed, the newest ones: each costs the whole world once. */
const HASHES_MAX = 256;

/** Tasks times entries of one full check of the state: falsifying a million entries of a large plan must end. */
const FALSIFY_TASKS_A_CHECK = 1_000;

export interface ReplayOptions {
  /** Entries to replay: what V0 has verified. */
  readonly size: Position;
  /** Leaf that entry 0 names, or undefined: then the log's own word is taken. */
  readonly genesisLeaf?: string;
  /** Where a pruned log begins: the snapshot whose hash is in the log. */
  readonly from?: Snapshot;
  /** Also checks every invariant, after every entry that the budget allows. */
  readonly mode?: 'replay' | 'falsify';
}

/** What was found first. `expected` is the log's, `computed` ours. */
export interface Divergence {
  readonly code: 'replay.diverged';
  readonly index: number;
  readonly kind: 'events' | 'decision' | 'state' | 'fold' | 'invariant';
  readonly expected: string;
  readonly computed: string;
}

export interface ReplayReport {
  readonly ok: boolean;
  readonly size: Position;
  readonly decided: number;
  /** By another version of the decisions. */
  readonly foldedOnly: number;
  readonly hashesCompared: number;
  readonly hashesSkipped: number;
  /** Full checks of the state's invariants; each entry's events are checked in any case. */
  readonly invariantChecks: number;
  /** Of the state at the end, `sha256:<hex>`. */
  readonly stateHash: string;
  readonly diverged: Divergence | undefined;
}

/** Replays the journal in `dataFolder`. Faults: `log.damaged` where V0 would have refused; the disk's own. */
export async function replayFolder(
  dataFolder: string,
  options: ReplayOptions,
  disk: Disk = nodeFollowerDisk,
): Promise<ReplayReport> {
  const reader = openJournalReader(dataFolder, { disk, checksums: nodeChecksums });
  try {
    return await replay(reader, blobReader(disk, dataFolder), options);
  } finally {
    reader.close();
  }
}

/** Replays what `reader` gives. */
export async function replay(
  reader: FrameReader,
  readBlob: ReadBlob,
  options: ReplayOptions,
): Promise<ReplayReport> {
  const stated = await statedHashes(reader, options);
  const run = new Replay(stated, options, readBlob);
  const { from, genesisLeaf } = options;
  const start = from === undefined ? 0 : from.index + 1;
  await eachFrame(reader, { from: start, to: options.size }, (frame) => {
    const isForeign =
      frame.first === 0 && frame.previousLeaf !== (genesisLeaf ?? frame.previousLeaf);
    if (isForeign) throw damagedEntry(0, 'the log begins with another leaf');
    return run.take(frame);
  });
  return run.report();
}

class Replay {
  readonly #stated: ReadonlySet<number>;
  readonly #own = new Map<number, string>();
  readonly #world: World;
  readonly #watch: InvariantWatch | undefined;
  readonly #readBlob: ReadBlob;
  readonly #line = newSequencerLine();
  #decider = 0;
  #size: Position;
  #decided = 0;
  #foldedOnly = 0;
  #hashesCompared = 0;
  #hashesSkipped = 0;
  #invariantChecks = 0;
  #sinceCheck = 0;
  #diverged: Divergence | undefined;

  /** Policies are judged again too. */
  readonly #conditions = celConditions();

  constructor(stated: ReadonlySet<number>, options: ReplayOptions, readBlob: ReadBlob) {
    const { from } = options;
    this.#stated = stated;
    this.#readBlob = readBlob;
    this.#world = from === undefined ? createWorld() : restoreWorld(from.sections);
    this.#decider = this.#world.realm.decider;
    this.#size = from === undefined ? 0 : from.index + 1;
    this.#watch = options.mode === 'falsify' ? new InvariantWatch() : undefined;
  }

  /** The entries of the frame that are still to come. Faults: `log.damaged`. */
  async take({ first, count, entries: bytes }: Frame): Promise<'more' | 'stop'> {
    const line = this.#line;
    let end = 0;
    for (let index = first; index < first + count; index += 1) {
      const start = end + ENTRY_LENGTH_BYTES;
      end = start + (((bytes[end] ?? 0) << 8) | (bytes[end + 1] ?? 0));
      if (index < this.#size) continue;
      const flaw = readSequencerLine(bytes, start, end, line);
      if (flaw !== undefined) throw damagedEntry(index, flaw);
      if (line.index !== index) throw damagedEntry(index, 'not the entry of this place');
      // A turn of the loop costs more than a decision: only a spilled entry waits.
      if (!this.#takeFrequent(bytes, line, end))
        await this.#takeParsed(bytes, { index, start, end });
      if (this.#diverged !== undefined) return 'stop';
      this.#size = index + 1;
    }
    return 'more';
  }

  /** False where the entry is not a frequent one or its events are not the decision's: then nothing has happened. */
  #takeFrequent(bytes: Buffer, line: SequencerLine, end: number): boolean {
    if (this.#decider !== DECIDER_VERSION) return false;
    const frequent = readFrequentEntry(bytes, line, end);
    if (frequent === undefined || !this.#isDecided(frequent)) return false;
    this.#decided += 1;
    this.#fold(frequent.entry, '');
    return true;
  }

  /** Whether the decision gives the recorded events, byte for byte; the entry then holds them. */
  #isDecided({ entry, text, eventsStart, eventsEnd }: FrequentEntry): boolean {
    const decision = decide(this.#world, entry, this.#conditions);
    const events = eventsOf(decision);
    if (events === undefined) return false;
    const computed = eventListText(events);
    entry.events = events;
    return eventsEnd - eventsStart === computed.length && text.startsWith(computed, eventsStart);
  }

  async #takeParsed(
    bytes: Buffer,
    { index, start, end }: { readonly index: number; readonly start: number; readonly end: number },
  ): Promise<void> {
    const read = readLogEntry(bytes, start, end);
    if (read.kind === 'bad') throw damagedEntry(index, read.reason);
    const entry = read.kind === 'entry' ? read.entry : await fillSpills(read, this.#readBlob);
    if (entry === undefined) throw damagedEntry(index, 'a blob that it names is missing');
    this.#entry(entry, eventsTextOf(bytes.toString('utf8', start, end)));
  }

  report(): ReplayReport {
    return {
      ok: this.#diverged === undefined,
      size: this.#size,
      decided: this.#decided,
      foldedOnly: this.#foldedOnly,
      hashesCompared: this.#hashesCompared,
      hashesSkipped: this.#hashesSkipped,
      invariantChecks: this.#invariantChecks,
      stateHash: stateHash(worldSections(this.#world)).digest,
      diverged: this.#diverged,
    };
  }

  #entry(entry: LogEntry, storedEvents: string): void {
    // The opening itself is decided by the version that it names.
    const [first] = entry.events;
    if (first?.type === 'realm.opened') this.#decider = first.decider;
    if (this.#decider === DECIDER_VERSION) {
      this.#decideAgain(entry, storedEvents);
      this.#decided += 1;
    } else {
      this.#foldedOnly += 1;
    }
    if (this.#diverged === undefined) this.#fold(entry, storedEvents);
  }

  #fold(entry: LogEntry, storedEvents: string): void {
    try {
      evolve(this.#world, entry);
    } catch (cause) {
      this.#diverge(entry.index, 'fold', storedEvents, String(cause));
      return;
    }
    if (this.#stated.has(entry.index)) {
      this.#own.set(entry.index, stateHash(worldSections(this.#world)).digest);
    }
    this.#compareHashes(entry);
    if (this.#watch !== undefined) this.#falsify(entry, this.#watch);
  }

  #decideAgain(entry: LogEntry, storedEvents: string): void {
    let decision: Decision;
    try {
      decision = decide(this.#world, entry, this.#conditions);
    } catch (cause) {
      // Arguments that no surface would have let in.
      this.#diverge(entry.index, 'decision', storedEvents, String(cause));
      return;
    }
    const events = eventsOf(decision);
    if (events === undefined) {
      this.#diverge(entry.index, 'decision', storedEvents, JSON.stringify(decision));
      return;
    }
    const computed = eventListText(events);
    // A spilled list is compared as what the blob held.
    const stored = storedEvents.startsWith('[') ? storedEvents : eventListText(entry.events);
    if (!startsWithList(stored, computed)) {
      this.#diverge(entry.index, 'events', eventListText(entry.events), computed);
    }
  }

  #compareHashes(entry: LogEntry): void {
    for (const event of entry.events) {
      if (event.type !== 'realm.state_hashed') continue;
      const own = this.#own.get(event.index);
      if (own === undefined) {
        this.#hashesSkipped += 1;
        continue;
      }
      this.#hashesCompared += 1;
      if (own !== event.hash) this.#diverge(event.index, 'state', event.hash, own);
    }
  }

  #falsify(entry: LogEntry, watch: InvariantWatch): void {
    const [broken] = watch.take(entry);
    if (broken !== undefined) this.#diverge(entry.index, 'invariant', '', broken);
    this.#sinceCheck += FALSIFY_TASKS_A_CHECK;
    if (this.#sinceCheck < this.#world.coordinator.tasks.count) return;
    this.#sinceCheck = 0;
    this.#invariantChecks += 1;
    const [fault] = worldFaults(this.#world);
    if (fault !== undefined) this.#diverge(entry.index, 'invariant', '', fault);
  }

  #diverge(index: number, kind: Divergence['kind'], expected: string, computed: string): void {
    this.#diverged ??= { code: 'replay.diverged', index, kind, expected, computed };
  }
}

/** Events that the log must hold for this decision; undefined where it must hold no entry. */
function eventsOf(decision: Decision): readonly DomainEvent[] | undefined {
  switch (decision.kind) {
    case 'accept':
      return decision.events;
    case 'refuse':
      return [decision.record];
    case 'unchanged':
    case 'reject':
      return undefined;
  }
}

/** The outcome line from its list of events on. Members before `events` hold no text of callers. */
function eventsTextOf(entryText: string): string {
  const outcomeStart = entryText.indexOf('\n') + 1;
  const at = entryText.indexOf(EVENTS, outcomeStart);
  return entryText.slice(at + EVENTS.length, entryText.indexOf('\n', outcomeStart));
}

const EVENTS = '"events":';

/** The list ends where the computed one ends: another member or the object's end follows. */
function startsWithList(stored: string, computed: string): boolean {
  const next = stored[computed.length];
  return stored.startsWith(computed) && (next === undefined || next === ',' || next === '}');
}

/** Indices that the log states a hash for, the newest `HASHES_MAX`. A search of bytes: entries are not parsed. */
async function statedHashes(
  reader: FrameReader,
  { size, from }: ReplayOptions,
): Promise<ReadonlySet<number>> {
  const indices: number[] = [];
  await eachFrame(reader, { from: (from?.index ?? -1) + 1, to: size }, ({ entries }) => {
    for (let at = entries.indexOf(HASHED); at !== -1; at = entries.indexOf(HASHED, at + 1)) {
      const before = entries.toString('latin1', Math.max(0, at - HASHED_BYTES_BEFORE), at);
      const index = /"index":(\d{1,16}),$/.exec(before)?.[1];
      if (index !== undefined) indices.push(Number(index));
    }
    return 'more';
  });
  return new Set(indices.slice(-HASHES_MAX));
}

const HASHED = '"type":"realm.state_hashed"';
/** `"index":` with its digits. */
const HASHED_BYTES_BEFORE = 32;

async function eachFrame(
  reader: FrameReader,
  range: { readonly from: Position; readonly to: Position },
  on: (frame: Frame) => 'more' | 'stop' | Promise<'more' | 'stop'>,
): Promise<void> {
  let at = range.from;
  // Ends: each round reads at least one frame, or refuses.
  while (at < range.to) {
    const frames = await reader.read(at, PAGE, range.to);
    if (frames.length === 0) {
      throw new Fault('log.damaged', { transient: false, detail: `no frame for entry ${at}` });
    }
    for (const frame of frames) {
      if ((await on(frame)) === 'stop') return;
      at = frame.first + frame.count;
    }
  }
}
