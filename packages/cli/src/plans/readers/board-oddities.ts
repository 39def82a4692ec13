/** Where a board contradicts itself. It is told and never mended: the tables are what counts. */
import { buildGraph, heaviestChain } from '../report/graph.ts';
import type { DraftEdge, DraftTask } from './draft.ts';
import type { TableRow } from './markdown.ts';

interface Board {
  readonly text: string;
  readonly tasks: readonly DraftTask[];
  readonly edges: readonly DraftEdge[];
  readonly rowOf: ReadonlyMap<string, TableRow>;
}

const MINUTES_PER_HOUR = 60;

export const boardOddities = (board: Board): readonly string[] =>
  [
    headCounts(board),
    sessionCount(board),
    availableTooEarly(board),
    blockedByNothing(board),
    wallClock(board),
    absolutePaths(board),
    drawing(board),
  ].filter((warning) => warning !== undefined);

/** A line such as `**Total Tasks:** 46 (…)` of the board's head. */
const headLine = ({ text }: Board, name: string): string | undefined =>
  new RegExp(`^\\*\\*${name}:\\*\\*\\s*(.+?)\\s*$`, 'mi').exec(text)?.[1];

const headCounts = (board: Board): string | undefined => {
  const line = headLine(board, 'Total Tasks');
  if (line === undefined) return undefined;
  const total = Number.parseInt(line, 10);
  const filler = Number.parseInt(/(\d+)\s+filler/i.exec(line)?.[1] ?? '', 10);
  const fillers = board.tasks.filter((task) => task.filler).length;
  if (total === board.tasks.length && (Number.isNaN(filler) || filler === fillers))
    return undefined;
  const said = Number.isNaN(filler) ? '' : `, ${filler} of them filler`;
  return `The head says ${total} tasks${said}; the tables hold ${board.tasks.length} and ${fillers}.`;
};

const sessionCount = (board: Board): string | undefined => {
  const match = /^(\d+)\s*\((.+)\)/.exec(headLine(board, 'Sessions Active') ?? '');
  const listed = match?.[2]?.split(',').length;
  if (listed === undefined || listed === Number(match?.[1])) return undefined;
  return `The head says ${match?.[1]} active sessions and lists ${listed}.`;
};

const unfinishedBlockers = ({ tasks, edges }: Board, id: string): readonly string[] => {
  const done = new Set(tasks.filter((task) => task.done).map((task) => task.id));
  return edges.filter(({ from, to }) => from === id && !done.has(to)).map(({ to }) => to);
};

const availableTooEarly = (board: Board): string | undefined => {
  const early = board.tasks
    .filter(({ status }) => status === 'AVAILABLE')
    .map(({ id }) => ({ id, waitsFor: unfinishedBlockers(board, id) }))
    .filter(({ waitsFor }) => waitsFor.length > 0);
  if (early.length === 0) return undefined;
  const list = early.map(({ id, waitsFor }) => `${id} (waits for ${waitsFor.join(', ')})`);
  return `AVAILABLE though a dependency is not done: ${list.join(', ')}. The dependencies decide.`;
};

const blockedByNothing = (board: Board): string | undefined => {
  const free = board.tasks.filter(
    ({ id, status }) => status === 'BLOCKED' && unfinishedBlockers(board, id).length === 0,
  );
  if (free.length === 0) return undefined;
  return `BLOCKED though every dependency is done: ${free.map(({ id }) => id).join(', ')}. The dependencies decide.`;
};

const wallClock = (board: Board): string | undefined => {
  const promised = /^(\d+)(?:\s*[-–]\s*(\d+))?\s*hours?/i.exec(
    headLine(board, 'Estimated Wall-Clock') ?? '',
  );
  if (promised === null) return undefined;
  const minutesOf = new Map(
    board.tasks.map(({ id, estimateMinutes }) => [id, estimateMinutes ?? 0]),
  );
  const graph = buildGraph({ ...board, phases: [] });
  const hours = heaviestChain(graph, (id) => minutesOf.get(id) ?? 0).length / MINUTES_PER_HOUR;
  const hoursMax = Number(promised[2] ?? promised[1]);
  if (hours <= hoursMax) return undefined;
  return `It promises ${promised[0]} of wall clock; its own critical path needs ${hours} h.`;
};

const absolutePaths = ({ rowOf }: Board): string | undefined => {
  const paths = [...rowOf.values()].filter(({ cells }) =>
    /^`?\//.test(cells.get('deliverable') ?? ''),
  ).length;
  return paths === 0
    ? undefined
    : `${paths} deliverables are absolute paths of another machine; kept as text.`;
};

/** Box-drawing arrows say the order a second time; only the tables are read. */
const drawing = ({ text }: Board): string | undefined =>
  /[─┬┴├└┘]{2,}>/.test(text)
    ? 'The drawing of the critical path was not read; the tables are the order.'
    : undefined;
