/** Entries of the log: of one trace or task, and all of them. */
import type { InputOf, OutputOf } from '@infrafabric/protocol';
import type { Client } from '@infrafabric/sdk';
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { entriesText } from '../output/views.ts';
import { printableJson } from '../plans/report/printable.ts';
import { withClient } from '../server/connect.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';
import { TRACE_ID } from '../tree/globals.ts';
import { queryIndexed } from './why.ts';

type Entry = OutputOf<'witness.query'>['entries'][number];

/** Entries of one page; an answer is bounded by its bytes too. */
const PAGE_ROWS = 1_000;

export const traceEntries: CommandRun = async (context) => {
  const [word = ''] = context.args;
  const wish = wishOf(word);
  return withClient(context, async ({ client }) => {
    const entries: Entry[] = [];
    for await (const entry of entriesOf(client, wish)) {
      entries.push(entry);
      if (context.out.isJson) context.out.data(entry, () => '');
    }
    if (!context.out.isJson) {
      context.out.data(entries, (terminal) =>
        entries.length === 0 ? 'No entries.\n' : entriesText(entries, terminal),
      );
    }
    return EXIT_DONE;
  });
};

const wishOf = (word: string): InputOf<'witness.query'> => {
  if (TRACE_ID.test(word)) return { trace: word };
  if (word.includes('/')) return { taskId: word };
  throw cliError(
    'cli.usage',
    `“${word}” is neither a trace id nor a task`,
    'A trace id has 32 hex digits and comes with --trace; a task is plan/key.',
  );
};

export const exportEntries: CommandRun = async (context) => {
  const from = indexOf(context, 'from');
  const to = indexOf(context, 'to');
  return withClient(
    context,
    async ({ client }) => {
      const wish = {
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      };
      for await (const entry of entriesOf(client, wish)) {
        context.io.stdout.write(`${printableJson(JSON.stringify(entry))}\n`);
      }
      return EXIT_DONE;
    },
    'auto',
  );
};

const indexOf = (context: CommandContext, flag: string): number | undefined => {
  const word = optionOf(context, flag);
  if (word === undefined) return undefined;
  if (/^\d{1,15}$/.test(word)) return Number(word);
  throw cliError(
    'cli.usage',
    `--${flag} is no index`,
    `You wrote “${word}”; write a whole number.`,
  );
};

/** All that fit, oldest first, up to what was durable when it began. */
export async function* entriesOf(
  client: Client,
  wish: InputOf<'witness.query'>,
): AsyncGenerator<Entry> {
  const { size } = await client.call('realm.status', {});
  const to = Math.min(wish.to ?? size - 1, size - 1);
  let { from } = wish;
  // Ends: each page begins behind the one before it, and none goes beyond `to`.
  do {
    const page = await queryIndexed(client, { ...wish, from, to, limit: PAGE_ROWS });
    yield* page.entries;
    from = page.next;
  } while (from !== undefined);
}
