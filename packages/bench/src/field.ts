/** A fabric in this process with work to claim: what the claim suite of every journal runs over. */
import {
  createMemoryRealm,
  openDataFolder,
  openFabric,
  openFileJournal,
  openFolderFabric,
  openMemoryFabric,
} from '@infrafabric/fabric';
import type { LeadingFabric, Outcome, Submission } from '@infrafabric/fabric';
import { RealmId, SESSION_LEASES_MAX, SessionId, TaskId } from '@infrafabric/protocol';

import { setTimeout as pause } from 'node:timers/promises';

import { check } from './probe.ts';

export const BENCH_REALM = RealmId.parse('bench');
export const OPERATOR = { cred: 'operator', name: 'operator', role: 'operator' } as const;

const SETTLE_MS_MAX = 60_000;
const SETTLE_POLL_MS = 20;

/** Longer than a run: a lease that ends in a later round would be an entry that nobody asked for. */
export const TASK_LEASE_MS = 3_600_000;

/** Tasks of one submission: well below what one call may bring. */
const PLAN_TASKS = 10_000;

/** `file`: the embedded default, its witness beside it. `bare`: the same without the witness. `os`: bare, not synced. */
export type Kind = 'file' | 'bare' | 'os' | 'memory';

/** Opens a fabric over the folder, or one without a disk. */
export async function openField(kind: Kind, folder: string): Promise<Field> {
  switch (kind) {
    case 'memory':
      return new Field(await openMemoryFabric(createMemoryRealm()));
    case 'file': {
      const { fabric } = await openFolderFabric({ folder, realm: BENCH_REALM, version: '0.1.0' });
      return new Field(fabric);
    }
    case 'bare':
      return openBare(folder, 'fsync');
    case 'os':
      return openBare(folder, 'os');
  }
}

async function openBare(folder: string, durability: 'fsync' | 'os'): Promise<Field> {
  const { origin, genesisLeaf, secrets, blobs } = openDataFolder(folder, { realm: BENCH_REALM });
  const journal = await openFileJournal({ folder, genesisLeaf, durability });
  const realm = BENCH_REALM;
  const version = '0.1.0';
  return new Field(
    await openFabric({ realm, version, origin, genesisLeaf, secrets, blobs, journal }),
  );
}

/** Tasks that nobody holds and sessions with room for them. */
export interface Work {
  readonly taskIds: readonly TaskId[];
  readonly sessionIds: readonly SessionId[];
}

export class Field {
  readonly fabric: LeadingFabric;
  #plans = 0;

  constructor(fabric: LeadingFabric) {
    this.fabric = fabric;
  }

  get size(): number {
    return this.fabric.figures().size;
  }

  /** A plan of `tasks` ready tasks, and sessions that can hold `claims` leases. */
  async prepare(tasks: number, claims = tasks): Promise<Work> {
    const taskIds: TaskId[] = [];
    for (let left = tasks; left > 0; left -= PLAN_TASKS) {
      this.#plans += 1;
      const id = `field-${this.#plans}`;
      const keys = Array.from({ length: Math.min(left, PLAN_TASKS) }, (_, i) => `t${i}`);
      const specs = keys.map((key) => ({
        key,
        title: 'a task of the field',
        leaseMs: TASK_LEASE_MS,
      }));
      await this.call('plans.submit', { plan: { id, tasks: specs } });
      for (const key of keys) taskIds.push(TaskId.parse(`${id}/${key}`));
    }
    return { taskIds, sessionIds: await this.sessions(claims) };
  }

  /** Sessions that can hold `claims` leases. */
  sessions(claims: number): Promise<readonly SessionId[]> {
    const length = Math.ceil(claims / SESSION_LEASES_MAX);
    return Promise.all(Array.from({ length }, () => this.open()));
  }

  /** Waits until the witness has taken in what was written, so that it costs no later measurement. */
  async settle(): Promise<void> {
    if (this.fabric.figures().followers.length === 0) return;
    for (const endsAt = performance.now() + SETTLE_MS_MAX; ;) {
      const { indexedTo } = Object(
        await this.call('witness.query', { operation: 'realm.open', limit: 1 }),
      );
      if (indexedTo >= this.size) return;
      check(performance.now() < endsAt, `the witness stays at ${indexedTo} of ${this.size}`);
      await pause(SETTLE_POLL_MS);
    }
  }

  async open(): Promise<SessionId> {
    const opened = await this.call('sessions.open', {
      agent: 'bench',
      leasesMax: SESSION_LEASES_MAX,
    });
    return SessionId.parse(Reflect.get(Object(opened), 'sessionId'));
  }

  /** Calls as the operator. Throws where the fabric refuses. */
  async call(op: string, input: unknown): Promise<unknown> {
    const reply = await this.fabric.call(op, input, { principal: OPERATOR });
    check(reply.kind === 'ok', `${op}: ${JSON.stringify(reply)}`);
    return reply.output;
  }

  /** Submits a claim as an embedder does: no promise, no parsing. */
  claim(taskId: TaskId, sessionId: SessionId, on: (outcome: Outcome) => void): void {
    const call: Submission = {
      op: 'tasks.claim',
      args: { taskId, sessionId },
      cred: 'session',
      principal: 'bench',
      session: sessionId,
    };
    this.fabric.leader.submit(call, on);
  }
}

export interface Loop {
  readonly perS: number;
  /** Processor time of this thread for each, µs: what a busy machine disturbs least. The caller's loop is in it. */
  readonly threadUs: number;
  /** Ms of each, in the order of their ends. */
  readonly ms: Float64Array;
}

/** Runs `count` operations with `inFlight` under way: each one's end starts the next. */
export function closedLoop(
  count: number,
  inFlight: number,
  start: (i: number, end: () => void) => void,
): Promise<Loop> {
  const ms = new Float64Array(count);
  let started = 0;
  let ended = 0;
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const usedBefore = process.threadCpuUsage();
    const next = (): void => {
      const i = started;
      started += 1;
      const at = performance.now();
      const end = (): void => {
        ms[ended] = performance.now() - at;
        ended += 1;
        if (started < count) next();
        else if (ended === count) {
          const { user, system } = process.threadCpuUsage(usedBefore);
          const perS = count / ((performance.now() - startedAt) / 1_000);
          resolve({ perS, threadUs: (user + system) / count, ms });
        }
      };
      try {
        start(i, end);
      } catch (cause) {
        // Whoever calls back may swallow it, and then nothing would ever end.
        reject(cause instanceof Error ? cause : new Error(String(cause)));
      }
    };
    for (let i = 0; i < Math.min(inFlight, count); i += 1) next();
  });
}
