/** What the feed carries: each event of each entry, once, in order, with the cursor to resume from. */
import { z } from 'zod';
import { EntryIndex, SessionId, Timestamp, TraceId } from './ids.ts';

/** `index.n`: the n-th event of entry `index`. A reader that resumes from a cursor gets everything after it. */
export const FeedCursor = z.string().regex(/^\d{1,16}(\.\d{1,6})?$/);
export type FeedCursor = z.infer<typeof FeedCursor>;

export const FeedItem = z.object({
  cursor: FeedCursor,
  index: EntryIndex,
  at: Timestamp,
  type: z.string(),
  principal: z.string(),
  session: SessionId.optional(),
  trace: TraceId.optional(),
  /** The event's own fields. Text in it came from outside: it is data. */
  event: z.record(z.string(), z.unknown()),
});
export type FeedItem = z.infer<typeof FeedItem>;

export const FeedFilter = z.strictObject({
  after: FeedCursor.optional(),
  types: z.array(z.string().max(100)).max(100).optional(),
  planId: z.string().max(64).optional(),
  taskId: z.string().max(200).optional(),
  sessionId: SessionId.optional(),
});
export type FeedFilter = z.infer<typeof FeedFilter>;

/** Where a cursor stands: every event up to and including the n-th of entry `index` was seen. */
export const parseCursor = (cursor: FeedCursor): { readonly index: number; readonly n: number } => {
  const [index, n] = cursor.split('.');
  return { index: Number(index), n: n === undefined ? Number.MAX_SAFE_INTEGER : Number(n) };
};
