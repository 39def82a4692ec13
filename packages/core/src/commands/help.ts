/**
 * Gang up on a blocker: in the entry that raises it, who can help and waits is leased a task for its side of what is
 * needed. Greedy cover of all needs (Chvátal 1979): the helper that brings the most of what is still missing, times its
 * reputation, over its price; ties by relation, then id.
 */
import type { RelationKind } from '@infrafabric/protocol';
import {
  blockerDue,
  cell,
  havesOf,
  helpEvents,
  helpIds,
  helpSpec,
  holdersOf,
  idOf,
  isSession,
  openSession,
  phaseName,
  planOf,
  raiseBlocker,
  specOf,
  urgencyOf,
} from '../coordinator/index.ts';
import type { Raised, SessionState, Share } from '../coordinator/index.ts';
import {
  draftOf,
  isKnownCapability,
  meritOf,
  swarmOfSession,
  unknownCapability,
} from '../governor/index.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { accept, must } from '../kernel/decision.ts';
import type { Decision } from '../kernel/decision.ts';
import type { DomainEvent } from '../kernel/events.ts';
import type { GateTask } from '../kernel/gate.ts';
import { counted } from '../kernel/words.ts';
import { gateFor, limitOfTask } from './gate.ts';
import { escalate } from './scene.ts';
import type { Scene } from './scene.ts';

type RaiseScene = Scene<ArgsOf<'blockers.raise'>>;

export const raise = (scene: RaiseScene): Decision => {
  const { world, command } = scene;
  const { coordinator, governor } = world;
  const { resource } = governor.policy;
  const raised = raiseBlocker(coordinator, command, resource.escalateAfterMs);
  if (raised.kind !== 'raised') return raised;
  const needs = command.args.needs ?? [];
  const at = needs.findIndex((need) => !isKnown(scene, need));
  const unknown = needs[at];
  if (unknown !== undefined) return unknownCapability(unknown, `needs[${at}]`);
  const { shares, uncovered, reserved } = coverNeeds(scene, raised);
  const priority = urgencyOf(raised.event.blocks);
  const leaseMs = cell(coordinator.tasks.leaseMs, raised.task);
  const blocker = { blockerId: raised.event.blockerId, priority, leaseMs };
  return accept(
    raised.event,
    ...helpEvents(blocker, shares),
    ...reserved,
    ...(uncovered.length === 0 ? [] : [escalated(scene, raised, uncovered)]),
  );
};

/** Built in, defined, or had by a session that is open: a need that nobody can have is a slip of the pen. */
const isKnown = ({ world }: Scene, need: string): boolean =>
  isKnownCapability(world.governor, need) || holdersOf(world.coordinator.capabilities, need) > 0;

const escalated = (scene: Scene, { event }: Raised, uncovered: readonly string[]): DomainEvent =>
  escalate(scene, {
    kind: 'blocker',
    severity: 'high',
    subject: event.blockerId,
    summary: `${event.taskId} is blocked (${event.title}) and there is no help for ${uncovered.join(', ')}. Resolve it: ifab blocker resolve ${event.blockerId} --resolution TEXT`,
  });

interface Cover {
  /** Sides of the blocker: leased to who waits, or left open for who comes. */
  readonly shares: readonly Share[];
  /** Needs that nobody has, or that there is no more room for. */
  readonly uncovered: readonly string[];
  readonly reserved: readonly DomainEvent[];
  /** Sessions that were chosen and cannot be paid, or are not allowed. */
  readonly refused: readonly string[];
}

interface Candidate {
  readonly session: SessionState;
  readonly capabilities: ReadonlySet<string>;
  readonly merit: number;
  readonly relation: RelationKind | undefined;
}

/**
 * The cover without those whom money or the policy refuses: what they would have done the next best may do. Each round
 * is one of them fewer, and how many there are the engine has limited.
 */
const coverNeeds = (scene: RaiseScene, raised: Raised): Cover => {
  const refused = new Set<string>();
  for (;;) {
    // Nothing of a cover that is given up is set aside.
    const draft = draftOf(scene.world.governor);
    const cover = coverWithout({ ...scene, draft }, raised, refused);
    if (cover.refused.length === 0) return cover;
    for (const id of cover.refused) refused.add(id);
  }
};

