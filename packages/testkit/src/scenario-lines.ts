/** An event as one line of a transcript. */
import type { DomainEvent } from '@infrafabric/core';

/** The subject of an event first, then who, then the rest in order. */
const SUBJECTS = [
  'runId',
  'taskId',
  'planId',
  'blockerId',
  'sessionId',
  'escalationId',
  'swarmId',
  'account',
] as const;

export const eventLine = (event: DomainEvent, at: number): string => {
  const members = new Map<string, unknown>(Object.entries(event));
  const type = event.type;
  members.delete('type');
  const subject = SUBJECTS.find(
    (name) =>
      members.has(name) &&
      (name !== 'taskId' || !(members.has('blockerId') || type === 'budget.alerted')) &&
      (name !== 'sessionId' || type !== 'budget.alerted'),
  );
  const words: string[] = [type];
  if (subject !== undefined) {
    words.push(textOf(members.get(subject)));
    members.delete(subject);
  }
  if (members.has('sessionId')) words.push('by', textOf(members.get('sessionId')));
  members.delete('sessionId');
  if (members.has('fence')) words.push(`token=${textOf(members.get('fence'))}`);
  members.delete('fence');
  if (event.type === 'task.leased') {
    members.delete('leaseMs');
    members.set('expires', at + event.leaseMs);
  }
  members.delete('digest');
  if (event.type === 'run.started') members.delete('contract');
  for (const [name, value] of members) {
    const text = textOf(value);
    if (text !== '') words.push(`${name}=${text.includes(' ') ? `"${text}"` : text}`);
  }
  return words.join(' ');
};

/** Modules of scenarios are one digit over and over: one of it tells them apart. */
const MODULE = /^(sha256:[0-9a-f])[0-9a-f]{63}$/;

const textOf = (value: unknown): string => {
  if (Array.isArray(value)) return value.map(textOf).join(',');
  return typeof value === 'string' ? value.replace(MODULE, '$1…') : JSON.stringify(value);
};
