/** Composition: a journal, a blob store, secrets and a clock become a fabric. */
import { digestFrom, entryIndex, type RealmId, type Rejection } from '@infrafabric/protocol';

import { viewStatus, type Conditions } from '@infrafabric/core';

import { celConditions } from '../adapters/conditions-cel/index.ts';
import { Fault } from '../fault.ts';
import type { Journal } from '../ports/journal.ts';
import { readsOf, REPLIES, REPLIES_AT_DECISION, UNCHANGED } from '../rooms/index.ts';
import { trusted, type ReadName, type Reads, type RoomContext } from '../rooms/room.ts';
import type { Committed } from './call.ts';
import { systemClock, type Clock } from './clock.ts';
import { Dispatch } from './dispatch.ts';
import type { Fabric, Readiness } from './fabric.ts';
import { FeedHub } from './feed.ts';
import type { Follower, FollowerLag, MakeFollowers, Snapshot } from './follower.ts';
import { Leader, type LeaderOptions } from './leader.ts';
import { silentLog, systemRandom, type BlobStore, type Log, type Random } from './ports.ts';
import type { RepliesAtDecision, View } from './term-parts.ts';
import { Tickets } from './tickets.ts';
import { createTokens, type TokenSecrets, type Tokens } from './tokens.ts';

export interface OpenOptions {
  readonly realm: RealmId;
  readonly origin: string;
  readonly version: string;
  readonly journal: Journal;
  readonly blobs: BlobStore;
  readonly secrets: TokenSecrets;
  /** What entry 0 names as its previous leaf (`genesisLeaf` of tlog). */
  readonly genesisLeaf: string;
  /** Name of this process among the nodes that may lead. */
  readonly node?: string;
  /** Bytes of a torn tail that the journal cut when it was opened. */
  readonly cutBytes?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
  readonly snapshot?: () => Promise<Snapshot | undefined>;
  /** The language of the policy's conditions; absent: CEL. */
  readonly conditions?: Conditions;
  readonly followers?: MakeFollowers;
  /** The process must end, exit 75: the journal cannot be written safely any more. */
  readonly onFatal?: (fault: Fault) => void;
}

/** A fabric that leads its realm in this process. */
export interface LeadingFabric extends Fabric {
  /** For embedders and benches: commands without parsing, callbacks without promises. */
  readonly leader: Leader;
  readonly tokens: Tokens;
  readonly figures: () => Figures;
}

/** What metrics are made of. */
export interface Figures {
  readonly phase: Leader['phase'];
  readonly size: number;
  readonly leases: number;
  readonly tickets: number;
  readonly feedReaders: number;
  readonly followers: readonly FollowerLag[];
}

/** Followers further behind than this are named in `ready`, ms. */
const FOLLOWER_LAG_MS_MAX = 5_000;

/**
 * Replays the journal, appends `realm.opened` and serves. Rejects with a Fault where the journal is damaged; where the
 * disk is full it serves read-only; anything transient is tried again until it works.
 */
export async function openFabric(options: OpenOptions): Promise<LeadingFabric> {
  const fabric = new EmbeddedFabric(options);
  await fabric.start();
  return fabric;
}

class EmbeddedFabric implements LeadingFabric {
  readonly realm: string;
  readonly origin: string;
  readonly version: string;
  readonly leader: Leader;
  readonly tokens: Tokens;
  readonly #options: OpenOptions;
  readonly #conditions: Conditions;
  readonly #log: Log;
  readonly #dispatch: Dispatch;
  readonly #tickets: Tickets;
  readonly #hub: FeedHub;
  readonly #appended = new Set<(entries: number) => void>();
  #followers: readonly Follower[] = [];
  #closing: Promise<void> | undefined;

  constructor(options: OpenOptions) {
    const { clock = systemClock, random = systemRandom(), log = silentLog } = options;
    const { journal, blobs, origin, version } = options;
    this.#options = options;
    this.#conditions = options.conditions ?? celConditions();
    this.#log = log;
    this.realm = options.realm;
    this.origin = origin;
    this.version = version;
    this.tokens = createTokens(options.realm, options.secrets);
    this.#hub = new FeedHub(journal, blobs);
    this.leader = new Leader(this.#leaderOptions({ clock, random, log }), {
      onReady: () => {
        this.#tickets.match();
      },
      onDurable: (entries, position) => {
        this.#onDurable(entries, position);
      },
      onTerm: (position) => {
        this.#hub.resync(position);
        this.#tickets.onTerm();
        this.#tell(position);
      },
    });
    this.#tickets = new Tickets(this.leader);
    const { leader, tokens } = this;
    const [tickets, reads] = [this.#tickets, this.#reads()];
    this.#dispatch = new Dispatch({ leader, tickets, tokens, clock, random, log, reads });
  }

