/** One row by its id, where the registry has only lists: bounded pages of them. */
import { PAGE_ROWS_MAX } from '@infrafabric/protocol';
import type { BlockerRow, SessionRow } from '@infrafabric/protocol';
import { SEARCH_PAGES_MAX } from '../limits.ts';
import type { Call } from '../tool.ts';

/** The row of an open session; undefined where there is none among the first SEARCH_PAGES_MAX pages. */
export async function findSession(
  sessionId: string,
  { call }: Pick<Call, 'call'>,
): Promise<SessionRow | undefined> {
  let after: string | undefined;
  for (let page = 0; page < SEARCH_PAGES_MAX; page += 1) {
    const answer = await call('sessions.list', { status: 'open', ...paged(after) });
    if (answer.kind === 'problem') return undefined;
    const row = answer.output.sessions.find((other) => other.sessionId === sessionId);
    if (row !== undefined || answer.output.next === undefined) return row;
    after = answer.output.next;
  }
  return undefined;
}

/** Open blockers first: those are asked for most. */
export async function findBlocker(
  blockerId: string,
  { call }: Pick<Call, 'call'>,
): Promise<BlockerRow | undefined> {
  for (const status of ['open', 'resolved'] as const) {
    let after: string | undefined;
    for (let page = 0; page < SEARCH_PAGES_MAX; page += 1) {
      const answer = await call('blockers.list', { status, ...paged(after) });
      if (answer.kind === 'problem') return undefined;
      const row = answer.output.blockers.find((other) => other.blockerId === blockerId);
      if (row !== undefined) return row;
      if (answer.output.next === undefined) break;
      after = answer.output.next;
    }
  }
  return undefined;
}

const paged = (after: string | undefined) => ({
  limit: PAGE_ROWS_MAX,
  ...(after === undefined ? {} : { after }),
});
