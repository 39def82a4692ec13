/** Many agents at one leader (B5): memory of each, one event to all of them, a push to one while others claim. */
import { check, sized } from './probe.ts';
import { blockers, fanOut } from './remote-push.ts';
import type { MeasureOnce } from './scenarios.ts';
import { Stage, type Agent } from './stage.ts';

const AGENTS = { smoke: 50, short: 500, full: 10_000 };
const EVENTS = { smoke: 3, short: 10, full: 20 };
const PUSHES = { smoke: 10, short: 300, full: 1_000 };
const CLAIMS_PER_S = 2_000;
const TICK_MS = 5;
/** Tasks that go round; more than can be under way at a time. */
const WORK_MIN = 1_000;

export const connections: MeasureOnce = async ({ size, folder }) => {
  const stage = await Stage.open(folder);
  const count = sized(size, AGENTS);
  // The first half brings the heap's nursery (48 MB), caches and the witness to their working size, which is no agent's.
  const warm = await stage.agents(Math.ceil(count / 2));
  const before = stage.residentBytes();
  const startedAt = performance.now();
  const rest = await stage.agents(count - warm.length);
  const connectS = (performance.now() - startedAt) / 1_000;
  const agentBytes = (stage.residentBytes() - before) / rest.length;
  const agents = [...warm, ...rest];
  const fan = await fanOut(stage, agents, sized(size, EVENTS));
  const [first, second, ...others] = agents;
  check(first !== undefined && second !== undefined, 'no agents');
  const load = new SteadyClaims(stage, others);
  await load.start();
  const push = await blockers(stage, [first, second], sized(size, PUSHES));
  const claims = load.stop();
  await stage.close();
  return {
    'connections.agents': count,
    'connections.openPerS': rest.length / connectS,
    'connections.agentBytes': agentBytes,
    'connections.eventToAllMs': fan['remote.fanOut.p50Ms'] ?? Number.NaN,
    'connections.pushP50Ms': push['remote.blocker.p50Ms'] ?? Number.NaN,
    'connections.pushP99Ms': push['remote.blocker.p99Ms'] ?? Number.NaN,
    'connections.claimsMeanwhile': claims,
  };
};

/** Claims and completions at a steady rate, whatever the answers take. */
class SteadyClaims {
  readonly #stage: Stage;
  readonly #agents: readonly Agent[];
  #timer: NodeJS.Timeout | undefined;
  #claims = 0;

  constructor(stage: Stage, agents: readonly Agent[]) {
    this.#stage = stage;
    this.#agents = agents;
  }

  async start(): Promise<void> {
    const taskIds = await this.#stage.tasks(Math.max(WORK_MIN, this.#agents.length));
    const perTick = (CLAIMS_PER_S * TICK_MS) / 1_000;
    this.#timer = setInterval(() => {
      for (let i = 0; i < perTick; i += 1)
        this.#claim(taskIds[this.#claims % taskIds.length] ?? '');
    }, TICK_MS);
  }

  stop(): number {
    clearInterval(this.#timer);
    return this.#claims;
  }

  /** Taken and given back, so that the work never runs out. */
  #claim(taskId: string): void {
    const agent = this.#agents[this.#claims % this.#agents.length];
    this.#claims += 1;
    if (agent === undefined) return;
    const { wire, sessionId } = agent;
    wire.send('tasks.claim', { sessionId, taskId }, ({ ok }) => {
      const fencingToken = ok?.['fencingToken'];
      if (fencingToken !== undefined) wire.send('tasks.release', { taskId, fencingToken }, ignore);
    });
  }
}

const ignore = (): void => undefined;
