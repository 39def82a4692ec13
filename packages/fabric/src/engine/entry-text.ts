/**
 * The text of an entry (docs/guides/witness.md). Canonical by construction: keys in sorted order, integers only. The calls and
 * events that make up nearly all of a busy log are concatenated from ids that need no escape; all else goes through
 * the canonical writer, and a property test holds the two to the same bytes.
 */
import type { DomainEvent, Fence } from '@infrafabric/core';

import type { Call, Committed } from './call.ts';
import { canonicalText } from './canonical.ts';

/** Line 3: what was asked. */
export function callText(call: Call): string {
  switch (call.op) {
    case 'tasks.claim': {
      const { leaseMs, sessionId, taskId } = call.args;
      return `{"args":{${leaseText(leaseMs)}"sessionId":"${sessionId}","taskId":"${taskId}"},"op":"tasks.claim"}`;
    }
    case 'tasks.next': {
      const { count, leaseMs, planId, sessionId } = call.args;
      const many = count === undefined ? '' : `"count":${count},`;
      const plan = planId === undefined ? '' : `"planId":"${planId}",`;
      return `{"args":{${many}${leaseText(leaseMs)}${plan}"sessionId":"${sessionId}"},"op":"tasks.next"}`;
    }
    case 'tasks.complete': {
      const { evidence, fence, next, taskId } = call.args;
      if (evidence !== undefined) return canonicalText({ args: call.args, op: call.op });
      const more = next === undefined ? '' : `"next":${next},`;
      return `{"args":{"fence":${fenceText(fence)},${more}"taskId":"${taskId}"},"op":"tasks.complete"}`;
    }
    case 'tasks.release': {
      const { fence, reason, taskId } = call.args;
      if (reason !== undefined) return canonicalText({ args: call.args, op: call.op });
      return `{"args":{"fence":${fenceText(fence)},"taskId":"${taskId}"},"op":"tasks.release"}`;
    }
    default:
      return canonicalText({ args: call.args, op: call.op });
  }
}

/** Line 2: how it was authenticated, what it caused. `eventList` is the text of the event list or of its spill. */
export function outcomeText(entry: Committed, eventList: string): string {
  const idem = entry.idem === undefined ? '' : `"idem":"${entry.idem}",`;
  const ids = entry.ids.length === 0 ? '' : `"ids":${JSON.stringify(entry.ids)},`;
  const session = entry.session === undefined ? '' : `,"session":"${entry.session}"`;
  const trace = entry.trace === undefined ? '' : `,"trace":"${entry.trace}"`;
  const principal = JSON.stringify(entry.principal);
  return `{"cred":"${entry.cred}","events":${eventList},${idem}${ids}"principal":${principal}${session}${trace}}`;
}

export function eventListText(events: readonly DomainEvent[]): string {
  const [first] = events;
  if (first !== undefined && events.length === 1) return `[${eventText(first)}]`;
  let text = '';
  for (const event of events) text += text === '' ? eventText(event) : `,${eventText(event)}`;
  return `[${text}]`;
}

export function eventText(event: DomainEvent): string {
  switch (event.type) {
    case 'task.leased':
      return `{"attempt":${event.attempt},"fence":${event.fence},"leaseMs":${event.leaseMs},"sessionId":"${event.sessionId}","taskId":"${event.taskId}","type":"task.leased"}`;
    case 'task.completed': {
      if (event.evidence !== undefined) return canonicalText(event);
      const releases =
        event.releases === undefined ? '' : `"releases":${JSON.stringify(event.releases)},`;
      return `{"fence":${event.fence},${releases}"sessionId":"${event.sessionId}","taskId":"${event.taskId}","type":"task.completed"}`;
    }
    case 'task.released':
      if (event.reason !== undefined) return canonicalText(event);
      return `{"fence":${event.fence},"sessionId":"${event.sessionId}","taskId":"${event.taskId}","type":"task.released"}`;
    default:
      return canonicalText(event);
  }
}

/** `YYYY-MM-DDTHH:MM:SS.mmmZ`. A busy leader stamps a hundred entries in one ms: the last text is kept. */
export function isoTimes(): (ms: number) => string {
  let lastMs = Number.NaN;
  let text = '';
  return (ms) => {
    if (ms !== lastMs) {
      text = new Date(ms).toISOString();
      lastMs = ms;
    }
    return text;
  };
}

const leaseText = (leaseMs: number | undefined): string =>
  leaseMs === undefined ? '' : `"leaseMs":${leaseMs},`;

const fenceText = ({ epoch, holder, n }: Fence): string =>
  `{"epoch":${epoch},"holder":"${holder}","n":${n}}`;
