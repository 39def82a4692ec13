/** One run of one plan: submits it, keeps sessions at work on it, ends when nothing is left to do or somebody says so. */
import type { PlanSpec, TaskSpec } from '@infrafabric/protocol';
import type { Client, Lease, Session } from '@infrafabric/sdk';
import { startAgent } from './agent-loop.ts';
import type { AgentLoop, AttemptEnd } from './agent-loop.ts';
import { performAttempt } from './attempt.ts';
import type { AttemptOutcome, AttemptParts } from './attempt.ts';
import { Board } from './board.ts';
import { suitedLeases } from './leases.ts';
import type { LeaseSource } from './leases.ts';
import { Supervisor } from './supervisor.ts';
import type { PlanView, Settled } from './supervisor.ts';
import { isOfSwarm, swarmsOfRun } from './swarms-of-run.ts';
import type { SwarmOfRun } from './swarms-of-run.ts';
import type { Phase } from './verdicts.ts';
import type { MakeView, RunView } from './view/view.ts';

export interface RunOptions {
  readonly client: Client;
  readonly plan: PlanSpec;
  /** The fabric has it already, perhaps with edits since. */
  readonly isSubmitted: boolean;
  readonly sessions: number;
  /** Swarm of all its sessions; absent: those that tasks with modules name. */
  readonly swarm?: string | undefined;
  /** Name of this runner: its agents are `<name>/1`, `<name>/2`, … */
  readonly name: string;
  readonly parts: AttemptParts;
  readonly view: MakeView;
  readonly approves: (phase: Phase, view: RunView) => Promise<boolean>;
  /** Aborts to finish what runs and take no more. */
  readonly drain: AbortSignal;
}

export interface RunSummary {
  readonly plan: PlanView;
  /** What this run did itself. */
  readonly completed: number;
  readonly failed: number;
  readonly lost: number;
  readonly released: number;
  /** Done before this run began. */
  readonly doneBefore: number;
  /** Keys of tasks that it cannot do and left alone. */
  readonly unsuited: readonly string[];
  readonly left: readonly string[];
  readonly isInterrupted: boolean;
  readonly seconds: number;
}

/** Runs the plan. Rejects with FabricError where the fabric refuses it, UnreachableError where it goes away. */
export async function runPlan(options: RunOptions): Promise<RunSummary> {
  const startedAt = performance.now();
  const { client, plan, drain } = options;
  const run = await openRun(options);
  const doneBefore = run.board.count('done');
  const following = new AbortController();
  const stop = new AbortController();
  const draining = AbortSignal.any([drain, stop.signal]);
  const supervisor = superviseRun(options, run);
  const followed = follow(
    { client, planId: plan.id, after: run.after, signal: following.signal },
    (item) => {
      run.view.event(item, run.board.take(item));
      if (!CHANGES.has(item.type)) return;
      for (const { source } of run.teams) source.poke();
      supervisor.poke();
    },
  );
  const started = startAgents(options, run, draining, () => supervisor.poke());
  const ended = started.then(async () => Promise.all(run.agents.map(({ done }) => done)));
  try {
    // Sessions that all ended before they were told to were ended by somebody; a feed that fails ends the run.
    const idle = ended.then(() => undefined);
    const failed = followed.then(() => never);
    const settled = await Promise.race([supervisor.settled, aborted(drain), idle, failed]);
    supervisor.stop();
    stop.abort();
    await ended;
    const { plan: view, left } = settled ?? (await unsettled(options));
    return {
      plan: view,
      left: [...left, ...[...run.unfit].map(([key, why]) => `${plan.id}/${key}: ${why}`)],
      ...run.counts,
      doneBefore,
      unsuited: aliensOf(run.teams).filter((key) => !run.unfit.has(key)),
      isInterrupted: drain.aborted,
      seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    };
  } finally {
    supervisor.stop();
    stop.abort();
    following.abort();
    await run.judge.close('The run is over.').catch(() => undefined);
    run.view.close();
  }
}

/** Sessions of one swarm share where their leases come from. */
interface Team {
  readonly swarm: SwarmOfRun;
  readonly source: LeaseSource;
  /** Keys of tasks that it cannot do; grows by what is found out. */
  readonly unsuited: Set<string>;
}

/** What one run is made of. */
interface Run {
  readonly agents: AgentLoop[];
  readonly names: Map<string, string>;
  readonly board: Board;
  readonly view: RunView;
  readonly teams: readonly Team[];
  /** Keys of tasks that turned out not to be for this runner, with the reason. */
  readonly unfit: Map<string, string>;
  /** Judges what others hand in, and checks phases. */
  readonly judge: Session;
  /** Cursor of the feed from which the board is folded. */
  readonly after: string;
  readonly counts: Record<AttemptEnd['how'], number>;
}

