/** `ifab events`: the log's events, those that are there or those that come. One JSON object an event with --json. */
import type { FeedItem, InputOf } from '@infrafabric/protocol';
import type { Client } from '@infrafabric/sdk';
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { printable } from '../plans/report/printable.ts';
import type { Terminal } from '../output/terminal.ts';
import { withClient } from '../server/connect.ts';
import { isSet, optionOf } from '../tree/command.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';
import { entriesOf } from './witness-read.ts';

interface Wish {
  readonly after: string | undefined;
  readonly types: readonly string[] | undefined;
  readonly planId: string | undefined;
  readonly taskId: string | undefined;
  readonly sessionId: string | undefined;
}

/** An event as it is shown, from the feed or from the log. */
type Shown = Pick<FeedItem, 'at' | 'type' | 'principal' | 'event'> & { readonly cursor: string };

export const showEvents: CommandRun = async (context) => {
  const types = context.options.get('types')?.flatMap((part) => part.split(','));
  const wish: Wish = {
    after: optionOf(context, 'after'),
    types,
    planId: optionOf(context, 'plan'),
    taskId: optionOf(context, 'task'),
    sessionId: optionOf(context, 'session'),
  };
  if (wish.after !== undefined && !/^\d{1,16}(\.\d{1,6})?$/.test(wish.after)) {
    throw cliError(
      'cli.usage',
      `“${wish.after}” is no cursor`,
      'A cursor is index.n, as each event has it.',
    );
  }
  return withClient(
    context,
    async ({ client }) => {
      if (isSet(context, 'follow')) await follow(context, client, wish);
      else for await (const item of past(client, wish)) show(context, item);
      return EXIT_DONE;
    },
    isSet(context, 'follow') ? 'auto' : 'http',
  );
};

/** Ends in order when it is interrupted: nobody asked for an end by itself. */
const follow = async (context: CommandContext, client: Client, wish: Wish): Promise<void> => {
  const { signal } = { signal: context.io.interrupted };
  context.out.note('following; Ctrl-C ends');
  try {
    for await (const item of client.subscribe({ ...wish, signal })) show(context, item);
  } catch (cause) {
    if (!signal.aborted) throw cause;
  }
};

async function* past(client: Client, wish: Wish): AsyncGenerator<Shown> {
  const { planId, taskId, sessionId, after, types } = wish;
  const [index = -1, n = Number.MAX_SAFE_INTEGER] = (after ?? '')
    .split('.')
    .filter(Boolean)
    .map(Number);
  const query: InputOf<'witness.query'> = {
    planId,
    taskId,
    sessionId,
    from: Math.max(index, 0),
  };
  for await (const entry of entriesOf(client, query)) {
    for (const [at, event] of entry.events.entries()) {
      const type = typeof event['type'] === 'string' ? event['type'] : '';
      if (entry.index === index && at <= n) continue;
      if (types !== undefined && !types.includes(type)) continue;
      const { type: _type, ...fields } = event;
      yield {
        cursor: `${entry.index}.${at}`,
        at: entry.at,
        type,
        principal: entry.principal,
        event: fields,
      };
    }
  }
}

const show = ({ out }: CommandContext, item: Shown): void =>
  out.data(item, (terminal) => line(item, terminal));

const line = ({ at, type, principal, event }: Shown, terminal: Terminal): string => {
  const time = new Date(at).toISOString().slice(11, 23);
  const { type: _type, ...rest } = event;
  const fields = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `${terminal.paint('dim', time)} ${terminal.paint('cyan', printable(type))} ${printable(principal)} ${printable(fields.join(' '))}\n`;
};
