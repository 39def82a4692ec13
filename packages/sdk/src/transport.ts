import type { FeedItem, Grant, OperationName, OutputOf, Problem } from '@infrafabric/protocol';

// What a wire must do. Two wires do it: one multiplexed WebSocket (connection.ts) and plain HTTP
// (http.ts).

/**
 * Read when a frame is sent, and again when it is sent again: a token may have been renewed
 * meanwhile.
 */
export type TokenSource = () => string;

export interface CallRequest {
  readonly op: string;
  readonly input: unknown;
  /** Names the intention, so that sending twice is harmless. */
  readonly key: string;
  /** Absent: the credential of the connection. */
  readonly token?: TokenSource | undefined;
  readonly trace?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type Answer =
  | { readonly kind: 'ok'; readonly output: unknown; readonly index?: number }
  | { readonly kind: 'problem'; readonly problem: Problem };

export interface WaitRequest {
  readonly sessionId: string;
  readonly count?: number | undefined;
  readonly planId?: string | undefined;
  readonly leaseMs?: number | undefined;
  readonly token?: TokenSource | undefined;
}

export interface WaitListener {
  readonly onGrants: (grants: readonly Grant[]) => void;
  /**
   * The fabric refuses (the session has ended, the credential has expired, no account covers the
   * next task): no more grants will come of this wait.
   */
  readonly onEnd: (failure: Error) => void;
}

/** A filter as callers write it; the fabric parses it. */
export interface FeedWish {
  readonly after?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly planId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly sessionId?: string | undefined;
}

export interface FeedRequest {
  readonly filter: FeedWish;
  readonly token?: TokenSource | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Transport {
  /**
   * Sends a call until it is answered, across reconnects, under one key. Rejects with
   * UnreachableError when the wire stays down, and with the signal's reason when it aborts.
   */
  call(request: CallRequest): Promise<Answer>;
  /**
   * Each item once, in order, across reconnects. Ends when the signal aborts. Throws FabricError
   * when the fabric refuses, UnreachableError when the wire stays down. A reader that is slow
   * pauses the stream; nothing is dropped.
   */
  feed(request: FeedRequest): AsyncIterable<FeedItem>;
  /**
   * A standing wish for work: grants come as they are made, until the returned function is called.
   * After a lost connection the wish stands again; grants that were lost with it expire by
   * themselves.
   */
  wait(request: WaitRequest, listener: WaitListener): () => void;
  /** The last measured round trip, ms; 0 before the first. */
  readonly roundTripMs: () => number;
  close(): void;
}

/** The output of an operation, typed by the registry: the fabric made it with the same schema. */
export function outputOf<N extends OperationName>(
  _operation: N,
  answer: Answer & { readonly kind: 'ok' },
): OutputOf<N> {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- parsing again would cost zod
  return answer.output as OutputOf<N>;
}