async function openRun(options: RunOptions): Promise<Run> {
  const { client, plan, parts, name } = options;
  if (!options.isSubmitted) await client.call('plans.submit', { plan });
  const names = new Map<string, string>();
  const board = new Board(plan.title ?? plan.id, (id) => names.get(id) ?? id);
  // The cursor first, then the state: an event between them is folded twice, and none is missed.
  const { size } = await client.call('realm.status', {});
  board.begin(await allTasks(client, plan.id));
  const agents: AgentLoop[] = [];
  const working = (): number => workingOf(agents);
  const swarms = parts.isSimulated ? [options.swarm] : swarmsOfRun(plan, options.swarm);
  const teams = swarms.map((swarm) => teamOf(options, swarm, working));
  const judge = await client.openSession({ agent: `${name}/judge`, role: 'runner', leasesMax: 1 });
  return {
    agents,
    names,
    board,
    view: options.view(board),
    teams,
    unfit: new Map(),
    judge,
    after: String(size - 1),
    counts: { completed: 0, failed: 0, released: 0, lost: 0 },
  };
}

function teamOf(
  { client, plan, parts: { executor, isSimulated } }: RunOptions,
  swarm: SwarmOfRun,
  working: () => number,
): Team {
  const suits = (task: TaskSpec): boolean =>
    executor.takes(task) && (isSimulated || isOfSwarm(task, swarm));
  const unsuited = new Set<string>(
    plan.tasks.filter((task) => task.imported?.done !== true && !suits(task)).map(({ key }) => key),
  );
  return { swarm, unsuited, source: suitedLeases(client, plan.id, { suits, unsuited, working }) };
}

/** Keys of tasks that no team can do. */
const aliensOf = ([first, ...others]: readonly Team[]): readonly string[] =>
  [...(first?.unsuited ?? [])].filter((key) => others.every((one) => one.unsuited.has(key)));

const workingOf = (agents: readonly AgentLoop[]): number =>
  agents.filter((agent) => agent.current() !== undefined).length;

function superviseRun(options: RunOptions, { agents, teams, judge, view }: Run): Supervisor {
  const { client, plan, parts, drain } = options;
  return new Supervisor({
    client,
    session: judge,
    plan,
    parts,
    suits: (key) => teams.some(({ unsuited }) => !unsuited.has(key)),
    working: () => workingOf(agents),
    approves: (phase) => options.approves(phase, view),
    isDraining: () => drain.aborted,
  });
}

/** Events after which something may be ready, to be judged, checked or approved. */
const CHANGES: ReadonlySet<string> = new Set([
  'task.completed',
  'task.accepted',
  'task.rejected',
  'task.submitted',
  'task.failed',
  'task.released',
  'task.parked',
  'task.unparked',
  'task.cancelled',
  'lease.expired',
  'phase.opened',
  'phase.passed',
  'phase.approved',
  'plan.edited',
  'plan.resumed',
  'plan.paused',
  'plan.cancelled',
  'blocker.resolved',
]);

/** Never resolves: beside others in a race it only rejects. */
const never = new Promise<never>(() => undefined);

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });

async function startAgents(
  { client, plan, sessions, name, parts }: RunOptions,
  { agents, names, teams, unfit, counts }: Run,
  drain: AbortSignal,
  onIdle: () => void,
): Promise<void> {
  const perform = async (lease: Lease, session: Session): Promise<AttemptOutcome> => {
    const outcome = await performAttempt(lease, session, parts);
    if (outcome.kind === 'unfit') {
      // Before it goes back: no session of this run must take it again.
      unfit.set(lease.task.key, outcome.reason);
      for (const { unsuited } of teams) unsuited.add(lease.task.key);
    }
    return outcome;
  };
  // A runner takes whatever its executor can do: what tasks need of agents is a matter of agents.
  const capabilities = [...new Set(plan.tasks.flatMap(({ needs = [] }) => needs))];
  // No swarm goes without a session, however few were asked for.
  const length = Math.max(sessions, teams.length);
  const opening = Array.from({ length }, async (_, at) => {
    const team = teams[at % teams.length];
    if (team === undefined) return;
    const agent = await startAgent({
      client,
      agent: `${name}/${at + 1}`,
      capabilities,
      swarm: team.swarm,
      acquire: team.source.acquire,
      perform,
      drain,
      onEnded: ({ how }) => {
        counts[how] += 1;
        onIdle();
      },
    });
    agents.push(agent);
    names.set(agent.session.sessionId, agent.session.agent);
  });
  await Promise.all(opening);
}

interface Following {
  readonly client: Client;
  readonly planId: string;
  readonly after: string;
  readonly signal: AbortSignal;
}

async function follow(
  { client, signal, ...filter }: Following,
  take: (item: Parameters<RunView['event']>[0]) => void,
): Promise<void> {
  try {
    for await (const item of client.subscribe({ ...filter, signal })) take(item);
  } catch (cause) {
    if (!signal.aborted) throw cause;
  }
}

/** Every task with its phase, page by page; a plan has 20,000 at most in one submission. */
async function allTasks(
  client: Client,
  planId: string,
): Promise<readonly { readonly taskId: string; readonly phase: string }[]> {
  const all: { readonly taskId: string; readonly phase: string }[] = [];
  let after: string | undefined;
  do {
    const page = await client.call('tasks.list', { planId, limit: 1_000, after });
    all.push(...page.tasks.map(({ taskId, phase }) => ({ taskId, phase })));
    after = page.next;
  } while (after !== undefined);
  return all;
}

async function unsettled({ client, plan, drain }: RunOptions): Promise<Settled> {
  const why = drain.aborted ? 'interrupted' : 'every session of this run was ended by somebody';
  return { plan: await client.call('plans.show', { planId: plan.id }), left: [why] };
}