const coverWithout = (scene: RaiseScene, raised: Raised, refused: ReadonlySet<string>): Cover => {
  const beside = helpBeside(scene, raised.task);
  const { maxSwarmsPerTask } = scene.world.governor.policy.resource;
  const helpersMax = Math.max(0, maxSwarmsPerTask - beside.length);
  // Of a plan that is paused nothing is leased: its help waits with the rest.
  const isPaused = planOf(scene.world.coordinator, raised.task).status === 'paused';
  const candidates = isPaused ? new Set<Candidate>() : candidatesOf(scene, raised, refused);
  const missing = new Set<string>(raised.event.needs);
  const chosen: { readonly candidate: Candidate; readonly needs: readonly string[] }[] = [];
  while (missing.size > 0 && chosen.length < helpersMax) {
    const best = bestOf(candidates, missing);
    if (best === undefined) break;
    candidates.delete(best);
    for (const other of candidates) if (isSameSide(other, best)) candidates.delete(other);
    const needs = [...missing].filter((need) => best.capabilities.has(need));
    chosen.push({ candidate: best, needs });
    for (const need of needs) missing.delete(need);
  }
  const later = [...missing].filter((need) => hasOther(scene, raised, need));
  const room = helpersMax - chosen.length;
  const groups = room === 0 ? [] : grouped(later, room);
  const limitMicroUsd = shareOf(scene, raised, { helpers: chosen.length + groups.length, beside });
  const freeId = helpIds(scene.world.coordinator, raised.task, raised.event.blockerId);
  const leases = chosen.map(({ candidate, needs }) =>
    leaseShare(scene, raised, { candidate, needs, limitMicroUsd, taskId: freeId() }),
  );
  const open = groups.map((needs) => ({ needs, limitMicroUsd, taskId: freeId() }));
  return {
    shares: [...leases.map(({ share }) => share), ...open],
    uncovered: [...missing].filter((need) => !groups.flat().includes(need)),
    reserved: leases.flatMap(({ events }) => events),
    refused: leases.flatMap((lease) => lease.refused),
  };
};

/** Who waits and may help: of the sessions that the engine names those that are open, have room, and are another's. */
const candidatesOf = (
  scene: RaiseScene,
  { session: raiser }: Raised,
  refused: ReadonlySet<string>,
): Set<Candidate> => {
  const { coordinator, governor } = scene.world;
  const found = new Set<Candidate>();
  for (const id of scene.command.args.waiting.filter((one) => !refused.has(one))) {
    const session = openSession(coordinator, id);
    if (!isSession(session) || session.role !== 'worker') continue;
    if (session.leases.size >= session.leasesMax || session.agent === raiser.agent) continue;
    const swarm = swarmOfSession(governor, id);
    if (swarm !== undefined && swarm.breaker.state !== 'closed') continue;
    found.add({
      session,
      capabilities: havesOf(coordinator, session),
      // Without a profile nothing is known of price or reputation: it comes after all who have one.
      merit: swarm === undefined ? 0 : meritOf(swarm),
      relation: swarm?.profile.relations?.find((one) => one.with === raiser.swarm)?.kind,
    });
  }
  return found;
};

/** Of one swarm one session helps, and of sessions without a swarm one of an agent. */
const isSameSide = (a: Candidate, b: Candidate): boolean =>
  a.session.swarm === undefined
    ? a.session.agent === b.session.agent
    : a.session.swarm === b.session.swarm;

/** Who helps first among equals (五倫): who waits on the blocked one, friends, who is served by it, all others. */
const RELATION_ORDER: readonly (RelationKind | undefined)[] = [
  'minister-of',
  'friend-of',
  'younger-of',
  'elder-of',
  'child-of',
  'parent-of',
  undefined,
  'governor-of',
];

const gainOf = ({ capabilities }: Candidate, missing: ReadonlySet<string>): number => {
  let gain = 0;
  for (const need of missing) if (capabilities.has(need)) gain += 1;
  return gain;
};

const bestOf = (
  candidates: ReadonlySet<Candidate>,
  missing: ReadonlySet<string>,
): Candidate | undefined => {
  let best: Candidate | undefined;
  for (const one of candidates) {
    if (gainOf(one, missing) === 0) continue;
    if (best === undefined || compare(one, best, missing) < 0) best = one;
  }
  return best;
};

/** Below nought where `a` is chosen before `b`. */
const compare = (a: Candidate, b: Candidate, missing: ReadonlySet<string>): number => {
  const byScore = gainOf(b, missing) * b.merit - gainOf(a, missing) * a.merit;
  if (byScore !== 0) return byScore;
  const byGain = gainOf(b, missing) - gainOf(a, missing);
  if (byGain !== 0) return byGain;
  const byRelation = RELATION_ORDER.indexOf(a.relation) - RELATION_ORDER.indexOf(b.relation);
  if (byRelation !== 0) return byRelation;
  return nameOf(a) < nameOf(b) ? -1 : 1;
};

