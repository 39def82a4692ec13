/** `ifab chassis credentials`: which credentials were used when, by which run, for which host. Never a secret, never a path. */
import { bytesText } from '../chassis/report-text.ts';
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { cell, table } from '../output/terminal.ts';
import type { Terminal } from '../output/terminal.ts';
import { withClient } from '../server/connect.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandRun } from '../tree/command.ts';
import { parseTimeMs } from './duration.ts';
import { entriesOf } from './witness-read.ts';

/** One use as its event has it. */
interface Use {
  readonly at: number;
  readonly index: number;
  readonly runId: string;
  readonly taskId: string;
  readonly alias: string;
  readonly method: string;
  readonly host: string;
  /** SHA-256 of the path: who knows the path can check it. */
  readonly pathHash: string;
  readonly status: number;
  readonly bytes: number;
}

export const showCredentials: CommandRun = async (context) => {
  const [taskId, alias, word] = ['task', 'alias', 'since'].map((flag) => optionOf(context, flag));
  const since = word === undefined ? undefined : parseTimeMs(word, Date.now());
  if (word !== undefined && since === undefined)
    throw cliError('cli.usage', `--since is “${word}”`, 'Write 10m, 2h, 1d, or an ISO time.');
  return withClient(context, async ({ client }) => {
    // The fabric parses the query with the operation's schema; a wrong one is its refusal to make.
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- see above
    const query = { operation: 'runs.note', taskId, since } as never;
    const uses: Use[] = [];
    for await (const { index, at, events } of entriesOf(client, query)) {
      for (const event of events) {
        const use = useOf(event, { index, at });
        if (use !== undefined && (alias === undefined || use.alias === alias)) uses.push(use);
      }
    }
    context.out.data({ uses }, (terminal) => credentialsText(uses, terminal));
    return EXIT_DONE;
  });
};

const useOf = (
  event: Readonly<Record<string, unknown>>,
  { index, at }: Pick<Use, 'index' | 'at'>,
): Use | undefined => {
  if (event['type'] !== 'credential.used') return undefined;
  const text = (name: string): string => String(event[name]);
  return {
    at,
    index,
    runId: text('runId'),
    taskId: text('taskId'),
    alias: text('alias'),
    method: text('method'),
    host: text('host'),
    pathHash: text('pathHash'),
    status: Number(event['status']),
    bytes: Number(event['bytes']),
  };
};

/** Digits of a path's hash that are shown; --json has them all. */
const HASH_CHARS = 12;

export const credentialsText = (uses: readonly Use[], terminal: Terminal): string =>
  uses.length === 0
    ? 'No credential was used.\n'
    : table(
        terminal,
        ['AT', 'ALIAS', 'CALL', 'PATH SHA-256', 'STATUS', 'BYTES', 'TASK', 'RUN'],
        uses.map((use) => [
          cell(new Date(use.at).toISOString().slice(0, 19)),
          cell(use.alias, 'bold'),
          cell(`${use.method} ${use.host}`),
          cell(use.pathHash.slice(0, HASH_CHARS)),
          cell(use.status),
          { ...cell(bytesText(use.bytes)), right: true },
          cell(use.taskId),
          cell(use.runId),
        ]),
      );
