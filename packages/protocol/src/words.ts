/** What operations of every room speak of. */
import { z } from 'zod';
import { FencingToken, TaskId } from './ids.ts';
import { PAGE_ROWS_MAX, REASON_CHARS_MAX } from './limits.ts';

export const Reason = z.string().min(1).max(REASON_CHARS_MAX);
export const Text = z.string().max(REASON_CHARS_MAX);
export const Count = z.int().min(0);
export const Page = {
  /** The last row's id of the page before. */
  after: z.string().max(200).optional(),
  limit: z.int().min(1).max(PAGE_ROWS_MAX).optional(),
};

/** What every write under a lease presents, and how it may be refused. */
export const Held = { taskId: TaskId, fencingToken: FencingToken };
export const HOLDER_ERRORS = [
  'task.not_found',
  'lease.stale',
  'lease.forged',
  'session.ended',
] as const;
