/**
 * From a committed command to the text of its entry, and what of it is too long for an entry and becomes a blob.
 */
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { digestFrom, reject, type Digest, type Rejection } from '@infrafabric/protocol';

import { ENTRY_BYTES_MAX } from '../ports/journal.ts';
import type { Call, Committed } from './call.ts';
import { eventListText, isoTimes, outcomeText } from './entry-text.ts';
import { SPILL_BYTES_MAX } from './limits.ts';

export interface EntryDraft {
  readonly kind: 'draft';
  readonly text: string;
  /** What the entry names and does not hold; to be durable before the entry's frame is written. */
  readonly spills: readonly Spill[];
}

export interface Spill {
  readonly digest: Digest;
  readonly bytes: Buffer;
}

/** What stands in an entry in place of a list that went to the blob store. */
export interface SpillRef {
  readonly blob: Digest;
  readonly bytes: number;
  readonly count: number;
}

const NO_SPILLS: readonly Spill[] = [];
/** A UTF-16 code unit is three bytes at most: shorter texts need no counting. */
const CODE_UNITS_SURE = Math.floor(ENTRY_BYTES_MAX / 3);

/** Writes entries of one log. `call` is `callText` of the entry's call, which the leader has made already. */
export function entryWriter(): (
  entry: Committed,
  previousLeaf: string,
  call: string,
) => EntryDraft | Rejection {
  const iso = isoTimes();
  return (entry, previousLeaf, call) => {
    const line = `ifab-log/1 ${entry.index} ${previousLeaf} ${iso(entry.at)} ${entry.epoch}\n`;
    const events = eventListText(entry.events);
    const text = `${line}${outcomeText(entry, events)}\n${call}\n`;
    if (text.length <= CODE_UNITS_SURE || Buffer.byteLength(text) <= ENTRY_BYTES_MAX) {
      return { kind: 'draft', text, spills: NO_SPILLS };
    }
    return spilled(entry, line, { events, call });
  };
}

/** The longer of event list and arguments goes out, and the other one where that is not enough. */
const spilled = (
  entry: Committed,
  line: string,
  texts: { readonly events: string; readonly call: string },
): EntryDraft | Rejection => {
  const args = argsText(entry.op, texts.call);
  const longest = Math.max(Buffer.byteLength(args), Buffer.byteLength(texts.events));
  if (longest > SPILL_BYTES_MAX) {
    return reject(
      'request.too_large',
      `The entry would hold ${longest} bytes in one piece; ${SPILL_BYTES_MAX} are the most. Send it in parts.`,
      { bytes: longest, bytesMax: SPILL_BYTES_MAX },
    );
  }
  const argsFirst = args.length >= texts.events.length;
  for (const both of [false, true]) {
    const spills: Spill[] = [];
    const events =
      both || !argsFirst ? refText(texts.events, entry.events.length, spills) : texts.events;
    const call = both || argsFirst ? callOf(entry.op, refText(args, 1, spills)) : texts.call;
    const text = `${line}${outcomeText(entry, events)}\n${call}\n`;
    if (Buffer.byteLength(text) <= ENTRY_BYTES_MAX) return { kind: 'draft', text, spills };
  }
  return reject('request.too_large', 'The entry does not fit, even without its lists.');
};

const refText = (text: string, count: number, spills: Spill[]): string => {
  const bytes = Buffer.from(text);
  const digest = digestFrom(hash('sha256', bytes, 'hex'));
  spills.push({ digest, bytes });
  return `{"blob":"${digest}","bytes":${bytes.length},"count":${count}}`;
};

const CALL_PREFIX = '{"args":';

const callOf = (op: Call['op'], args: string): string => `${CALL_PREFIX}${args},"op":"${op}"}`;

/** The arguments inside the text of a call, without parsing it: `op` follows them and is known. */
const argsText = (op: Call['op'], call: string): string =>
  call.slice(CALL_PREFIX.length, call.length - `,"op":"${op}"}`.length);
