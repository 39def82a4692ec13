/**
 * The live table: progress of the plan, what runs and for how long, the last troubles. Drawn over itself a few times a
 * second, each frame in one write and only where lines changed, so that nothing flickers; what happened meanwhile is not
 * lost, the log has it.
 */
import type { Io } from '../../io.ts';
import type { Terminal } from '../../output/terminal.ts';
import { printable, shortened } from '../../plans/index.ts';
import type { Board, Notice, RunningTask } from '../board.ts';
import { noticeText } from './line-view.ts';
import type { RunView } from './view.ts';

/** Between two frames, ms: the eye sees motion, ssh over a slow line keeps up. */
const FRAME_MS = 125;
/** Running tasks that are shown; of the rest the number. */
const ROWS_MAX = 12;
const BAR_CHARS = 24;
const ESC = '\u001b[';

export function liveView(io: Io, terminal: Terminal, board: Board): RunView {
  let drawn: readonly string[] = [];
  let isPaused = false;
  const draw = (): void => {
    if (isPaused) return;
    const lines = frame(board, terminal, io.stderr.columns);
    const text = redraw(drawn, lines);
    drawn = lines;
    if (text !== '') io.stderr.write(text);
  };
  const clear = (): void => {
    if (drawn.length > 0) io.stderr.write(`${ESC}${drawn.length}A${ESC}J`);
    drawn = [];
  };
  const timer = setInterval(draw, FRAME_MS);
  return {
    event: () => undefined,
    note: (text) => {
      clear();
      io.stderr.write(`${printable(text)}\n`);
      draw();
    },
    pause: async (during) => {
      isPaused = true;
      clear();
      try {
        return await during();
      } finally {
        isPaused = false;
      }
    },
    close: () => {
      clearInterval(timer);
      draw();
      isPaused = true;
    },
  };
}

/** What turns the lines that stand above the cursor into the new ones: only lines that differ are written again. */
export function redraw(before: readonly string[], after: readonly string[]): string {
  const isSame = before.length === after.length && before.every((line, at) => line === after[at]);
  if (isSame) return '';
  const up = before.length === 0 ? '' : `${ESC}${before.length}A`;
  const body = after
    .map((line, at) => (before[at] === line ? '\n' : `\r${line}${ESC}K\n`))
    .join('');
  const rest = before.length > after.length ? `${ESC}J` : '';
  return `${up}${body}${rest}`;
}

/** The lines of one frame; none is wider than the terminal. */
export function frame(board: Board, terminal: Terminal, columns: number): readonly string[] {
  const { running } = board;
  const shown = running.slice(0, ROWS_MAX);
  const hidden = running.length - shown.length;
  return [
    headLine(board, terminal, columns),
    ...shown.map((task) => runningLine(task, terminal, columns)),
    ...(hidden > 0 ? [terminal.paint('dim', `  and ${hidden} more`)] : []),
    ...board.troubles.map((notice) => noticeText(terminal, fitted(notice, columns))),
  ];
}

/** Mark, word and gaps of a notice. */
const NOTICE_CHARS = 20;

/** A notice that stays on one line: its task is cut before its detail is begun. */
function fitted(notice: Notice, columns: number): Notice {
  const room = Math.max(0, columns - NOTICE_CHARS);
  const taskId =
    notice.taskId === undefined ? undefined : shortened(printable(notice.taskId), room);
  const rest = room - Array.from(taskId ?? '').length;
  return { ...notice, taskId, detail: rest < 4 ? '' : shortened(printable(notice.detail), rest) };
}

function headLine(board: Board, terminal: Terminal, columns: number): string {
  const done = board.count('done');
  const filled = board.total === 0 ? 0 : Math.floor((done / board.total) * BAR_CHARS);
  const bar =
    terminal.paint('green', '█'.repeat(filled)) +
    terminal.paint('dim', '░'.repeat(BAR_CHARS - filled));
  const figures = [
    `${done}/${board.total}`,
    ...some(board.running.length, 'running'),
    ...some(board.count('parked'), 'parked'),
    ...some(board.count('blocked'), 'blocked'),
    ...some(board.count('submitted'), 'to judge'),
  ].join(' · ');
  const room = Math.max(0, columns - BAR_CHARS - figures.length - 4);
  const title = shortened(printable(board.title), room);
  return `${bar}  ${figures}  ${terminal.paint('bold', title)}`;
}

const some = (count: number, what: string): readonly string[] =>
  count === 0 ? [] : [`${count} ${what}`];

function runningLine(
  { taskId, agent, attempt, since, line }: RunningTask,
  terminal: Terminal,
  columns: number,
): string {
  const elapsed = `${Math.floor((performance.now() - since) / 1_000)} s`.padStart(6);
  const again = attempt > 1 ? ` (attempt ${attempt})` : '';
  const left = `${printable(taskId)}${again}  ${printable(agent)}`;
  const room = Math.max(0, columns - 12);
  const name = shortened(left, room);
  const rest = room - Array.from(name).length;
  const note =
    rest > 8 && line !== ''
      ? `  ${terminal.paint('dim', shortened(printable(line), rest - 2))}`
      : '';
  return `  ${terminal.paint('cyan', elapsed)}  ${name}${note}`;
}
