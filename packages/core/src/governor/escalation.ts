/** Escalations: what a person must see. Each is raised once, and stands until somebody says that they have seen it. */
import { reject } from '@infrafabric/protocol';
import { accept, must, UNCHANGED } from '../kernel/decision.ts';
import type { Command, Decision, Entry } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import type { EscalationAcknowledged, EscalationRaised } from './events.ts';
import { ESCALATIONS_KEPT_MAX } from './state.ts';
import type { GovernorState } from './state.ts';

/** Characters of a summary; what people wrote is cut to fit. */
const SUMMARY_CHARS_MAX = 500;

/** The id of the n-th escalation of the entry at an index: it names the place in the log where it was raised. */
export const escalationIdOf = (index: number, n: number): string =>
  n === 0 ? `esc_${index}` : `esc_${index}.${n}`;

export const raised = (
  escalationId: string,
  what: Pick<EscalationRaised, 'kind' | 'severity' | 'subject' | 'summary'>,
): EscalationRaised => ({
  escalationId,
  kind: what.kind,
  severity: what.severity,
  subject: what.subject,
  summary: what.summary.slice(0, SUMMARY_CHARS_MAX),
  type: 'escalation.raised',
});

export const decideAcknowledge = (
  state: GovernorState,
  command: Command<ArgsOf<'escalations.acknowledge'>>,
): Decision => {
  const { escalationId, note } = command.args;
  const known = state.escalations.get(escalationId);
  if (known === undefined) {
    return reject('escalation.not_found', `There is no escalation ${escalationId}.`, {
      escalationId,
    });
  }
  if (known.acknowledged !== undefined) return UNCHANGED;
  return accept({
    by: command.principal,
    escalationId,
    ...(note === undefined ? {} : { note }),
    type: 'escalation.acknowledged',
  });
};

/** What a person was told of a subject that is settled now, whoever settled it: nobody has to see it any more. */
export const acknowledgedBy = (
  state: GovernorState,
  subject: string,
  { by, note }: { readonly by: string; readonly note: string },
): EscalationAcknowledged[] =>
  [...(state.openOf.get(subject) ?? [])].map((escalationId) => ({
    by,
    escalationId,
    note,
    type: 'escalation.acknowledged',
  }));

export const foldRaised = (state: GovernorState, event: EscalationRaised, entry: Entry): void => {
  const { escalationId, kind, severity, subject, summary } = event;
  state.escalations.set(escalationId, {
    id: escalationId,
    kind,
    severity,
    subject,
    summary,
    raisedAt: entry.at,
    index: entry.index,
  });
  openUp(state, subject, escalationId);
};

/** Enters an escalation that nobody has seen among those of its subject. */
export const openUp = (state: GovernorState, subject: string, escalationId: string): void => {
  state.openEscalations += 1;
  const open = state.openOf.get(subject);
  if (open === undefined) state.openOf.set(subject, new Set([escalationId]));
  else open.add(escalationId);
};

export const foldAcknowledged = (state: GovernorState, event: EscalationAcknowledged): void => {
  const known = must(state.escalations.get(event.escalationId), 'an event of no escalation');
  known.acknowledged = {
    by: event.by,
    ...(event.note === undefined ? {} : { note: event.note }),
  };
  state.openEscalations -= 1;
  const open = must(state.openOf.get(known.subject), 'an open escalation of no subject');
  open.delete(known.id);
  if (open.size === 0) state.openOf.delete(known.subject);
  if (state.escalations.size - state.openEscalations > ESCALATIONS_KEPT_MAX) forgetOldest(state);
};

/** Forgets the oldest that somebody has seen; a walk, once an acknowledgement beyond what is kept. */
const forgetOldest = (state: GovernorState): void => {
  for (const [id, { acknowledged }] of state.escalations) {
    if (acknowledged === undefined) continue;
    state.escalations.delete(id);
    return;
  }
};
