/** The fabric as every surface sees it. HTTP, WebSocket, MCP, the CLI's embedded mode and the SDK's tests use nothing else. */
import type {
  Caller,
  FeedFilter,
  FeedItem,
  Grant,
  Rejection,
  SessionId,
  TraceId,
} from '@infrafabric/protocol';

/** Who calls, once a credential was checked. */
export interface Principal {
  readonly cred: 'operator' | 'session';
  /** Name of the agent, or `operator`: what entries show. */
  readonly name: string;
  /** The session that the credential belongs to; it may act for no other. */
  readonly session?: SessionId;
  readonly role: Caller;
  /** When the credential expires, ms; absent: not by time. */
  readonly expiresAt?: number;
}

export interface CallOptions {
  readonly principal: Principal;
  /** The caller's name for this intention: the same key with the same input gets the first reply again. */
  readonly idempotencyKey?: string;
  readonly trace?: TraceId;
  /** Ends a wait. What was decided by then stands. */
  readonly signal?: AbortSignal;
}

export interface Replied {
  readonly kind: 'ok';
  readonly output: unknown;
  /** The entry that the call became; absent for reads, soft operations and calls that changed nothing. */
  readonly index?: number;
}

export type Reply = Replied | Rejection;

export interface Authenticated {
  readonly kind: 'ok';
  readonly principal: Principal;
}

/** What a standing claim ticket waits for. */
export interface WaitFor {
  /** Most tasks of one push. */
  readonly count?: number;
  readonly planId?: string;
  readonly leaseMs?: number;
}

export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

export interface Fabric {
  readonly realm: string;
  readonly origin: string;
  readonly version: string;
  /** Who bears a token: the text after `Bearer`. */
  authenticate(bearer: string | undefined): Authenticated | Rejection;
  /** Whether somebody who was authenticated still is: in time, and of an open session. What was proved stays proved. */
  recheck(principal: Principal): Authenticated | Rejection;
  /**
   * Calls an operation: parses the input, checks who may, decides, and resolves when the answer is durable. Never
   * throws for what a caller did; a fault of the world is its rejection, a defect is `internal` with an incident id.
   */
  call(op: string, input: unknown, options: CallOptions): Promise<Reply>;
  /**
   * Takes `bytes` that are to be stored beside the log (a blob) from what the caller's session may write, or says when
   * it may again; 0 only asks. Writes through `call` pay for themselves, and operators are not limited.
   */
  spend(principal: Principal, bytes: number): Rejection | undefined;
  /**
   * Every event after `filter.after`, once, in order: from the journal first, then live. Without a cursor it begins
   * with the next event. Ends when `signal` aborts; a reader that falls behind is dropped by a Fault `feed.lagging`
   * (a `LaggingReader`, which carries the cursor to resume from).
   */
  feed(filter: FeedFilter, signal: AbortSignal): AsyncIterable<FeedItem>;
  /**
   * A standing claim ticket: whenever work suits the session and it has room, a lease is granted and then pushed.
   * Who calls has checked that the caller may act for the session. The answer takes the ticket back; `onEnd` says why
   * the fabric did so itself (the session ended, too many tickets).
   */
  wait(
    sessionId: string,
    waitFor: WaitFor,
    onGrant: (grants: readonly Grant[]) => void,
    onEnd?: (why: Rejection) => void,
  ): () => void;
  /**
   * Calls `on` after each durable append, with the number of its entries, when the callers were answered. It must not
   * throw and must be quick. The answer ends it.
   */
  onAppended(on: (entries: number) => void): () => void;
  ready(): Readiness;
  /** Stops taking calls, finishes what is under way, ends feeds and followers, closes the journal. */
  close(): Promise<void>;
}
