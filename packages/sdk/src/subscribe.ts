import type { FeedItem } from '@infrafabric/protocol';
import type { Client } from './client.ts';
import type { TokenSource } from './transport.ts';

export interface Subscription {
  /**
   * Everything behind this cursor; absent: what happens from now on. `0.0` nearly always is
   * everything.
   */
  readonly after?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly planId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly token?: TokenSource | undefined;
}

/**
 * The feed as a loop: each event once, in order, across reconnects. “From now on” is turned into a
 * cursor first, so that a connection lost before the first item loses none.
 */
export async function* subscribe(
  client: Client,
  subscription: Subscription,
): AsyncIterable<FeedItem> {
  const { signal, token, after, ...rest } = subscription;
  const cursor = after ?? (await newestCursor(client));
  yield* client.transport.feed({ filter: { ...rest, after: cursor }, signal, token });
}

/** Behind the last entry. A realm has at least one: its leader's first. */
async function newestCursor(client: Client): Promise<string> {
  const { size } = await client.call('realm.status', {});
  return String(Math.max(size - 1, 0));
}
