/** One line a change: for CI, pipes and terminals that cannot be drawn on. */
import type { Io } from '../../io.ts';
import type { Terminal } from '../../output/terminal.ts';
import { printable, shortened } from '../../plans/index.ts';
import type { Board, Notice } from '../board.ts';
import type { RunView } from './view.ts';

const MARKS = { good: '✓', bad: '✗', plain: '·' } as const;
const PAINTS = { good: 'green', bad: 'red', plain: 'dim' } as const;
/** Characters of a detail: one line stays one line in most logs. */
const DETAIL_CHARS_MAX = 160;

export function lineView(io: Io, terminal: Terminal, board: Board): RunView {
  const write = (text: string): void => io.stderr.write(`${text}\n`);
  return {
    event: (_item, notice) => {
      if (notice === undefined) return;
      const done = notice.what === 'done' ? `  ${board.count('done')}/${board.total}` : '';
      write(`${noticeText(terminal, notice)}${terminal.paint('dim', done)}`);
    },
    note: (text) => write(printable(text)),
    pause: (during) => during(),
    close: () => undefined,
  };
}

/** `✓ done  plan/task  detail`, with all that came from outside made harmless. */
export function noticeText(terminal: Terminal, { tone, what, taskId, detail }: Notice): string {
  const mark = terminal.paint(PAINTS[tone], `${MARKS[tone]} ${what.padEnd(9)}`);
  const where = taskId === undefined ? '' : ` ${printable(taskId)}`;
  const more =
    detail === ''
      ? ''
      : `  ${terminal.paint('dim', shortened(printable(detail), DETAIL_CHARS_MAX))}`;
  return `${mark}${where}${more}`;
}
