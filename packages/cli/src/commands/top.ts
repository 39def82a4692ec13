/** `ifab top`: plans, running tasks and agents on one screen, drawn again as time goes. Without a terminal: once. */
import type { OutputOf } from '@infrafabric/protocol';
import type { Client } from '@infrafabric/sdk';
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { shortened, printable } from '../plans/report/printable.ts';
import { cell, table } from '../output/terminal.ts';
import type { Terminal } from '../output/terminal.ts';
import { countsText } from '../output/views.ts';
import { withClient } from '../server/connect.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandRun } from '../tree/command.ts';
import { agoText, durationText, parseDurationMs } from './duration.ts';

const EVERY_MS_DEFAULT = 1_000;
/** More often costs the leader more than anybody can read. */
const EVERY_MS_MIN = 200;
/** Rows of each table: the screen has about forty. */
const ROWS_MAX = 15;

// Cursor home; what is left of a longer line and of a longer screen is erased: no flicker, unlike clearing first.
const HOME = '\u001b[H';
const ERASE_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';
const SCREEN_ON = '\u001b[?1049h\u001b[?25l';
const SCREEN_OFF = '\u001b[?25h\u001b[?1049l';

interface Frame {
  readonly status: OutputOf<'realm.status'>;
  readonly plans: OutputOf<'plans.list'>['plans'];
  readonly running: OutputOf<'tasks.list'>['tasks'];
  readonly sessions: OutputOf<'sessions.list'>['sessions'];
  readonly blockers: OutputOf<'blockers.list'>['blockers'];
}

export const showTop: CommandRun = async (context) => {
  const { io, out } = context;
  const everyMs = parseDurationMs(optionOf(context, 'every') ?? String(EVERY_MS_DEFAULT));
  if (everyMs === undefined || everyMs < EVERY_MS_MIN) {
    throw cliError(
      'cli.usage',
      '--every is too short or no time',
      'Write 200ms or more: 1s, 500ms.',
    );
  }
  return withClient(
    context,
    async ({ client }) => {
      if (!io.stdout.isTerminal || out.isJson) {
        const frame = await readFrame(client);
        out.data(frame, (terminal) => frameText(frame, terminal));
        return EXIT_DONE;
      }
      io.stdout.write(SCREEN_ON);
      try {
        while (!io.interrupted.aborted) {
          const text = frameText(await readFrame(client), out.terminal);
          io.stdout.write(`${HOME}${text.replaceAll('\n', `${ERASE_LINE}\n`)}${ERASE_BELOW}`);
          await pause(everyMs, io.interrupted);
        }
      } finally {
        io.stdout.write(SCREEN_OFF);
      }
      return EXIT_DONE;
    },
    'auto',
  );
};

const readFrame = async (client: Client): Promise<Frame> => {
  const limit = ROWS_MAX;
  const [status, { plans }, { tasks }, { sessions }, { blockers }] = await Promise.all([
    client.call('realm.status', {}),
    client.call('plans.list', { limit }),
    client.call('tasks.list', { phase: 'leased', limit }),
    client.call('sessions.list', { status: 'open', limit }),
    client.call('blockers.list', { status: 'open', limit }),
  ]);
  return { status, plans, running: tasks, sessions, blockers };
};

const frameText = (frame: Frame, terminal: Terminal): string => {
  const { status, plans, running, sessions, blockers } = frame;
  const now = status.at;
  const head = `${status.realm}  ${countsText(status.tasks)}  ${status.sessions.open} sessions  ${status.size} entries`;
  const parts = [terminal.paint('bold', printable(head))];
  if (status.readOnly) parts.push(terminal.paint('red', 'READ-ONLY: the disk is full'));
  const add = (heads: readonly string[], rows: Parameters<typeof table>[2]): void => {
    if (rows.length > 0) parts.push('', table(terminal, heads, rows).trimEnd());
  };
  add(
    ['PLAN', 'STATUS', 'TASKS'],
    plans.map((plan) => [cell(plan.planId), cell(plan.status), cell(countsText(plan.counts))]),
  );
  add(
    ['RUNNING', 'AGENT', 'FOR', 'LEASE', 'TITLE'],
    running.map((task) => [
      cell(task.taskId),
      cell(task.holder?.agent),
      cell(task.holder && durationText(now - task.holder.since)),
      cell(task.holder && agoText(task.holder.until, now)),
      cell(shortened(task.title, 60)),
    ]),
  );
  add(
    ['SESSION', 'AGENT', 'LIVENESS', 'LEASES', 'SEEN'],
    sessions.map((session) => [
      cell(session.sessionId),
      cell(session.agent),
      cell(session.liveness),
      cell(session.leases.length),
      cell(agoText(session.lastEvidenceAt, now)),
    ]),
  );
  add(
    ['BLOCKER', 'TASK', 'NEEDS', 'TITLE'],
    blockers.map((blocker) => [
      cell(blocker.blockerId),
      cell(blocker.taskId),
      cell(blocker.needs.join(', ')),
      cell(blocker.title),
    ]),
  );
  return `${parts.join('\n')}\n`;
};

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    }
    signal.addEventListener('abort', end, { once: true });
  });
