/**
 * One agent of the race, a process of its own. Environment: RACE_TOKEN (the operator's), arguments: url, name, seed. It
 * opens a session, then claims and completes until its input ends: half of the time it fights for a named task, half
 * of the time it waits for the next one. Every acknowledged claim and completion is printed before it goes on.
 */
import { writeSync } from 'node:fs';
import { call, sleep } from './caller.ts';

const [at = '', name = 'agent', seedText = '1'] = process.argv.slice(2);
const url = new URL(at);
const token = process.env['RACE_TOKEN'] ?? '';
const STDOUT = 1;
/** Longer than any outage of the leader here. */
const LEASE_MS = 20_000;
const WAIT_MS = 4_000;
/** Named tasks tried in a row; more only burns the two cores that a hundred processes share. */
const FIGHTS_MAX = 2;

const say = (line: object): void => {
  writeSync(STDOUT, `${JSON.stringify(line)}\n`);
};

let state = Number(seedText) >>> 0 || 1;
/** Xorshift: the race is between processes; each one's choices come from its seed. */
const random = (): number => {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
};
let keys = 0;
const newKey = (): string => `race-${name}-${seedText}-${(keys += 1)}`;

interface Grant {
  readonly taskId: string;
  readonly fencingToken: string;
  readonly fence: number;
}

const grantFrom = (body: Readonly<Record<string, unknown>>): Grant => ({
  taskId: String(body['taskId']),
  fencingToken: String(body['fencingToken']),
  fence: Number(body['fence']),
});

const opened = await call(
  url,
  'sessions.open',
  { agent: name, leasesMax: 4 },
  { token, key: newKey() },
);
const sessionId = String(opened.body['sessionId']);
const own = String(opened.body['token']);
say({ kind: 'opened', sessionId });

const input = new AbortController();
process.stdin.once('end', () => input.abort()).resume();
const over = input.signal;

/** Where to fight: the lowest task that this agent has not seen taken. */
let hot = 0;
const refusals = new Map<string, number>();

/** Claims a task that others want too, until one is won or there is none to fight for yet. */
const fight = async (): Promise<Grant | undefined> => {
  for (let tries = 0; tries < FIGHTS_MAX && !over.aborted; tries += 1) {
    const claim = { sessionId, taskId: `race/t-${hot}`, leaseMs: LEASE_MS };
    const { status, body } = await call(url, 'tasks.claim', claim, { token: own, key: newKey() });
    if (status === 200) return grantFrom(body);
    const code = String(body['code']);
    if (code === 'task.not_found') return undefined;
    refusals.set(code, (refusals.get(code) ?? 0) + 1);
    hot += 1 + Math.floor(random() * 8);
  }
  return undefined;
};

const next = async (): Promise<Grant | undefined> => {
  const wait = { sessionId, leaseMs: LEASE_MS, waitMs: WAIT_MS };
  const { status, body } = await call(url, 'tasks.next', wait, { token: own, key: newKey() });
  const [first]: readonly object[] = Array.isArray(body['grants']) ? body['grants'] : [];
  return status === 200 && first !== undefined ? grantFrom({ ...first }) : undefined;
};

while (!over.aborted) {
  const grant = (random() < 0.5 ? await fight() : undefined) ?? (await next());
  if (grant === undefined) continue;
  say({ kind: 'claimed', sessionId, taskId: grant.taskId, fence: grant.fence });
  if (random() < 0.2) await sleep(random() * 200);
  const held = { taskId: grant.taskId, fencingToken: grant.fencingToken };
  const done = await call(url, 'tasks.complete', held, { token: own, key: newKey() });
  if (done.status === 200)
    say({ kind: 'completed', sessionId, taskId: grant.taskId, fence: grant.fence });
  else say({ kind: 'refused', sessionId, taskId: grant.taskId, code: done.body['code'] });
}
say({ kind: 'over', sessionId, refusals: Object.fromEntries(refusals) });
process.exit(0);
