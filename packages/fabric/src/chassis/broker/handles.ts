/**
 * Credentials as handles: 256 random bits that stand for the right to have one secret added to calls of one run.
 *
 * K1  The table keeps the SHA-256 of a handle, never the handle and never the secret.
 * K2  A handle is good for the runner, session and task that it was issued for and for nobody else.
 * K3  It dies at its time by the monotonic clock or by the wall clock, whichever says so first: the one stands still
 *     while a machine sleeps, the other can be set back.
 * K4  It dies with its run, when its reference is revoked, and when its secret turns out to have a new version.
 * K5  Dead stays dead, whatever the clocks say next.
 */
import { hash, randomBytes } from 'node:crypto';

import type { BrokerClock } from './clock.ts';
import type { BrokerCode } from './refusals.ts';

/** 256 bits: not to be guessed, and no two alike. */
const HANDLE_BYTES = 32;
/** A handle in use has its clocks looked at this often, ms: a wall clock that jumps rings no timer. */
const WATCH_MS = 100;

/** Who a handle was issued for. */
export interface Holder {
  readonly runnerPid: number;
  readonly swarmId: string;
  readonly sessionId: string;
  readonly taskId: string;
}

export type Death = Extract<
  BrokerCode,
  'credential.unknown' | 'credential.expired' | 'credential.revoked' | 'credential.rotated'
>;

interface Entry {
  readonly holder: Holder;
  readonly ref: string;
  readonly diesAtMonotonic: number;
  readonly diesAtWall: number;
  version: string | undefined;
  death: Death | undefined;
  readonly watchers: Set<(death: Death) => void>;
}

export interface Handles {
  /** A new handle for the secret that `ref` names, in hexadecimal. */
  issue(holder: Holder, secret: { readonly ref: string; readonly ttlMs: number }): string;
  /**
   * Undefined where the handle is good, else why it is not. Checked at every use; with the version of the secret in hand
   * once more, in the turn that writes it. The first version that is seen is the one that the handle stays good for.
   */
  check(handle: string, holder: Holder, version?: string): Death | undefined;
  /** Calls `onDeath` once when the handle dies; the answer stops watching. */
  watch(handle: string, onDeath: (death: Death) => void): () => void;
  /** The run is over: its handle is forgotten. */
  end(handle: string): void;
  /** Every handle of the reference dies. */
  revoke(ref: string): void;
  size(): number;
}

/** @example const handle = createHandles(clock).issue(holder, { ref: 'vault://if/prod/sip#token', ttlMs: 300_000 }); */
export const createHandles = (clock: BrokerClock): Handles => {
  const entries = new Map<string, Entry>();
  const keyOf = (handle: string): string => hash('sha256', handle, 'hex');
  const kill = (entry: Entry, death: Death): void => {
    if (entry.death !== undefined) return;
    entry.death = death;
    for (const onDeath of entry.watchers) onDeath(death);
    entry.watchers.clear();
  };
  const look = (entry: Entry): Death | undefined => {
    // Half-open, like a lease: at the instant it expires it is dead.
    if (clock.monotonic() >= entry.diesAtMonotonic || clock.now() >= entry.diesAtWall)
      kill(entry, 'credential.expired');
    return entry.death;
  };
  return {
    issue: (holder, { ref, ttlMs }) => {
      const handle = randomBytes(HANDLE_BYTES).toString('hex');
      entries.set(keyOf(handle), {
        holder,
        ref,
        diesAtMonotonic: clock.monotonic() + ttlMs,
        diesAtWall: clock.now() + ttlMs,
        version: undefined,
        death: undefined,
        watchers: new Set(),
      });
      return handle;
    },
    check: (handle, holder, version) => {
      const entry = entries.get(keyOf(handle));
      if (entry === undefined || !isSame(entry.holder, holder)) return 'credential.unknown';
      const death = look(entry);
      if (death !== undefined || version === undefined) return death;
      entry.version ??= version;
      if (entry.version !== version) kill(entry, 'credential.rotated');
      return entry.death;
    },
    watch: (handle, onDeath) => {
      const entry = entries.get(keyOf(handle));
      if (entry === undefined) {
        onDeath('credential.unknown');
        return () => undefined;
      }
      return watched(entry, onDeath, { clock, look });
    },
    end: (handle) => {
      const key = keyOf(handle);
      const entry = entries.get(key);
      entries.delete(key);
      if (entry !== undefined) kill(entry, 'credential.unknown');
    },
    revoke: (ref) => {
      for (const entry of entries.values())
        if (entry.ref === ref) kill(entry, 'credential.revoked');
    },
    size: () => entries.size,
  };
};

interface Watch {
  readonly clock: BrokerClock;
  readonly look: (entry: Entry) => Death | undefined;
}

/** Looks at the clocks until the entry dies or nobody watches any more. */
const watched = (
  entry: Entry,
  onDeath: (death: Death) => void,
  { clock, look }: Watch,
): (() => void) => {
  let cancel = (): void => undefined;
  const stop = (): void => {
    cancel();
    entry.watchers.delete(once);
  };
  const once = (death: Death): void => {
    stop();
    onDeath(death);
  };
  const arm = (): void => {
    const leftMs = Math.max(entry.diesAtMonotonic - clock.monotonic(), 0);
    cancel = clock.setTimer(clock.monotonic() + Math.min(WATCH_MS, leftMs), () => {
      if (look(entry) === undefined) arm();
    });
  };
  entry.watchers.add(once);
  const death = look(entry);
  if (death === undefined) arm();
  // Dead before it was watched: `look` told nobody then.
  else if (entry.watchers.has(once)) once(death);
  return stop;
};

const isSame = (one: Holder, other: Holder): boolean =>
  one.runnerPid === other.runnerPid &&
  one.swarmId === other.swarmId &&
  one.sessionId === other.sessionId &&
  one.taskId === other.taskId;
