/**
 * End to end (B4): a leader in a process of its own, its witness beside it, agents on WebSockets. The load comes from
 * this process, so two cores are one for the leader and one for all of its callers.
 */
import { closedLoop } from './field.ts';
import { check, sized, type OpenProbe, type Size, type Values } from './probe.ts';
import { latencies, percentile } from './stats.ts';
import { blockers, contests, fanOut, unlocks } from './remote-push.ts';
import { Stage, type Agent } from './stage.ts';
import type { Answer } from './wire.ts';

interface Counts {
  readonly agents: number;
  readonly alone: number;
  /** Claims by all agents, one at a time each. */
  readonly claims: number;
  /** Messages of a hundred claims. */
  readonly frames: number;
  readonly pushes: number;
  readonly fans: number;
  readonly contests: number;
}

const COUNTS: { readonly [S in Size]: Counts } = {
  smoke: { agents: 20, alone: 30, claims: 200, frames: 10, pushes: 10, fans: 3, contests: 3 },
  short: {
    agents: 1_000,
    alone: 1_000,
    claims: 20_000,
    frames: 200,
    pushes: 300,
    fans: 10,
    contests: 20,
  },
  full: {
    agents: 1_000,
    alone: 1_000,
    claims: 40_000,
    frames: 400,
    pushes: 1_000,
    fans: 20,
    contests: 100,
  },
};

/** Claims of one message, and grants of one `tasks.next`. */
export const FRAME = 100;
/** Messages of a hundred that are under way, and of one session: it has room for twice as many, as turns are not even. */
const FRAMES_IN_FLIGHT = 10;
const FRAMES_A_SESSION = 5;
const CROWD = 100;

export const remote: OpenProbe = async ({ size, folder }) => {
  const counts = sized(size, COUNTS);
  const stage = await Stage.open(folder);
  const agents = await stage.agents(counts.agents);
  const [first, second] = agents;
  check(first !== undefined && second !== undefined, 'no agents');
  return {
    round: async () => ({
      ...(await claims(stage, [first], { name: 'remote.alone', count: counts.alone })),
      ...(await claims(stage, agents, { name: 'remote.agents', count: counts.claims })),
      ...(await frames(stage, counts.frames)),
      ...(await nexts(stage, counts.frames)),
      ...(await blockers(stage, [first, second], counts.pushes)),
      ...(await unlocks(stage, [first, second], counts.pushes)),
      ...(await fanOut(stage, agents, counts.fans)),
      ...(await contests(stage, agents.slice(0, CROWD), counts.contests)),
    }),
    close: () => stage.close(),
  };
};

const token = (answer: Answer): string => String(answer.ok?.['fencingToken']);

/** Each agent has one claim under way; every claim wins. Afterwards the sessions are emptied, unmeasured. */
export async function claims(
  stage: Stage,
  agents: readonly Agent[],
  { name, count }: { readonly name: string; readonly count: number },
): Promise<Values> {
  const taskIds = await stage.tasks(count);
  const free = [...agents];
  const held: { readonly agent: Agent; readonly taskId: string; readonly token: string }[] = [];
  let refused = 0;
  const claimNext = (i: number, end: () => void): void => {
    const agent = free.pop();
    check(agent !== undefined, 'no agent is free');
    const taskId = taskIds[i] ?? '';
    agent.wire.send('tasks.claim', { sessionId: agent.sessionId, taskId }, (answer) => {
      free.push(agent);
      if (answer.ok === undefined) refused += 1;
      else held.push({ agent, taskId, token: token(answer) });
      end();
    });
  };
  const loop = await stage.measured(() => closedLoop(count, agents.length, claimNext));
  check(refused === 0, `${refused} claims of ${count} were refused`);
  await closedLoop(held.length, Math.min(64, held.length), (i, end) => {
    const one = held[i];
    check(one !== undefined, 'nothing held');
    one.agent.wire.send('tasks.complete', { taskId: one.taskId, fencingToken: one.token }, end);
  });
  return { [`${name}.perS`]: loop.perS, ...latencies(name, loop.ms) };
}

/** Messages of a hundred claims: each claim is an entry of its own. */
export async function frames(stage: Stage, count: number): Promise<Values> {
  const taskIds = await stage.tasks(count * FRAME);
  const { perS, p50Ms } = await framed(stage, count, (i, { wire, sessionId }, on) => {
    const some = taskIds.slice(i * FRAME, (i + 1) * FRAME);
    let answers = 0;
    let won = 0;
    wire.sendAll(
      'tasks.claim',
      some.map((taskId) => ({ sessionId, taskId })),
      ({ ok }) => {
        answers += 1;
        if (ok !== undefined) won += 1;
        if (answers === FRAME) on(won);
      },
    );
  });
  return { 'remote.frames100.perS': perS, 'remote.frames100.p50Ms': p50Ms };
}

/** `tasks.next` for a hundred tasks: one entry with a hundred grants. */
export async function nexts(stage: Stage, count: number): Promise<Values> {
  const taskIds = await stage.tasks(count * FRAME);
  const { perS, p50Ms } = await framed(stage, count, (i, { wire, sessionId }, on) => {
    const [planId] = (taskIds[i * FRAME] ?? '').split('/');
    wire.send('tasks.next', { sessionId, planId, count: FRAME }, ({ ok }) => {
      const grants = ok?.['grants'];
      on(Array.isArray(grants) ? grants.length : 0);
    });
  });
  return { 'remote.next100.perS': perS, 'remote.next100.p50Ms': p50Ms };
}

type SendFrame = (i: number, agent: Agent, on: (won: number) => void) => void;

/** Runs `count` exchanges of a hundred claims each; every claim wins. Answers claims per second. */
async function framed(
  stage: Stage,
  count: number,
  send: SendFrame,
): Promise<{ readonly perS: number; readonly p50Ms: number }> {
  const spread = Math.max(FRAMES_IN_FLIGHT, Math.ceil(count / FRAMES_A_SESSION));
  const agents = await stage.agents(spread);
  const free = [...agents];
  let won = 0;
  const sendNext = (i: number, end: () => void): void => {
    const agent = free.shift();
    check(agent !== undefined, 'no agent is free');
    send(i, agent, (more) => {
      won += more;
      free.push(agent);
      end();
    });
  };
  const loop = await stage.measured(() => closedLoop(count, FRAMES_IN_FLIGHT, sendNext));
  await stage.dismiss(agents);
  check(won === count * FRAME, `${won} claims of ${count * FRAME}`);
  return { perS: loop.perS * FRAME, p50Ms: percentile(loop.ms, 0.5) };
}
