/**
 * The slice as sections for snapshots and the state hash. What follows from the rest (the id table, the ready
 * queues, the path index, the interned sets' cover) is left out and built again, so two worlds with equal sections
 * decide alike whatever way they were reached.
 */
import type { TaskSpec } from '@infrafabric/protocol';
import { canonicalText } from '../kernel/canonical.ts';
import { assert } from '../kernel/decision.ts';
import type { Section } from '../kernel/decision.ts';
import { countHolders, internHaves, internNeeds } from './capabilities.ts';
import {
  addEdge,
  cell,
  NONE,
  PHASE,
  reserveEdges,
  reserveTasks,
  STORED_COLUMNS,
} from './columns.ts';
import { addOwner } from './paths.ts';
import { bump, createCoordinator, havesOf, planOf, enqueue, specOf } from './state.ts';
import type {
  BlockerState,
  CoordinatorState,
  PlanState,
  SessionState,
  TaskNotes,
} from './state.ts';
import { addToIndex } from './task-index.ts';

const ROOM = 'coordinator';
/** Specifications of one section: keeps each text far below the longest string that V8 makes. */
const SPECS_PER_SECTION = 20_000;

interface Rest {
  readonly plans: readonly Omit<PlanState, 'queues' | 'posted' | 'index' | 'counts'>[];
  readonly sessions: readonly (Omit<SessionState, 'leases' | 'capabilities'> & {
    readonly leases: readonly number[];
    readonly capabilities: readonly string[];
  })[];
  readonly freeSlots: readonly number[];
  readonly slots: number;
  readonly closed: readonly string[];
  readonly blockers: readonly BlockerState[];
  readonly resolved: readonly string[];
  readonly notes: readonly (readonly [number, StoredNotes])[];
  readonly minMatchPermille: number;
  readonly needs: readonly (readonly string[])[];
  readonly haves: readonly (readonly string[])[];
}

type StoredNotes = Omit<TaskNotes, 'blockers' | 'lifts'> & {
  readonly blockers?: readonly string[];
  readonly lifts?: readonly string[];
};

const bytesOf = (
  column: Uint8Array | Int32Array | Uint32Array | Float64Array,
  count: number,
): Uint8Array =>
  new Uint8Array(column.buffer, column.byteOffset, count * column.BYTES_PER_ELEMENT).slice();

const storedNotes = ({ blockers, lifts, ...notes }: TaskNotes): StoredNotes => ({
  ...notes,
  ...(blockers === undefined || blockers.size === 0 ? {} : { blockers: [...blockers] }),
  ...(lifts === undefined || lifts.size === 0 ? {} : { lifts: [...lifts] }),
});

const restOf = (state: CoordinatorState): Rest => ({
  plans: state.plans.map(
    ({ queues: _queues, posted: _posted, index: _index, counts: _counts, ...plan }) => plan,
  ),
  sessions: [...state.sessions.values()].map((session) => ({
    ...session,
    leases: [...session.leases],
    capabilities: [...havesOf(state, session)],
  })),
  freeSlots: state.freeSlots,
  slots: state.slots.length,
  closed: state.closed,
  blockers: [...state.blockers.values()],
  resolved: state.resolved,
  notes: [...state.notes].map(([task, notes]) => [task, storedNotes(notes)]),
  minMatchPermille: state.capabilities.minMatchPermille,
  needs: state.capabilities.needs.map(({ names }) => names),
  haves: state.capabilities.haves.map(({ names }) => [...names]),
});

export const coordinatorSections = (state: CoordinatorState): Section[] => {
  const { tasks, edges } = state;
  const sections: Section[] = STORED_COLUMNS.map((name) => ({
    name: `${ROOM}/tasks.${name}`,
    content: bytesOf(tasks[name], tasks.count),
  }));
  sections.push({ name: `${ROOM}/edges.task`, content: bytesOf(edges.task, edges.count) });
  sections.push({ name: `${ROOM}/edges.on`, content: bytesOf(edges.on, edges.count) });
  for (let from = 0, part = 0; from < tasks.count; from += SPECS_PER_SECTION, part += 1) {
    const specs = tasks.specs.slice(from, from + SPECS_PER_SECTION);
    sections.push({ name: `${ROOM}/specs.${part}`, content: canonicalText(specs) });
  }
  sections.push({ name: `${ROOM}/rest`, content: canonicalText(restOf(state)) });
  return sections;
};

const textOf = (section: Section | undefined): string => {
  const content = section?.content;
  assert(typeof content === 'string', 'a snapshot lacks a text section');
  return content;
};

const columnOf = (sections: ReadonlyMap<string, Section>, name: string): Uint8Array => {
  const content = sections.get(`${ROOM}/${name}`)?.content;
  assert(content instanceof Uint8Array, `a snapshot lacks the section ${name}`);
  return content;
};

