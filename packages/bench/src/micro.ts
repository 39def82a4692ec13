/**
 * What one thread pays for the parts of a claim (B1), µs each: deciding, folding, the entry's text, its leaf, the
 * token's MAC, parsing the call. Beside the SHA-256 of the same round: slower machines are slower at both.
 */
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { createWorld, decide, evolve, type Entry, type World } from '@infrafabric/core';
import { callText, createTokens, entryWriter, type Committed } from '@infrafabric/fabric';
import { findOperation, SessionId, sessionIdFrom, TaskId } from '@infrafabric/protocol';

import { check, sized, type OpenProbe, type Values } from './probe.ts';

const COUNT = { smoke: 2_000, short: 50_000, full: 200_000 };
const LEAF = hash('sha256', 'leaf', 'base64');
const LEASES_MAX = 1_000;
const AT = 1_767_225_600_000;

export const micro: OpenProbe = ({ size }) =>
  Promise.resolve({
    round: () => Promise.resolve(measure(sized(size, COUNT))),
    close: () => Promise.resolve(),
  });

function measure(count: number): Values {
  const { world, sessions } = worldOf(count);
  const entries = decideAll(world, sessions, count);
  return {
    ...entries.values,
    ...texts(entries.committed),
    ...macs(count),
    ...parses(count),
  };
}

/** A plan of `count` tasks and sessions that can hold them all. */
function worldOf(count: number): { readonly world: World; readonly sessions: readonly string[] } {
  const world = createWorld();
  const fold = (op: Entry['op'], args: object, ids: readonly string[] = []): void => {
    const at = AT;
    const decision = decide(world, { op, args, at, ids, cred: 'operator', principal: 'operator' });
    check(decision.kind === 'accept', `${op} was not accepted`);
    const { events } = decision;
    evolve(world, {
      index: world.realm.size,
      at,
      epoch: 1,
      op,
      args,
      principal: 'operator',
      events,
    });
  };
  const tasks = Array.from({ length: count }, (_, i) => ({ key: `t${i}`, title: 'a task' }));
  fold('plans.submit', { plan: { id: 'micro', tasks }, digest: `sha256:${'0'.repeat(64)}` });
  const sessions = Array.from({ length: Math.ceil(count / LEASES_MAX) }, (_, i) => {
    const id = sessionIdFrom(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, i >> 8, i & 0xff));
    fold('sessions.open', { agent: 'bench', leasesMax: LEASES_MAX }, [id]);
    return id;
  });
  return { world, sessions };
}

function decideAll(
  world: World,
  sessions: readonly string[],
  count: number,
): { readonly values: Values; readonly committed: readonly Committed[] } {
  const committed: Committed[] = [];
  const first = world.realm.size;
  let decideMs = 0;
  let foldMs = 0;
  for (let from = 0; from < count; from += 1_000) {
    const some = Math.min(1_000, count - from);
    const session = SessionId.parse(sessions[Math.floor(from / LEASES_MAX)]);
    const entries = Array.from({ length: some }, (_, i) => draftOf(from + i, { first, session }));
    const startedAt = performance.now();
    const decided = entries.map((entry) => decide(world, entry));
    const decidedAt = performance.now();
    for (const [i, entry] of entries.entries()) {
      const decision = decided[i];
      check(decision?.kind === 'accept', 'a claim was refused');
      committed.push({ ...entry, events: decision.events });
    }
    const foldAt = performance.now();
    for (const entry of committed.slice(from)) evolve(world, entry);
    decideMs += decidedAt - startedAt;
    foldMs += performance.now() - foldAt;
  }
  check(committed.length === count, 'claims are missing');
  const us = (ms: number): number => (ms * 1_000) / count;
  return { values: { 'micro.decide.us': us(decideMs), 'micro.fold.us': us(foldMs) }, committed };
}

const draftOf = (
  i: number,
  { first, session }: { readonly first: number; readonly session: SessionId },
): Committed => ({
  kind: 'committed',
  index: first + i,
  at: AT + i,
  epoch: 1,
  op: 'tasks.claim',
  args: { taskId: TaskId.parse(`micro/t${i}`), sessionId: session },
  cred: 'session',
  principal: 'bench',
  session,
  ids: [],
  events: [],
});

function texts(entries: readonly Committed[]): Values {
  const write = entryWriter();
  const bytes = Buffer.allocUnsafe(4_096);
  let size = 0;
  const startedAt = performance.now();
  for (const entry of entries) {
    const { sessionId, taskId } = claimOf(entry);
    const call = callText({ op: 'tasks.claim', args: { sessionId, taskId } });
    const draft = write(entry, LEAF, call);
    check(draft.kind === 'draft', 'an entry is too long');
    size += bytes.write(draft.text);
  }
  const writtenAt = performance.now();
  let digests = 0;
  const one = bytes.subarray(0, Math.round(size / entries.length));
  for (const { index } of entries) {
    one[0] = index;
    digests += hash('sha256', one, 'base64').length;
  }
  const us = (ms: number): number => (ms * 1_000) / entries.length;
  check(digests === entries.length * LEAF.length, 'a digest of another length');
  return {
    'micro.entry.us': us(writtenAt - startedAt),
    'micro.entry.bytes': size / entries.length,
    'micro.leaf.us': us(performance.now() - writtenAt),
  };
}

const claimOf = ({ session, index }: Committed): { sessionId: SessionId; taskId: TaskId } => ({
  sessionId: SessionId.parse(session),
  taskId: TaskId.parse(`micro/t${index}`),
});

function macs(count: number): Values {
  const secrets = { realm: new Uint8Array(32).fill(1), operatorTokenSha256: '0'.repeat(64) };
  const tokens = createTokens('bench', secrets);
  let chars = 0;
  const startedAt = performance.now();
  for (let fence = 1; fence <= count; fence += 1) {
    chars += tokens.fencingToken({ taskId: 'micro/t', epoch: 1, fence, sessionId: 'ses' }).length;
  }
  check(chars > count * 22, 'tokens without a MAC');
  return { 'micro.token.us': ((performance.now() - startedAt) * 1_000) / count };
}

function parses(count: number): Values {
  const claim = findOperation('tasks.claim');
  check(claim !== undefined, 'there is no tasks.claim');
  const sessionId = sessionIdFrom(new Uint8Array(10));
  const text = JSON.stringify({ sessionId, taskId: 'micro/t1' });
  let good = 0;
  const startedAt = performance.now();
  for (let i = 0; i < count; i += 1) {
    if (claim.input.safeParse(JSON.parse(text)).success) good += 1;
  }
  check(good === count, 'a call that does not parse');
  return { 'micro.parse.us': ((performance.now() - startedAt) * 1_000) / count };
}