const nameOf = ({ session }: Candidate): string => `${session.swarm ?? ''} ${session.id}`;

/**
 * Whether somebody may come for it: an open session of another agent, whose swarm is not stopped. A walk over the
 * sessions, and only for what somebody has and nobody who waits.
 */
const hasOther = ({ world }: Scene, { session: raiser }: Raised, need: string): boolean => {
  const { coordinator, governor } = world;
  return (
    holdersOf(coordinator.capabilities, need) > 0 &&
    coordinator.slots.some(
      (session) =>
        session !== undefined &&
        session.closed === undefined &&
        session.agent !== raiser.agent &&
        swarmOfSession(governor, session.id)?.breaker.state !== 'open' &&
        havesOf(coordinator, session).has(need),
    )
  );
};

/** At most `room` groups of needs: one each, and the last takes what is left. */
const grouped = (needs: readonly string[], room: number): readonly (readonly string[])[] =>
  needs.length <= room
    ? needs.map((need) => [need])
    : [...needs.slice(0, room - 1).map((need) => [need]), needs.slice(room - 1)];

/** Unfinished help of the other open blockers of a task. */
const helpBeside = ({ world: { coordinator } }: Scene, task: number): readonly number[] =>
  [...(coordinator.notes.get(task)?.blockers ?? [])].flatMap((blockerId) =>
    must(coordinator.blockers.get(blockerId), 'a note of no blocker').help.flatMap(
      ({ task: help }) =>
        ['done', 'cancelled'].includes(phaseName(coordinator.tasks, help)) ? [] : [help],
    ),
  );

/** G3: all helpers together, those of the task's other blockers too, may spend no more than the blocked task may. */
const shareOf = (
  scene: Scene,
  { task, event }: Raised,
  { helpers, beside }: { readonly helpers: number; readonly beside: readonly number[] },
): number => {
  const limitOf = (taskId: string, at: number): number =>
    limitOfTask(scene, taskId, specOf(scene.world.coordinator, at));
  const given = beside.reduce((sum, at) => sum + limitOf(idOf(scene.world.coordinator, at), at), 0);
  const left = Math.max(0, limitOf(event.taskId, task) - given);
  return Math.floor(left / Math.max(1, helpers));
};

interface Lease {
  readonly share: Share;
  readonly events: readonly DomainEvent[];
  readonly refused: readonly string[];
}

/** A side that is leased to whoever was chosen for it, unless they cannot be paid or are not allowed. */
const leaseShare = (
  scene: Scene,
  { task, event }: Raised,
  { candidate, ...side }: Share & { readonly candidate: Candidate },
): Lease => {
  const { session, relation } = candidate;
  const gate = gateFor(scene, session);
  const offered: GateTask = {
    taskId: side.taskId,
    planId: planOf(scene.world.coordinator, task).id,
    spec: helpSpec(scene.world.coordinator, { ...event, task }, side),
    fence: 1,
    attempt: 1,
    priority: urgencyOf(event.blocks),
    isHelp: true,
    matchPermille: 1_000,
  };
  if ((gate.closed ?? gate.refuse(offered)) !== undefined)
    return { share: side, events: [], refused: [session.id] };
  gate.take(offered);
  return {
    share: { ...side, session, ...(relation === undefined ? {} : { relation }) },
    events: gate.reserved,
    refused: [],
  };
};

/** The realm tells a person of a blocker that nobody resolved in time. */
export const escalateBlocker = (scene: Scene<ArgsOf<'blockers.escalate'>>): Decision => {
  const { world, command } = scene;
  const blocker = blockerDue(world.coordinator, command);
  if (!('raisedBy' in blocker)) return blocker;
  const { id, title, needs, help } = blocker;
  const taskId = idOf(world.coordinator, blocker.task);
  const wanted = needs.length === 0 ? '' : `; it needs ${needs.join(', ')}`;
  const tried = help.length === 0 ? '' : `; ${counted(help.length, 'help task')} did not lift it`;
  return accept(
    { blockerId: id, type: 'blocker.escalated' },
    escalate(scene, {
      kind: 'blocker',
      severity: 'high',
      subject: id,
      summary: `${taskId} has been blocked for too long (${title})${wanted}${tried}. Resolve it: ifab blocker resolve ${id} --resolution TEXT`,
    }),
  );
};