/** Builds the slice from its sections. The sections were written by `coordinatorSections` and checked by their hash. */
export const restoreCoordinator = (sections: ReadonlyMap<string, Section>): CoordinatorState => {
  const state = createCoordinator();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const rest = JSON.parse(textOf(sections.get(`${ROOM}/rest`))) as Rest;
  state.capabilities.minMatchPermille = rest.minMatchPermille;
  for (const needs of rest.needs) internNeeds(state.capabilities, needs);
  for (const have of rest.haves) internHaves(state.capabilities, have);
  restoreTasks(state, sections, specsOf(sections));
  restorePlans(state, rest);
  restoreEdges(state, sections);
  restoreSessions(state, rest);
  restoreRest(state, rest);
  return state;
};

const specsOf = (sections: ReadonlyMap<string, Section>): readonly TaskSpec[] => {
  const specs: TaskSpec[] = [];
  for (let part = 0; sections.has(`${ROOM}/specs.${part}`); part += 1) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    for (const spec of JSON.parse(textOf(sections.get(`${ROOM}/specs.${part}`))) as TaskSpec[])
      specs.push(spec);
  }
  return specs;
};

const restoreTasks = (
  state: CoordinatorState,
  sections: ReadonlyMap<string, Section>,
  specs: readonly TaskSpec[],
): void => {
  const { tasks } = state;
  reserveTasks(tasks, specs.length);
  tasks.count = specs.length;
  for (const spec of specs) tasks.specs.push(spec);
  for (const name of STORED_COLUMNS) {
    const column = tasks[name];
    new Uint8Array(column.buffer, column.byteOffset).set(columnOf(sections, `tasks.${name}`));
  }
  tasks.queueSlot.fill(NONE, 0, tasks.count);
  tasks.firstDependant.fill(NONE, 0, tasks.count);
  tasks.firstDependency.fill(NONE, 0, tasks.count);
};

const restorePlans = (state: CoordinatorState, rest: Rest): void => {
  const { tasks } = state;
  for (const [index, plan] of rest.plans.entries()) {
    state.plans.push({
      ...plan,
      index,
      counts: [0, 0, 0, 0, 0, 0, 0, 0],
      queues: new Map(),
      posted: new Map(),
    });
    state.planIndex.set(plan.id, index);
  }
  for (let task = 0; task < tasks.count; task += 1) {
    const plan = planOf(state, task);
    const { key, repo = '', owns = [] } = specOf(state, task);
    tasks.ids.push(`${plan.id}/${key}`);
    addToIndex(state.index, tasks.ids, task);
    if (owns.length > 0) addOwner(state.paths, repo, { task, owns });
    const phase = cell(tasks.phase, task);
    bump(plan.counts, phase, 1);
    bump(state.counts, phase, 1);
    if (phase === PHASE.ready) enqueue(state, plan, task);
  }
};

const restoreEdges = (state: CoordinatorState, sections: ReadonlyMap<string, Section>): void => {
  const task = columnOf(sections, 'edges.task');
  const on = columnOf(sections, 'edges.on');
  // Copied, since the bytes of a snapshot need not lie where integers may.
  const tasksOf = new Int32Array(task.slice().buffer);
  const onOf = new Int32Array(on.slice().buffer);
  reserveEdges(state.edges, tasksOf.length);
  for (const [edge, from] of tasksOf.entries()) {
    if (from === NONE) {
      state.edges.task[edge] = NONE;
      state.edges.on[edge] = NONE;
      state.edges.count += 1;
    } else addEdge(state.tasks, state.edges, { task: from, on: cell(onOf, edge) });
  }
};

const restoreSessions = (state: CoordinatorState, rest: Rest): void => {
  for (let slot = 0; slot < rest.slots; slot += 1) state.slots.push(undefined);
  for (const stored of rest.sessions) {
    const session: SessionState = {
      ...stored,
      leases: new Set(stored.leases),
      capabilities: internHaves(state.capabilities, stored.capabilities),
    };
    state.sessions.set(session.id, session);
    state.slots[session.slot] = session;
    if (session.closed !== undefined) continue;
    state.openSessions += 1;
    countHolders(state.capabilities, session.capabilities, 1);
  }
  for (const slot of rest.freeSlots) state.freeSlots.push(slot);
  for (const id of rest.closed) state.closed.push(id);
};

const restoreRest = (state: CoordinatorState, rest: Rest): void => {
  for (const blocker of rest.blockers) {
    state.blockers.set(blocker.id, blocker);
    if (blocker.resolution === undefined) state.openBlockers += 1;
  }
  for (const id of rest.resolved) state.resolved.push(id);
  for (const [task, { blockers, lifts, ...notes }] of rest.notes) {
    state.notes.set(task, {
      ...notes,
      ...(blockers === undefined ? {} : { blockers: new Set(blockers) }),
      ...(lifts === undefined ? {} : { lifts: new Set(lifts) }),
    });
  }
};
