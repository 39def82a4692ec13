/**
 * Whether what concurrent callers saw is one order (B12). Each operation is recorded with its call and its return.
 *
 * O1  Each task's history is linear by itself: Wing & Gong 1993, with Lowe's memory of visited configurations (2017).
 * O2  The journal is a witness of that order: every acknowledged entry is in it, between its call and its return.
 * O3  The checker is not blind: the same histories with a planted second grant are refused.
 */
import type { Outcome } from '@infrafabric/fabric';
import type { SessionId, TaskId } from '@infrafabric/protocol';

import { openField, type Field } from './field.ts';
import { check, sized } from './probe.ts';
import type { MeasureOnce } from './scenarios.ts';
import { mulberry32 } from './stats.ts';

const HISTORIES = { smoke: 20, short: 300, full: 2_000 };
const CALLERS = 6;
/** Of one caller: a history has at most ten of each. */
const STEPS = 10;
const SEED = 12;

/** One operation on one task, as its caller saw it. */
export interface Seen {
  readonly session: number;
  readonly kind: 'claim' | 'release';
  /** Given with a release; given back by a claim that won. */
  readonly fence: number;
  readonly won: boolean;
  /** Order of calls and returns among all callers. */
  readonly calledAt: number;
  readonly returnedAt: number;
}

export const order: MeasureOnce = async ({ size, folder }) => {
  const field = await openField('bare', folder);
  const sessions = await Promise.all(Array.from({ length: CALLERS }, () => field.open()));
  const { taskIds } = await field.prepare(sized(size, HISTORIES), 0);
  const random = mulberry32(SEED);
  let operations = 0;
  let planted = 0;
  const startedAt = performance.now();
  for (const taskId of taskIds) {
    const history = await record(field, { taskId, sessions, random });
    operations += history.length;
    check(isLinear(history), `the history of ${taskId} has no order: ${JSON.stringify(history)}`);
    const forged = withSecondGrant(history);
    if (forged === undefined) continue;
    planted += 1;
    check(!isLinear(forged), 'the checker accepts two holders');
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  await field.fabric.close();
  check(planted > 0, 'nothing was planted');
  return {
    'order.histories': taskIds.length,
    'order.operations': operations,
    'order.planted': planted,
    'order.operationsPerS': operations / seconds,
  };
};

interface Contest {
  readonly taskId: TaskId;
  readonly sessions: readonly SessionId[];
  readonly random: () => number;
}

/** Callers that claim and release one task, each its next step when the last one was answered. */
async function record(field: Field, contest: Contest): Promise<readonly Seen[]> {
  const { sessions } = contest;
  const seen: Seen[] = [];
  const clock = { now: 0 };
  await Promise.all(
    sessions.map(async (sessionId, session) => {
      let held = 0;
      for (let step = 0; step < STEPS; step += 1) {
        const calledAt = ++clock.now;
        const sizeBefore = field.size;
        const kind = held > 0 ? 'release' : 'claim';
        const outcome = await ask(field, { ...contest, sessionId, held });
        const won = outcome.kind === 'committed';
        const fence = kind === 'release' ? held : fenceOf(outcome);
        seen.push({ session, kind, fence, won, calledAt, returnedAt: ++clock.now });
        held = kind === 'claim' && won ? fence : 0;
        if (!won) continue;
        check(outcome.index >= sizeBefore && outcome.index < field.size, 'O2: out of its time');
      }
    }),
  );
  return seen;
}

function ask(
  field: Field,
  {
    taskId,
    sessionId,
    held,
    random,
  }: Contest & { readonly sessionId: SessionId; readonly held: number },
): Promise<Outcome> {
  return new Promise((resolve) => {
    const submit = (): void => {
      const by = { cred: 'session', principal: 'bench', session: sessionId } as const;
      const fence = { epoch: 1, holder: sessionId, n: held };
      if (held === 0) {
        field.fabric.leader.submit(
          { op: 'tasks.claim', args: { taskId, sessionId }, ...by },
          resolve,
        );
      } else {
        field.fabric.leader.submit(
          { op: 'tasks.release', args: { taskId, fence }, ...by },
          resolve,
        );
      }
    };
    // Some at once, some behind others: all of them at one moment would be one batch.
    if (random() < 0.5) submit();
    else setImmediate(submit);
  });
}

const fenceOf = (outcome: Outcome): number => {
  const event = outcome.kind === 'committed' ? outcome.events[0] : undefined;
  return event?.type === 'task.leased' ? event.fence : 0;
};

/** The same history with one refused claim turned into a grant of the fence that its rival got. */
function withSecondGrant(history: readonly Seen[]): readonly Seen[] | undefined {
  const rival = history.find(({ kind, won }) => kind === 'claim' && won);
  const loser = history.findIndex(({ kind, won }) => kind === 'claim' && !won);
  if (rival === undefined || loser === -1) return undefined;
  return history.map((one, i) => (i === loser ? { ...one, won: true, fence: rival.fence } : one));
}

/** Whether some order of the operations, each between its call and its return, gives every answer that was seen. */
export function isLinear(history: readonly Seen[]): boolean {
  const left = history.toSorted((a, b) => a.calledAt - b.calledAt);
  const visited = new Set<string>();
  return orders(left, { holder: -1, fence: 0 }, visited);
}

interface Register {
  readonly holder: number;
  readonly fence: number;
}

/** Tries each operation that may come first: one that was called before any other returned. */
function orders(left: readonly Seen[], state: Register, visited: Set<string>): boolean {
  if (left.length === 0) return true;
  const name = `${state.holder} ${state.fence} ${left.map(({ calledAt }) => calledAt).join(' ')}`;
  if (visited.has(name)) return false;
  visited.add(name);
  const firstReturn = Math.min(...left.map(({ returnedAt }) => returnedAt));
  for (const [i, one] of left.entries()) {
    if (one.calledAt > firstReturn) break;
    const next = after(state, one);
    if (next === undefined) continue;
    if (orders([...left.slice(0, i), ...left.slice(i + 1)], next, visited)) return true;
  }
  return false;
}

/** The register after an operation, or undefined where it could not have been answered so. */
function after(state: Register, { session, kind, fence, won }: Seen): Register | undefined {
  if (kind === 'claim') {
    if (!won) return state.holder === -1 ? undefined : state;
    const isFree = state.holder === -1 && fence === state.fence + 1;
    return isFree ? { holder: session, fence } : undefined;
  }
  if (!won) return undefined;
  return state.holder === session && state.fence === fence ? { ...state, holder: -1 } : undefined;
}
