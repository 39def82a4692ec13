/** A leader in a process of its own, with its witness, and agents that reach it over WebSockets. */
import { fileURLToPath } from 'node:url';

import { startScript, type Child } from './child.ts';
import { TASK_LEASE_MS } from './field.ts';
import { cpuMsOf, residentBytesOf } from './proc.ts';
import { openWire, type Wire } from './wire.ts';

const PLAN_TASKS = 10_000;
const LEASES_MAX = 1_000;
const CONNECT_AT_ONCE = 50;

/** A session with a connection of its own. */
export interface Agent {
  readonly wire: Wire;
  readonly sessionId: string;
}

/** The leader, and what an operator does before and between the measurements. */
export class Stage {
  readonly #leader: Child;
  readonly operator: Wire;
  /** `http://…` */
  readonly url: string;
  readonly operatorToken: string;
  readonly #wires = new Set<Wire>();
  readonly #isProfiled: boolean;
  #plans = 0;
  #agents = 0;

  private constructor(leader: Child, operator: Wire, isProfiled: boolean) {
    const [port = '', token = ''] = leader.words;
    this.#isProfiled = isProfiled;
    this.#leader = leader;
    this.operator = operator;
    this.url = `http://127.0.0.1:${port}`;
    this.operatorToken = token;
  }

  /** `profilePath`: where the leader's profile goes, if one is taken. */
  static async open(folder: string, profilePath?: string): Promise<Stage> {
    const script = fileURLToPath(new URL('leader-process.ts', import.meta.url));
    const leader = await startScript(script, [
      folder,
      ...(profilePath === undefined ? [] : [profilePath]),
    ]);
    const [port = '', token = ''] = leader.words;
    return new Stage(leader, await openWire(connectUrl(port), token), profilePath !== undefined);
  }

  /** A session with a connection of its own, under its own credential. */
  async agent(capabilities: readonly string[] = []): Promise<Agent> {
    this.#agents += 1;
    const opened = await this.operator.call('sessions.open', {
      // Nobody helps with a blocker of their own: whoever helps has another name.
      agent: capabilities.length === 0 ? 'bench' : `bench-${this.#agents}`,
      leasesMax: LEASES_MAX,
      capabilities,
    });
    const wire = await openWire(connectUrl(new URL(this.url).port), String(opened['token']));
    this.#wires.add(wire);
    return { wire, sessionId: String(opened['sessionId']) };
  }

  async agents(count: number): Promise<readonly Agent[]> {
    const agents: Agent[] = [];
    while (agents.length < count) {
      const more = Math.min(CONNECT_AT_ONCE, count - agents.length);
      agents.push(...(await Promise.all(Array.from({ length: more }, () => this.agent()))));
    }
    return agents;
  }

  /** Ends their sessions and their connections. */
  async dismiss(agents: readonly Agent[]): Promise<void> {
    for (const { wire, sessionId } of agents) {
      await this.operator.call('sessions.close', { sessionId });
      wire.close();
      this.#wires.delete(wire);
    }
  }

  async tasks(count: number, dependsOn?: (key: number) => string[]): Promise<readonly string[]> {
    const taskIds: string[] = [];
    for (let left = count; left > 0; left -= PLAN_TASKS) {
      this.#plans += 1;
      const id = `stage-${this.#plans}`;
      const tasks = Array.from({ length: Math.min(left, PLAN_TASKS) }, (_, i) => ({
        key: `t${i}`,
        title: 'a task of the stage',
        leaseMs: TASK_LEASE_MS,
        ...(dependsOn === undefined ? {} : { dependsOn: dependsOn(i) }),
      }));
      await this.operator.call('plans.submit', { plan: { id, tasks } });
      for (const { key } of tasks) taskIds.push(`${id}/${key}`);
    }
    return taskIds;
  }

  /** Processor time of the leader so far, ms. */
  cpuMs(): number {
    return cpuMsOf(this.#pid);
  }

  /** Memory of the leader that is in RAM. */
  residentBytes(): number {
    return residentBytesOf(this.#pid);
  }

  /** Runs what is measured; where a profile is taken, of the leader's time meanwhile. */
  async measured<T>(run: () => Promise<T>): Promise<T> {
    if (this.#isProfiled) process.kill(this.#pid, 'SIGUSR2');
    const result = await run();
    if (this.#isProfiled) process.kill(this.#pid, 'SIGUSR2');
    return result;
  }

  get #pid(): number {
    return this.#leader.process.pid ?? 0;
  }

  async close(): Promise<void> {
    for (const wire of [this.operator, ...this.#wires]) wire.close();
    await this.#leader.end();
  }
}

const connectUrl = (port: string): string => `ws://127.0.0.1:${port}/v1/connect`;