  async start(): Promise<void> {
    await this.leader.start();
    const { journal, blobs, realm, origin, followers } = this.#options;
    const head = this.leader.durable;
    if (followers === undefined || head === undefined) return;
    this.#followers = followers({
      realm,
      origin,
      journal,
      blobs,
      log: this.#log,
      head,
      recordStateHash: ({ index, hash }) => this.#recordStateHash(index, hash),
    });
    this.#tell(head.size);
  }

  authenticate: Fabric['authenticate'] = (bearer) => this.#dispatch.authenticate(bearer);

  recheck: Fabric['recheck'] = (principal) => this.#dispatch.recheck(principal);

  call: Fabric['call'] = (op, input, options) => this.#dispatch.call(op, input, options);

  spend: Fabric['spend'] = (principal, bytes) => this.#dispatch.spend(principal, bytes);

  feed: Fabric['feed'] = (filter, signal) => this.#hub.read(filter, signal);

  wait: Fabric['wait'] = (sessionId, waitFor, onGrant, onEnd = () => undefined) =>
    this.#dispatch.wait(sessionId, waitFor, onGrant, onEnd);

  onAppended: Fabric['onAppended'] = (on) => {
    this.#appended.add(on);
    return () => {
      this.#appended.delete(on);
    };
  };

  ready: Fabric['ready'] = (): Readiness => {
    const reasons: string[] = [];
    const { phase } = this.leader;
    if (phase !== 'serving') reasons.push(`leader is ${phase}`);
    for (const { name, behindMs } of this.figures().followers) {
      if (behindMs > FOLLOWER_LAG_MS_MAX) reasons.push(`follower ${name} is ${behindMs} ms behind`);
    }
    // A follower behind caps the level of answers; it does not stop them.
    return { ready: phase === 'serving', reasons };
  };

  figures: LeadingFabric['figures'] = () => {
    const view = this.leader.view();
    return {
      phase: this.leader.phase,
      size: this.leader.durable?.size ?? 0,
      leases: 'world' in view ? viewStatus(view.world).tasks.leased : 0,
      tickets: this.#tickets.count,
      feedReaders: this.#hub.readers,
      followers: this.#followers.flatMap((follower) => follower.lag?.() ?? []),
    };
  };

  close: Fabric['close'] = () => {
    this.#closing ??= this.#close();
    return this.#closing;
  };

  #leaderOptions(parts: Pick<LeaderOptions, 'clock' | 'random' | 'log'>): LeaderOptions {
    const { journal, blobs, origin, version, genesisLeaf, snapshot, onFatal } = this.#options;
    return {
      ...parts,
      journal,
      blobs,
      origin,
      genesisLeaf,
      conditions: this.#conditions,
      release: version,
      node: this.#options.node ?? 'local',
      cutBytes: this.#options.cutBytes ?? 0,
      replies: repliesAtDecision(this.tokens, parts.clock),
      ...(snapshot === undefined ? {} : { snapshot }),
      onFatal: (fault) => {
        onFatal?.(fault);
      },
    };
  }

  #reads(): Reads<ReadName> {
    const { realm, version, journal } = this.#options;
    const facts = {
      realm,
      version,
      durability: journal.durability,
      isReadOnly: () => this.leader.phase === 'readonly',
      checkpoint: () => this.#checkpoint(),
    };
    return readsOf({ facts, followers: () => this.#followers, conditions: this.#conditions });
  }

  async #close(): Promise<void> {
    this.#tickets.close(STOPPING);
    this.#hub.close();
    // Followers first: the state hash of a clean stop is an entry, and the leader writes it.
    await Promise.all(this.#followers.map((follower) => follower.close()));
    await this.leader.stop();
    await this.#options.journal.close();
  }

  #onDurable(entries: readonly Committed[], position: number): void {
    this.#hub.publish(entries, position);
    this.#tickets.onDurable(entries);
    this.#tell(position);
    for (const on of this.#appended) on(entries.length);
  }

  #tell(position: number): void {
    for (const follower of this.#followers) follower.onDurable(position);
  }

  async #recordStateHash(index: number, hash: string): Promise<void> {
    const outcome = await this.leader.recordStateHash(
      entryIndex(index),
      digestFrom(hash.replace('sha256:', '')),
    );
    if (outcome.kind === 'reject') {
      throw new Fault(outcome.code, { transient: true, detail: outcome.detail });
    }
  }

  async #checkpoint(): Promise<{ readonly size: number; readonly root: string } | undefined> {
    const reads = this.#followers.find(
      (follower) => follower.reads?.checkpoint !== undefined,
    )?.reads;
    // A witness that starts, restarts or is asked by a crowd says nothing now: that is no reason to refuse the status.
    const newest = await reads?.checkpoint?.().catch(() => undefined);
    return newest === undefined || 'kind' in newest
      ? undefined
      : { size: newest.size, root: newest.root };
  }
}

const STOPPING: Rejection = {
  kind: 'reject',
  code: 'fabric.stopping',
  detail: 'The leader is stopping.',
};

type ReplyOf = (entry: Committed, context: RoomContext) => unknown;
type UnchangedOf = (args: unknown, context: RoomContext) => unknown;

const repliesAtDecision = (tokens: Tokens, clock: Clock): RepliesAtDecision => {
  const contextOf = ({ world, presence, now }: View): RoomContext => ({
    world,
    presence,
    now,
    tokens,
    clock,
  });
  return {
    unchanged: (view, call) => {
      const reply = trusted<UnchangedOf | undefined>(UNCHANGED[call.op]);
      if (reply === undefined)
        throw new Error(`defect: ${call.op} changed nothing, and nobody says what holds`);
      return reply(call.args, contextOf(view));
    },
    accepted: (view, entry) =>
      REPLIES_AT_DECISION.has(entry.op)
        ? trusted<ReplyOf>(REPLIES[entry.op])(entry, contextOf(view))
        : undefined,
  };
};
