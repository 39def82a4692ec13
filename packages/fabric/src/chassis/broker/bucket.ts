/**
 * How often a swarm's sessions may call.
 *
 * R1  In any second, wherever it begins, a swarm makes no more calls than its rate, however many sessions it opens and
 *     closes. Where contracts of one swarm differ, its rate is the highest of those that are open.
 * R2  A session gets the rate of its contract divided by the sessions that are open; none can take what is another's.
 * R3  Time that the clock takes back is time that did not pass: it grants nothing, and what was to come comes later.
 * R4  A session that was not opened gets nothing.
 *
 * A token bucket that holds `rate` tokens, each of which comes back a second after it was taken. The usual bucket, which
 * drips, lets twice its rate through in the second after a rest; this one never does.
 */
import type { Tenant } from '../words.ts';

/** How long a token is gone, ms: the rate is per second. */
const TOKEN_MS = 1_000;

export interface Bucket {
  /** Ms until a token is there, of `tokens` in all; 0 where one is there now. */
  waitMs(at: number, tokens: number): number;
  take(at: number): void;
  /** Whether every token is back. */
  isFull(at: number): boolean;
}

export const createBucket = (): Bucket => {
  /** When each token that is gone was taken, in order. */
  let taken: number[] = [];
  let latest = Number.NEGATIVE_INFINITY;
  let lostMs = 0;
  const settle = (at: number): number => {
    if (at + lostMs < latest) lostMs = latest - at;
    latest = at + lostMs;
    const back = taken.findIndex((each) => each + TOKEN_MS > latest);
    taken = back === -1 ? [] : taken.slice(back);
    return latest;
  };
  return {
    waitMs: (at, tokens) => {
      const now = settle(at);
      if (tokens === 0) return TOKEN_MS;
      const frees = taken.at(-tokens);
      return taken.length < tokens || frees === undefined ? 0 : frees + TOKEN_MS - now;
    },
    take: (at) => {
      const now = settle(at);
      taken.push(now);
    },
    isFull: (at) => {
      settle(at);
      return taken.length === 0;
    },
  };
};

interface SessionRate {
  readonly bucket: Bucket;
  /** Of its contract, calls a second. */
  rate: number;
  /** Runs of the session that are open. */
  runs: number;
}

interface SwarmRate {
  readonly bucket: Bucket;
  readonly sessions: Map<string, SessionRate>;
}

export type Take =
  | { readonly kind: 'taken' }
  | { readonly kind: 'wait'; readonly waitMs: number }
  | { readonly kind: 'unknown' };

export interface Rates {
  /** `rate` is the contract's, calls a second. */
  open(tenant: Tenant, rate: number, at: number): void;
  /** Takes a token, or says how long there is none. */
  take(tenant: Tenant, at: number): Take;
  close(tenant: Tenant, at: number): void;
  /** Swarms that are remembered: those that are open, and those whose tokens are not all back. */
  size(): number;
}

export const createRates = (): Rates => {
  const swarms = new Map<string, SwarmRate>();
  /** What was closed is kept until its tokens are back: to close and open again gives none (R1). */
  const sweep = (at: number): void => {
    for (const [swarmId, { bucket, sessions }] of swarms) {
      for (const [sessionId, session] of sessions) {
        if (session.runs === 0 && session.bucket.isFull(at)) sessions.delete(sessionId);
      }
      if (sessions.size === 0 && bucket.isFull(at)) swarms.delete(swarmId);
    }
  };
  const sessionOf = ({ swarmId, sessionId }: Tenant): SessionRate | undefined =>
    swarms.get(swarmId)?.sessions.get(sessionId);
  return {
    open: (tenant, rate, at) => {
      sweep(at);
      const swarm = swarms.get(tenant.swarmId) ?? { bucket: createBucket(), sessions: new Map() };
      swarms.set(tenant.swarmId, swarm);
      const session = swarm.sessions.get(tenant.sessionId);
      if (session === undefined)
        swarm.sessions.set(tenant.sessionId, { bucket: createBucket(), rate, runs: 1 });
      else {
        session.rate = rate;
        session.runs += 1;
      }
    },
    take: (tenant, at) => {
      const [swarm, session] = [swarms.get(tenant.swarmId), sessionOf(tenant)];
      if (swarm === undefined || session === undefined || session.runs === 0)
        return { kind: 'unknown' };
      const open = [...swarm.sessions.values()].filter(({ runs }) => runs > 0);
      const waitMs = Math.max(
        swarm.bucket.waitMs(at, Math.max(...open.map(({ rate }) => rate))),
        session.bucket.waitMs(at, shareOf(session.rate, open.length)),
      );
      if (waitMs > 0) return { kind: 'wait', waitMs };
      swarm.bucket.take(at);
      session.bucket.take(at);
      return { kind: 'taken' };
    },
    close: (tenant, at) => {
      const session = sessionOf(tenant);
      if (session !== undefined) session.runs = Math.max(session.runs - 1, 0);
      sweep(at);
    },
    size: () => swarms.size,
  };
};

/** Whole tokens; where there are more sessions than tokens each may try for one, and the swarm's bucket decides. */
const shareOf = (rate: number, sessions: number): number =>
  rate === 0 ? 0 : Math.max(Math.floor(rate / sessions), 1);
