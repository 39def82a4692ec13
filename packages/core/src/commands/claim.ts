/** Claims: a task is leased where capability, money, breaker and policy all allow it, and its worst case is set aside. */
import type { Rejection } from '@infrafabric/protocol';
import { decideClaim, decideComplete, decideNext, mayRecordRefusal } from '../coordinator/index.ts';
import type { SessionState } from '../coordinator/index.ts';
import type { ArgsOf } from '../kernel/args.ts';
import type { Decision } from '../kernel/decision.ts';
import { OPEN_GATE } from '../kernel/gate.ts';
import { draftSettle } from '../governor/index.ts';
import type { DomainEvent } from '../kernel/events.ts';
import { gateFor } from './gate.ts';
import type { MoneyGate } from './gate.ts';
import type { Scene } from './scene.ts';

export const claim = (scene: Scene<ArgsOf<'tasks.claim'>>): Decision => {
  const { world, command } = scene;
  const session = world.coordinator.sessions.get(command.args.sessionId);
  if (session === undefined) return decideClaim(world.coordinator, command, OPEN_GATE);
  const gate = gateFor(scene, session);
  return answered(scene, session, gate, decideClaim(world.coordinator, command, gate));
};

export const next = (scene: Scene<ArgsOf<'tasks.next'>>): Decision => {
  const { world, command } = scene;
  const session = world.coordinator.sessions.get(command.args.sessionId);
  if (session === undefined) return decideNext(world.coordinator, command, OPEN_GATE);
  const gate = gateFor(scene, session);
  return answered(scene, session, gate, decideNext(world.coordinator, command, gate));
};

/** A completion, and with `next` the grant after it: what the first lease has left is free again for the second. */
export const complete = (scene: Scene<ArgsOf<'tasks.complete'>>): Decision => {
  const { world, command } = scene;
  const { args } = command;
  const session = world.coordinator.sessions.get(args.fence.holder);
  if (args.next !== true || session === undefined)
    return decideComplete(world.coordinator, command, OPEN_GATE);
  const ending = world.governor.reservations.get(args.taskId);
  if (ending?.fence === args.fence.n) draftSettle(scene.draft, ending);
  const gate = gateFor(scene, session, args.taskId);
  return withReserved(gate, decideComplete(world.coordinator, command, gate));
};

const withReserved = (gate: MoneyGate, decision: Decision): Decision =>
  decision.kind === 'accept' && gate.reserved.length > 0
    ? { kind: 'accept', events: [...decision.events, ...gate.reserved] }
    : decision;

/** Refusals that say something of money, a breaker or the policy are kept in the log. */
const KEPT: ReadonlySet<string> = new Set(['budget.exceeded', 'swarm.suspended', 'policy.denied']);

const answered = (
  { command }: Scene,
  session: SessionState,
  gate: MoneyGate,
  decision: Decision,
): Decision => {
  if (decision.kind !== 'reject' || !KEPT.has(decision.code)) return withReserved(gate, decision);
  return mayRecordRefusal(session, command.at)
    ? { kind: 'refuse', rejection: decision, record: refusalOf(decision, session.id) }
    : decision;
};

const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;

const refusalOf = ({ code, detail, facts }: Rejection, sessionId: string): DomainEvent => {
  const account = text(facts?.['account']);
  const rule = text(facts?.['rule']);
  const taskId = text(facts?.['taskId']);
  return {
    ...(account === undefined ? {} : { account }),
    code,
    detail,
    ...(rule === undefined ? {} : { rule }),
    sessionId,
    ...(taskId === undefined ? {} : { taskId }),
    type: 'claim.refused',
  };
};
