/**
 * What an entry can be found by. A term is a 53-bit fingerprint of a word with its kind before it: no dictionary, no
 * memory. Fingerprints may collide, so whoever reads an entry that the index named compares the words themselves
 * (`isMatch`): a collision costs a read, never a wrong row.
 */
import type { DomainEvent } from '@infrafabric/core';

import { membersOf, type LogEntry } from './log-entry.ts';

export type Severity = 'debug' | 'info' | 'warn' | 'high';

/** What `witness.query` filters by, beside time and index. */
export interface EntryFilter {
  readonly trace?: string | undefined;
  readonly taskId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly planId?: string | undefined;
  readonly principal?: string | undefined;
  readonly operation?: string | undefined;
  readonly severity?: Severity | undefined;
  /** Of a refusal that the log kept. */
  readonly code?: string | undefined;
}

/** Words of one entry; an entry names few things but for a plan's submission, whose tasks are found by its plan. */
const WORDS_MAX = 512;

/** The distinct words of the entry, for the index. */
export function wordsOf(entry: LogEntry): ReadonlySet<string> {
  const words = new Set([`o:${operationOf(entry)}`, `p:${entry.principal}`]);
  if (entry.op === 'witness.record') words.add(`o:${entry.op}`);
  if (entry.trace !== undefined) words.add(`t:${entry.trace}`);
  if (entry.session !== undefined) words.add(`s:${entry.session}`);
  const severity = severityOf(entry);
  // Nearly every entry is `info`: listing them would be a second log.
  if (severity !== 'info') words.add(`v:${severity}`);
  addMembers(words, membersOf(entry.args));
  for (const event of entry.events) addEvent(words, event);
  return words;
}

/** The words that an entry must have to fit the filter, the rarest kind first. */
export function wordsOfFilter(filter: EntryFilter): readonly string[] {
  const words: string[] = [];
  if (filter.trace !== undefined) words.push(`t:${filter.trace}`);
  if (filter.taskId !== undefined) words.push(`k:${filter.taskId}`);
  if (filter.code !== undefined) words.push(`c:${filter.code}`);
  if (filter.severity !== undefined && filter.severity !== 'info') {
    words.push(`v:${filter.severity}`);
  }
  if (filter.sessionId !== undefined) words.push(`s:${filter.sessionId}`);
  if (filter.principal !== undefined) words.push(`p:${filter.principal}`);
  if (filter.planId !== undefined) words.push(`l:${filter.planId}`);
  if (filter.operation !== undefined) words.push(`o:${filter.operation}`);
  return words;
}

/** Whether the entry fits the filter: the words, not their fingerprints. */
export function isMatch(entry: LogEntry, filter: EntryFilter): boolean {
  const words = wordsOf(entry);
  const fits = wordsOfFilter(filter).every((word) => words.has(word));
  return fits && (filter.severity === undefined || severityOf(entry) === filter.severity);
}

/** What the entry's caller or, of a record, its program says; refusals that the log keeps are warnings. */
export function severityOf(entry: LogEntry): Severity {
  let severity: Severity = 'info';
  for (const event of entry.events) {
    if (event.type === 'witness.recorded') return event.severity;
    // What a person must see is as grave as the escalation says.
    if (event.type === 'escalation.raised' && event.severity === 'high') return 'high';
    if (isWarning(event)) severity = 'warn';
  }
  return severity;
}

/** The operation as people ask for it: of a record, the one that was recorded. */
export function operationOf(entry: LogEntry): string {
  const [event] = entry.events;
  return event?.type === 'witness.recorded' ? `${event.component}.${event.operation}` : entry.op;
}

/** 53 bits: two FNV-1a hashes with different primes (Fowler, Noll, Vo), 32 bits of one and 21 of the other. */
export function termOf(word: string): number {
  let one = 0x811c9dc5;
  let two = 0xcbf29ce4;
  for (let i = 0; i < word.length; i += 1) {
    const unit = word.charCodeAt(i);
    one = Math.imul(one ^ unit, 0x01000193);
    two = Math.imul(two ^ unit, 0x85ebca6b);
  }
  two ^= two >>> 13;
  return (two >>> 11) * 0x1_0000_0000 + (one >>> 0);
}

function isWarning(event: DomainEvent): boolean {
  switch (event.type) {
    case 'write.refused':
    case 'claim.refused':
    case 'policy.denied':
    case 'budget.alerted':
    case 'escalation.raised':
    case 'lease.expired':
    case 'task.failed':
    case 'task.parked':
    case 'task.rejected':
    case 'module.refused':
    case 'run.refused':
    case 'run.violated':
    case 'slo.violated':
      return true;
    default:
      return false;
  }
}

function addEvent(words: Set<string>, event: DomainEvent): void {
  addMembers(words, membersOf(event));
  if (event.type === 'write.refused' || event.type === 'claim.refused')
    words.add(`c:${event.code}`);
  if (event.type === 'policy.denied') words.add('c:policy.denied');
  if (event.type === 'run.refused') words.add(`c:${event.code}`);
}

/** Ids stand under the same names in every call and event. */
function addMembers(
  words: Set<string>,
  members: Readonly<Record<string, unknown>> | undefined,
): void {
  if (members === undefined || words.size >= WORDS_MAX) return;
  const { taskId, sessionId, planId, task } = members;
  if (typeof taskId === 'string') addTask(words, taskId);
  if (typeof task === 'string') addTask(words, task);
  if (typeof sessionId === 'string') words.add(`s:${sessionId}`);
  if (typeof planId === 'string') words.add(`l:${planId}`);
}

function addTask(words: Set<string>, taskId: string): void {
  words.add(`k:${taskId}`);
  const slash = taskId.indexOf('/');
  if (slash > 0) words.add(`l:${taskId.slice(0, slash)}`);
}
