/** Listings read to their end, page by page. */
import type { InputOf, OutputOf } from '@infrafabric/protocol';
import type { Client } from '@infrafabric/sdk';

/** Rows of a page: the fabric gives no more at once. */
const PAGE_ROWS = 1_000;

async function* pages<Row>(
  read: (
    after: string | undefined,
  ) => Promise<{ readonly rows: readonly Row[]; readonly next?: string | undefined }>,
): AsyncGenerator<Row> {
  let after: string | undefined;
  // Ends: each page begins behind the last row of the one before it.
  do {
    const { rows, next } = await read(after);
    yield* rows;
    after = next;
  } while (after !== undefined);
}

type Wish<N extends 'tasks.list' | 'sessions.list' | 'blockers.list'> = Omit<
  InputOf<N>,
  'after' | 'limit'
>;

export const everyPage = {
  tasks: (
    client: Client,
    wish: Wish<'tasks.list'>,
  ): AsyncGenerator<OutputOf<'tasks.list'>['tasks'][number]> =>
    pages(async (after) => {
      const { tasks, next } = await client.call('tasks.list', { ...wish, limit: PAGE_ROWS, after });
      return { rows: tasks, next };
    }),
  plans: (client: Client): AsyncGenerator<OutputOf<'plans.list'>['plans'][number]> =>
    pages(async (after) => {
      const { plans, next } = await client.call('plans.list', { limit: PAGE_ROWS, after });
      return { rows: plans, next };
    }),
  sessions: (
    client: Client,
    wish: Wish<'sessions.list'>,
  ): AsyncGenerator<OutputOf<'sessions.list'>['sessions'][number]> =>
    pages(async (after) => {
      const { sessions, next } = await client.call('sessions.list', {
        ...wish,
        limit: PAGE_ROWS,
        after,
      });
      return { rows: sessions, next };
    }),
  blockers: (
    client: Client,
    wish: Wish<'blockers.list'>,
  ): AsyncGenerator<OutputOf<'blockers.list'>['blockers'][number]> =>
    pages(async (after) => {
      const { blockers, next } = await client.call('blockers.list', {
        ...wish,
        limit: PAGE_ROWS,
        after,
      });
      return { rows: blockers, next };
    }),
};
