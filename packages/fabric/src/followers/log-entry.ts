/** The text of an entry (docs/guides/witness.md) as values. The bytes stay the record; nothing is serialised again to verify. */
import { isUtf8, type Buffer } from 'node:buffer';
import type { Credential, DomainEvent } from '@infrafabric/core';
import {
  newSequencerLine,
  readSequencerLine,
  type EntryFlaw,
  type SequencerLine,
} from '@infrafabric/tlog';

/** An entry as a replay, a fold and a reader need it. */
export interface LogEntry {
  readonly index: number;
  /** Ms since 1970. */
  readonly at: number;
  readonly epoch: number;
  readonly op: string;
  readonly args: unknown;
  readonly cred: Credential;
  readonly principal: string;
  readonly session?: string;
  readonly trace?: string;
  readonly idem?: string;
  readonly ids: readonly string[];
  readonly events: readonly DomainEvent[];
}

/** What stands in an entry in place of a list or of arguments that would not fit into it. */
export interface Spill {
  /** `sha256:<hex>` */
  readonly blob: string;
  readonly bytes: number;
}

export type ReadEntry =
  | { readonly kind: 'entry'; readonly entry: LogEntry }
  /** Parts of it are blobs: `fillSpills` completes it. */
  | {
      readonly kind: 'spilled';
      readonly entry: LogEntry;
      readonly events?: Spill;
      readonly args?: Spill;
    }
  | { readonly kind: 'bad'; readonly reason: EntryFlaw | 'outcome' | 'call' };

type Members = Readonly<Record<string, unknown>>;

/** Reads the entry at [start, end). Never throws. The chain is the caller's to check. */
export function readLogEntry(bytes: Buffer, start: number, end: number): ReadEntry {
  const line = newSequencerLine();
  const flaw = readSequencerLine(bytes, start, end, line);
  if (flaw !== undefined) return { kind: 'bad', reason: flaw };
  const text = bytes.subarray(line.endOffset, end);
  if (!isUtf8(text)) return { kind: 'bad', reason: 'text' };
  const outcomeEnd = text.indexOf(LF);
  const callEnd = text.indexOf(LF, outcomeEnd + 1);
  const outcome = parsed(text.toString('utf8', 0, Math.max(outcomeEnd, 0)));
  const call = parsed(text.toString('utf8', outcomeEnd + 1, Math.max(callEnd, 0)));
  if (outcome === undefined) return { kind: 'bad', reason: 'outcome' };
  if (typeof call?.['op'] !== 'string') return { kind: 'bad', reason: 'call' };
  return assembled(line, outcome, { op: call['op'], args: call['args'] });
}

type Assembling = { -readonly [K in keyof LogEntry]: LogEntry[K] };

/** One object an entry, without copies of it on the way: a replay and a rebuilt index make a million of them. */
function assembled(
  line: SequencerLine,
  outcome: Members,
  { op, args }: { readonly op: string; readonly args: unknown },
): ReadEntry {
  const { cred, principal, session, trace, idem, ids, events: list } = outcome;
  const events = isEventList(list) ? list : NO_EVENTS;
  const spilledEvents = events === NO_EVENTS ? spillOf(list) : undefined;
  if (typeof principal !== 'string' || !isCredential(cred)) return BAD_OUTCOME;
  if (events === NO_EVENTS && spilledEvents === undefined) return BAD_OUTCOME;
  const { index, atMs: at, epoch } = line;
  // Absent members stay absent: the fold compares with what the leader folded.
  const entry: Assembling = {
    index,
    at,
    epoch,
    op,
    args,
    cred,
    principal,
    ids: textsOf(ids),
    events,
  };
  if (typeof session === 'string') entry.session = session;
  if (typeof trace === 'string') entry.trace = trace;
  if (typeof idem === 'string') entry.idem = idem;
  return orSpilled(entry, spilledEvents, spillOf(args));
}

function orSpilled(entry: LogEntry, events: Spill | undefined, args: Spill | undefined): ReadEntry {
  if (events === undefined && args === undefined) return { kind: 'entry', entry };
  return {
    kind: 'spilled',
    entry,
    ...(events === undefined ? {} : { events }),
    ...(args === undefined ? {} : { args }),
  };
}

const LF = 0x0a;
const NO_EVENTS: readonly DomainEvent[] = [];
const NO_TEXTS: readonly string[] = [];
const BAD_OUTCOME: ReadEntry = { kind: 'bad', reason: 'outcome' };

/** Gives the blob with this digest, checked; undefined where there is none. */
export type ReadBlob = (digest: string) => Promise<Uint8Array | undefined>;

/** The entry with its blobs in place; undefined where one of them is missing or is no list. */
export async function fillSpills(
  spilled: Extract<ReadEntry, { readonly kind: 'spilled' }>,
  readBlob: ReadBlob,
): Promise<LogEntry | undefined> {
  const { entry } = spilled;
  const args = spilled.args === undefined ? entry.args : await blobValue(spilled.args, readBlob);
  const events =
    spilled.events === undefined
      ? entry.events
      : eventsOf(await blobValue(spilled.events, readBlob));
  return args === undefined || events === undefined ? undefined : { ...entry, args, events };
}

/** The members of a JSON object; undefined for everything else. */
export function membersOf(value: unknown): Members | undefined {
  return isMembers(value) ? value : undefined;
}

async function blobValue(spill: Spill, readBlob: ReadBlob): Promise<unknown> {
  const bytes = await readBlob(spill.blob);
  if (bytes === undefined || !isUtf8(bytes)) return undefined;
  return parsedValue(new TextDecoder().decode(bytes));
}

function spillOf(value: unknown): Spill | undefined {
  const members = membersOf(value);
  if (members === undefined) return undefined;
  const { blob, bytes } = members;
  return typeof blob === 'string' && typeof bytes === 'number' ? { blob, bytes } : undefined;
}

/** That the events are those of `core` is what a replay checks; here they only have to be a list of typed objects. */
function eventsOf(value: unknown): readonly DomainEvent[] | undefined {
  return isEventList(value) ? value : undefined;
}

function isEventList(value: unknown): value is readonly DomainEvent[] {
  if (!Array.isArray(value)) return false;
  for (const event of value) if (typeof membersOf(event)?.['type'] !== 'string') return false;
  return true;
}

const textsOf = (value: unknown): readonly string[] =>
  value === undefined
    ? NO_TEXTS
    : Array.isArray(value)
      ? value.filter((text) => typeof text === 'string')
      : [];

const isCredential = (value: unknown): value is Credential =>
  value === 'realm' || value === 'operator' || value === 'session';

const parsed = (text: string): Members | undefined => membersOf(parsedValue(text));

function parsedValue(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    // Not JSON: no member of it will be found, and the caller says which line it was.
    return undefined;
  }
}

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
