/**
 * Reads the entries that make up nearly all of a busy log, claims and completions by sessions, without a JSON parser:
 * at a million entries the parser and its garbage are a third of a replay.
 *
 * What it accepts is a subset of what the log may hold: one order of members, ids of plain characters, no member that
 * it does not know. All else, be it legal or not, is left to the parser. It never says what the events are; whoever
 * replays compares their text with the decision's.
 */
import type { Buffer } from 'node:buffer';
import type { DomainEvent } from '@infrafabric/core';
import type { SequencerLine } from '@infrafabric/tlog';

import type { LogEntry } from '../followers/log-entry.ts';

/** An entry while it is decided: its events are still to come. */
export type OpenEntry = { -readonly [K in keyof LogEntry]: LogEntry[K] };

export interface FrequentEntry {
  readonly entry: OpenEntry;
  /** Lines 2 and 3. */
  readonly text: string;
  /** Where the list of events stands in `text`: [eventsStart, eventsEnd). */
  readonly eventsStart: number;
  readonly eventsEnd: number;
}

const HEAD = '{"cred":"session","events":[';
const NUMBER = '(0|[1-9][0-9]{0,8})';
const TASK_ID = '([A-Za-z0-9_./-]{1,256})';
const SESSION_ID = '([A-Za-z0-9_]{1,64})';
const CLAIM = `"leaseMs":${NUMBER},"sessionId":"${SESSION_ID}","taskId":"${TASK_ID}"},"op":"tasks\\.claim"`;
const NEXT = `"sessionId":"${SESSION_ID}"},"op":"tasks\\.next"`;
const COMPLETE = `"fence":{"epoch":${NUMBER},"holder":"${SESSION_ID}","n":${NUMBER}},"taskId":"${TASK_ID}"},"op":"tasks\\.complete"`;

/** From the end of the event list to the end of the entry. */
const REST = new RegExp(
  String.raw`(?:,"idem":"([A-Za-z0-9_-]{1,64})")?,"principal":"([A-Za-z0-9_.@-]{1,64})"` +
    `,"session":"${SESSION_ID}"(?:,"trace":"([0-9a-f]{32})")?}\n{"args":{(?:${CLAIM}|${COMPLETE}|${NEXT})}\n$`,
  'y',
);

const IDEM = ',"idem":"';
const NO_EVENTS: readonly DomainEvent[] = [];
const NO_IDS: readonly string[] = [];

/** The entry whose sequencer line is `line` and that ends at `end`; undefined where it is not of this form. */
export function readFrequentEntry(
  bytes: Buffer,
  line: SequencerLine,
  end: number,
): FrequentEntry | undefined {
  const { index, atMs: at, epoch, endOffset } = line;
  const text = bytes.toString('latin1', endOffset, end);
  if (!text.startsWith(HEAD)) return undefined;
  // No member behind the events holds a bracket: what does is not of this form.
  const eventsEnd = text.lastIndexOf(']', text.indexOf('\n')) + 1;
  REST.lastIndex = eventsEnd;
  const found = REST.exec(text);
  if (found === null) return undefined;
  const [, idem, principal = '', session = '', trace] = found;
  const entry: OpenEntry = {
    index,
    at,
    epoch,
    ...callOf(found),
    cred: 'session',
    principal,
    session,
    ids: NO_IDS,
    events: NO_EVENTS,
  };
  if (idem !== undefined) {
    // The world keeps it: a copy, since a part of `text` would keep all of it.
    const start = endOffset + eventsEnd + IDEM.length;
    entry.idem = bytes.toString('latin1', start, start + idem.length);
  }
  if (trace !== undefined) entry.trace = trace;
  return { entry, text, eventsStart: HEAD.length - 1, eventsEnd };
}

function callOf(found: RegExpExecArray): Pick<LogEntry, 'op' | 'args'> {
  const [, , , , , leaseMs, sessionId, claimed, epoch, holder, n, taskId, anyFor] = found;
  if (leaseMs !== undefined) {
    return { op: 'tasks.claim', args: { leaseMs: Number(leaseMs), sessionId, taskId: claimed } };
  }
  if (anyFor !== undefined) return { op: 'tasks.next', args: { sessionId: anyFor } };
  const fence = { epoch: Number(epoch), holder, n: Number(n) };
  return { op: 'tasks.complete', args: { fence, taskId } };
}
