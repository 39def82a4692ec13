/** One run of one plan: submits it, keeps sessions at work on it, ends when nothing is left to do or somebody says so. */
import type { PlanSpec } from '@infrafabric/protocol';
import type { Client, Session } from '@infrafabric/sdk';
import { startAgent } from './agent-loop.ts';
import type { AgentLoop, AttemptEnd } from './agent-loop.ts';
import { performAttempt } from './attempt.ts';
import type { AttemptParts } from './attempt.ts';
import { Board } from './board.ts';
import { suitedLeases } from './leases.ts';
import type { LeaseSource } from './leases.ts';
import { Supervisor } from './supervisor.ts';
import type { PlanView, Settled } from './supervisor.ts';
import type { Phase } from './verdicts.ts';
import type { MakeView, RunView } from './view/view.ts';

export interface RunOptions {
  readonly client: Client;
  readonly plan: PlanSpec;
  /** The fabric has it already, perhaps with edits since. */
  readonly isSubmitted: boolean;
  readonly sessions: number;
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
      run.source.poke();
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
    return {
      ...(settled ?? (await unsettled(options))),
      ...run.counts,
      doneBefore,
      unsuited: [...run.alien],
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

/** What one run is made of. */
interface Run {
  readonly agents: AgentLoop[];
  readonly names: Map<string, string>;
  readonly board: Board;
  readonly view: RunView;
  readonly source: LeaseSource;
  /** Keys of tasks that the executor cannot do. */
  readonly alien: ReadonlySet<string>;
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
  const { takes } = parts.executor;
  const alien = new Set<string>(
    plan.tasks.filter((task) => task.imported?.done !== true && !takes(task)).map(({ key }) => key),
  );
  const agents: AgentLoop[] = [];
  const working = (): number => workingOf(agents);
  const source = suitedLeases(client, plan.id, { suits: takes, unsuited: alien, working });
  const judge = await client.openSession({ agent: `${name}/judge`, role: 'runner', leasesMax: 1 });
  return {
    agents,
    names,
    board,
    view: options.view(board),
    source,
    alien,
    judge,
    after: String(size - 1),
    counts: { completed: 0, failed: 0, released: 0, lost: 0 },
  };
}

const workingOf = (agents: readonly AgentLoop[]): number =>
  agents.filter((agent) => agent.current() !== undefined).length;

function superviseRun(options: RunOptions, { agents, alien, judge, view }: Run): Supervisor {
  const { client, plan, parts, drain } = options;
  return new Supervisor({
    client,
    session: judge,
    plan,
    parts,
    suits: (key) => !alien.has(key),
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
  { agents, names, source, counts }: Run,
  drain: AbortSignal,
  onIdle: () => void,
): Promise<void> {
  // A runner takes whatever its executor can do: what tasks need of agents is a matter of agents.
  const capabilities = [...new Set(plan.tasks.flatMap(({ needs = [] }) => needs))];
  const opening = Array.from({ length: sessions }, async (_, at) => {
    const agent = await startAgent({
      client,
      agent: `${name}/${at + 1}`,
      capabilities,
      acquire: source.acquire,
      perform: (lease, session) => performAttempt(lease, session, parts),
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
