/** Decisions about blockers: typed obstacles that a holder cannot remove alone. */
import { reject } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import { accept, assert, UNCHANGED } from '../kernel/decision.ts';
import type { Command, Decision, Refused } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { cell, NONE, PHASE } from './columns.ts';
import { resolution } from './consequences.ts';
import { namesOfCycle, withWait } from './deadlock.ts';
import type { BlockerRaised } from './events.ts';
import { findTask, heldBy, isSession, noTask, openSession } from './lease.ts';
import { blockedBehind, declaredBy } from './help.ts';
import { idOf } from './state.ts';
import type { BlockerState, CoordinatorState, SessionState } from './state.ts';

/** A blocker that may be raised, before anybody looks for help with it. */
export interface Raised {
  readonly kind: 'raised';
  readonly event: BlockerRaised;
  readonly task: number;
  readonly session: SessionState;
}

/** `escalateAfterMs` is the policy's, for a blocker that names none. */
export const raiseBlocker = (
  state: CoordinatorState,
  command: Command<ArgsOf<'blockers.raise'>>,
  escalateAfterMs: number,
): Raised | Rejection | Refused => {
  const held = heldBy(state, command);
  if (held.kind !== 'held') return held;
  const { kind, title, needs, waitsOn, release, fence, taskId, quorum } = command.args;
  const [blockerId] = command.ids;
  assert(blockerId !== undefined, 'a blocker is raised without an id');
  const fault =
    faultInCount(state, held.task) ??
    (waitsOn === undefined ? undefined : faultInTarget(state, held.task, waitsOn));
  if (fault !== undefined) return fault;
  const event: BlockerRaised = {
    blockerId,
    blocks: blockedBehind(state, held.task),
    escalateAt: command.at + (command.args.escalateAfterMs ?? escalateAfterMs),
    fence: fence.n,
    kind,
    needs: [...new Set(needs)].toSorted(),
    ...(quorum === undefined ? {} : { quorum }),
    released: release === true,
    sessionId: held.session.id,
    taskId,
    title,
    type: 'blocker.raised',
    ...(waitsOn === undefined ? {} : { waitsOn }),
  };
  return { kind: 'raised', event, task: held.task, session: held.session };
};

/** A blocker that a person must be told of, or why not. */
export const blockerDue = (
  state: CoordinatorState,
  { args, at }: Command<ArgsOf<'blockers.escalate'>>,
): BlockerState | Rejection => {
  const blocker = openBlocker(state, args.blockerId);
  if (!isBlocker(blocker)) return blocker;
  return at < blocker.escalateAt || blocker.escalated
    ? reject('blocker.resolved', `Blocker ${args.blockerId} is not due.`, args)
    : blocker;
};

/** Open blockers of one task: a holder that raises them in a loop may not fill the leader's memory. */
export const BLOCKERS_OPEN_MAX = 100;

const faultInCount = (state: CoordinatorState, task: number): Rejection | undefined => {
  const open = state.notes.get(task)?.blockers?.size ?? 0;
  if (open < BLOCKERS_OPEN_MAX) return undefined;
  const detail = `${idOf(state, task)} has ${open} open blockers, as many as it may. Resolve one first.`;
  return reject('request.invalid', detail, { taskId: idOf(state, task), open });
};

const faultInTarget = (
  state: CoordinatorState,
  task: number,
  waitsOn: string,
): Rejection | undefined => {
  const target = findTask(state, waitsOn);
  if (target === NONE) return noTask(waitsOn);
  if (target === task)
    return reject('request.invalid', 'A task cannot wait on itself.', { taskId: waitsOn });
  const phase = cell(state.tasks.phase, target);
  if (phase === PHASE.done || phase === PHASE.cancelled) {
    return reject('request.invalid', `${waitsOn} is finished; nothing waits on it.`, {
      taskId: waitsOn,
    });
  }
  return circle(state, task, target);
};

/** A blocker that waits on what waits, however far, for the blocked task would never lift. */
const circle = (state: CoordinatorState, task: number, target: number): Rejection | undefined => {
  const names = namesOfCycle(state, withWait(task, target));
  return names === undefined
    ? undefined
    : reject('request.invalid', `The tasks would wait for each other: ${names.join(' → ')}.`, {
        cycle: names,
      });
};

const openBlocker = (state: CoordinatorState, blockerId: string): BlockerState | Rejection => {
  const blocker = state.blockers.get(blockerId);
  if (blocker === undefined)
    return reject('blocker.not_found', `There is no blocker ${blockerId}.`, { blockerId });
  if (blocker.resolution !== undefined) {
    return reject('blocker.resolved', `Blocker ${blockerId} is resolved: ${blocker.resolution}.`, {
      blockerId,
    });
  }
  return blocker;
};

const isBlocker = (value: BlockerState | Rejection): value is BlockerState => 'raisedBy' in value;

export const decideJoinBlocker = (
  state: CoordinatorState,
  command: Command<ArgsOf<'blockers.join'>>,
): Decision => {
  const { blockerId, sessionId, note } = command.args;
  const blocker = openBlocker(state, blockerId);
  if (!isBlocker(blocker)) return blocker;
  const session = openSession(state, sessionId);
  if (!isSession(session)) return session;
  if (blocker.helpers.includes(sessionId)) return UNCHANGED;
  return accept({
    blockerId,
    ...(note === undefined ? {} : { note }),
    sessionId,
    type: 'blocker.joined',
  });
};

/** Who raised it or an operator decides; helpers declare, and their quorum lifts it. */
export const decideResolveBlocker = (
  state: CoordinatorState,
  command: Command<ArgsOf<'blockers.resolve'>>,
): Decision => {
  const { blockerId, sessionId, resolution: how } = command.args;
  const blocker = openBlocker(state, blockerId);
  if (!isBlocker(blocker)) return blocker;
  const by = sessionId ?? command.session;
  const ending = { by: by ?? command.principal, resolution: how };
  const isOver = (): Decision => accept(...resolution(state, blockerId, ending, NONE));
  if (by === undefined) return isOver();
  const session = openSession(state, by);
  if (!isSession(session)) return session;
  if (blocker.raisedBy === by) return isOver();
  if (!blocker.helpers.includes(by)) {
    return reject(
      'auth.forbidden',
      `Session ${by} neither raised blocker ${blockerId} nor helps with it.`,
      { blockerId },
    );
  }
  const declared = declaredBy(state, blocker, by, undefined);
  if (declared === undefined) return UNCHANGED;
  return declared.isLifted
    ? accept(declared.event, ...resolution(state, blockerId, ending, NONE))
    : accept(declared.event);
};
