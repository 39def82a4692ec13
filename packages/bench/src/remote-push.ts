/** What the fabric tells of its own accord: blockers, unlocked work, events for all; and who wins a contest. */
import { closedLoop } from './field.ts';
import { check, type Values } from './probe.ts';
import type { Agent, Stage } from './stage.ts';
import { latencies, percentile } from './stats.ts';

type Pair = readonly [Agent, Agent];

/** One session raises a blocker, another one that follows the feed hears of it: durable before it is told (P5). */
export async function blockers(stage: Stage, [raiser]: Pair, count: number): Promise<Values> {
  const taskIds = await stage.tasks(count);
  const observer = await stage.agent();
  let heard = (): void => undefined;
  observer.wire.stream('feed', { types: ['blocker.raised'] }, ({ item }) => {
    if (item !== undefined) heard();
  });
  // An answered call after the subscription: the feed is open by then.
  await reached(observer);
  const ms = new Float64Array(count);
  for (const [i, taskId] of taskIds.entries()) {
    const { fencingToken } = await raiser.wire.call('tasks.claim', {
      sessionId: raiser.sessionId,
      taskId,
    });
    const input = { taskId, fencingToken, kind: 'question', title: 'which way?', release: true };
    const told = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const at = performance.now();
    const raised = raiser.wire.call('blockers.raise', input);
    await told;
    ms[i] = performance.now() - at;
    await raised;
  }
  await stage.dismiss([observer]);
  return latencies('remote.blocker', ms);
}

/** A completion makes the next task ready, and a session that waits for work is given it (P5). */
export async function unlocks(stage: Stage, [worker]: Pair, count: number): Promise<Values> {
  // A chain: only the first is ready, and each completion frees the next.
  const taskIds = await stage.tasks(count + 1, (i) => (i === 0 ? [] : [`t${i - 1}`]));
  const [planId = ''] = (taskIds[0] ?? '').split('/');
  const waiter = await stage.agent();
  const { sessionId } = worker;
  let held = await worker.wire.call('tasks.claim', { sessionId, taskId: taskIds[0] });
  let granted: (grant: Readonly<Record<string, unknown>>) => void = () => undefined;
  waiter.wire.stream('wait', { sessionId: waiter.sessionId, planId }, ({ grants }) => {
    for (const grant of grants ?? []) granted(grant);
  });
  await reached(waiter);
  const ms = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    const pushed = new Promise<Readonly<Record<string, unknown>>>((resolve) => {
      granted = resolve;
    });
    const at = performance.now();
    const { taskId, fencingToken } = held;
    // The one who holds it completes it: at first the worker, then whoever was given the next one.
    const by = i === 0 ? worker : waiter;
    const completed = by.wire.call('tasks.complete', { taskId, fencingToken });
    const grant = await pushed;
    ms[i] = performance.now() - at;
    await completed;
    check(grant['taskId'] === taskIds[i + 1], 'another task than the next one was pushed');
    held = grant;
  }
  await stage.dismiss([waiter]);
  return latencies('remote.unlock', ms);
}

/** One event to every agent: from the call that causes it to the last one who hears of it. */
export async function fanOut(
  stage: Stage,
  agents: readonly Agent[],
  rounds: number,
): Promise<Values> {
  let left = 0;
  let all = (): void => undefined;
  const streams = agents.map(({ wire }) =>
    wire.stream('feed', { types: ['plan.paused', 'plan.resumed'] }, ({ item }) => {
      if (item === undefined) return;
      left -= 1;
      if (left === 0) all();
    }),
  );
  await Promise.all(agents.map(reached));
  const [taskId = ''] = await stage.tasks(1);
  const [planId = ''] = taskId.split('/');
  const ms = new Float64Array(rounds);
  for (let i = 0; i < rounds; i += 1) {
    left = agents.length;
    const told = new Promise<void>((resolve) => {
      all = resolve;
    });
    const at = performance.now();
    const caused = stage.operator.call(i % 2 === 0 ? 'plans.pause' : 'plans.resume', { planId });
    await told;
    ms[i] = performance.now() - at;
    await caused;
  }
  for (const end of streams) end();
  return { 'remote.fanOut.agents': agents.length, 'remote.fanOut.p50Ms': percentile(ms, 0.5) };
}

/** A hundred agents ask for one task at once; each on a connection of its own (P6, remote). */
export async function contests(
  stage: Stage,
  crowd: readonly Agent[],
  rounds: number,
): Promise<Values> {
  const taskIds = await stage.tasks(rounds);
  const lastMs = new Float64Array(rounds);
  let winners = 0;
  for (const [round, taskId] of taskIds.entries()) {
    let won: { readonly agent: Agent; readonly fencingToken: unknown } | undefined;
    const { ms } = await closedLoop(crowd.length, crowd.length, (i, end) => {
      const agent = crowd[i];
      check(agent !== undefined, 'nobody asks');
      agent.wire.send('tasks.claim', { sessionId: agent.sessionId, taskId }, ({ ok }) => {
        if (ok !== undefined) {
          winners += 1;
          won = { agent, fencingToken: ok['fencingToken'] };
        }
        end();
      });
    });
    lastMs[round] = percentile(ms, 1);
    check(won !== undefined, 'nobody won');
    await won.agent.wire.call('tasks.complete', { taskId, fencingToken: won.fencingToken });
  }
  check(winners === rounds, `${winners} winners in ${rounds} contests`);
  return {
    'remote.contest.lastP50Ms': percentile(lastMs, 0.5),
    'remote.contest.lastP99Ms': percentile(lastMs, 0.99),
  };
}

/** An answer to a call that was sent behind a subscription: what came before it has been taken in. */
const reached = ({ wire, sessionId }: Agent): Promise<unknown> =>
  wire.call('sessions.heartbeat', { sessionId });
