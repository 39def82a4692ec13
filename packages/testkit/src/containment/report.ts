/** How a run of the suite reads: a line a case, a table, and whether it held. Pure. */
import type { Attempted, CaseResult, LeftOut, LineReport } from './words.ts';

/**
 * The parent plays upstream, fabric and attacker as well, and what those once needed the allocator keeps; it may not be
 * more than this.
 */
export const PARENT_GROWTH_BYTES_MAX = 192 * 1024 * 1024;
/** Rounds of the same kind leave nothing; the collector's own breathing is no more than this. */
export const SOAK_GROWTH_BYTES_MAX = 16 * 1024 * 1024;
export const CASES = 99;
const MIB = 1024 * 1024;

const VERDICT_MARK: Readonly<Record<CaseResult['verdict'], string>> = {
  contained: 'ok',
  surprise: 'SURPRISE',
  escaped: 'ESCAPED',
  threw: 'THREW',
  'not run': 'NOT RUN',
};

/** Text of a guest is data: what could move a cursor is shown as a dot. */
export const printable = (text: string): string => text.replace(/[^\x20-\x7e\u00a0-\uffff]/g, '·');

/** `ok  12 a stopped guest still dies · node 24.21.0 · level 3 · kill · wall, 512 ms`. */
export const lineOf = (result: CaseResult): string =>
  [
    `${VERDICT_MARK[result.verdict].padEnd(8)} ${String(result.case).padStart(3)}`,
    ` ${printable(result.name)}`,
    ` · node ${result.node} · level ${result.level} · ${result.by ?? '–'} · ${printable(result.how)}`,
    ` · ${Math.round(result.ms)} ms`,
  ].join('');

export interface Judgement {
  readonly ok: boolean;
  /** Everything that is not as it has to be, in words. */
  readonly faults: readonly string[];
}

export interface Wanted {
  readonly cases: readonly number[];
  readonly level: number;
}

/** What has to hold of one Node line: every case was run and contained, at the level, and the parent is as before. */
export const judgeLine = (report: LineReport, { cases, level }: Wanted): Judgement => {
  const faults: string[] = [];
  const at = `node ${report.node}`;
  if (report.level < level)
    faults.push(`${at}: level ${report.level} was attained, ${level} is needed`);
  const ran = new Map(report.results.map((result) => [result.case, result]));
  for (const number of cases) {
    const result = ran.get(number);
    if (result === undefined || result.verdict === 'not run')
      faults.push(`${at}: case ${number} was not run${result ? `: ${result.how}` : ''}`);
    else if (result.verdict !== 'contained')
      faults.push(`${at}: case ${number} ${result.verdict}: ${printable(result.how)}`);
  }
  for (const { attempt, without, verdict, detail, case: number } of report.matrix) {
    if (verdict === 'allowed')
      faults.push(
        `${at}: case ${number}: ${attempt} without ${without}: allowed: ${printable(detail)}`,
      );
  }
  const { rssBytesBefore, rssBytesAfter, soakBytes, soakRounds, orphans } = report.parent;
  if (soakBytes > SOAK_GROWTH_BYTES_MAX)
    faults.push(`${at}: the parent grew by ${mib(soakBytes)} MiB in ${soakRounds} equal rounds`);
  if (rssBytesAfter - rssBytesBefore > PARENT_GROWTH_BYTES_MAX)
    faults.push(`${at}: the parent grew from ${mib(rssBytesBefore)} to ${mib(rssBytesAfter)} MiB`);
  if (orphans > 0) faults.push(`${at}: ${orphans} processes were left behind`);
  return { ok: faults.length === 0, faults };
};

const mib = (bytes: number): number => Math.round(bytes / MIB);

const column = (rows: readonly (readonly string[])[]): readonly string[] => {
  const widths = rows.reduce<readonly number[]>(
    (known, row) => row.map((cell, at) => Math.max(known[at] ?? 0, cell.length)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
};

/** One row a case, one column a Node line: which layer stopped it. */
export const tableOf = (reports: readonly LineReport[]): readonly string[] => {
  const numbers = [...new Set(reports.flatMap(({ results }) => results.map((one) => one.case)))];
  const rows = numbers
    .toSorted((one, other) => one - other)
    .map((number) => {
      const cells = reports.map(({ results }) => results.find((one) => one.case === number));
      const first = cells.find((cell) => cell !== undefined);
      return [
        String(number),
        first?.group ?? '',
        printable(first?.name ?? ''),
        ...cells.map((cell) =>
          cell === undefined
            ? '–'
            : cell.verdict === 'contained'
              ? (cell.by ?? '')
              : VERDICT_MARK[cell.verdict],
        ),
      ];
    });
  return column([['case', 'group', 'name', ...reports.map(({ node }) => `node ${node}`)], ...rows]);
};

const MATRIX_MARK: Readonly<Record<Attempted['verdict'], string>> = {
  denied: 'denied',
  harmless: 'harmless',
  allowed: 'ALLOWED',
};

const WORST_FIRST: readonly Attempted['verdict'][] = ['allowed', 'harmless', 'denied'];

/** One row an attempt, one column a layer that was left out; below it what was let through, and why that does no harm. */
export const matrixOf = (matrix: readonly Attempted[]): readonly string[] => {
  const columns = [...new Set(matrix.map(({ without }) => without))];
  const byAttempt = Map.groupBy(matrix, (one) => `${one.case} ${one.attempt}`);
  const rows = [...byAttempt].map(([attempt, cells]) => [
    printable(attempt),
    ...columns.map((without) => {
      const marks = new Set(
        cells.filter((one) => one.without === without).map(({ verdict }) => verdict),
      );
      const worst = WORST_FIRST.find((verdict) => marks.has(verdict));
      return worst === undefined ? '–' : MATRIX_MARK[worst];
    }),
  ]);
  const reasons = matrix
    .filter(({ verdict }) => verdict !== 'denied')
    .map(
      (one) =>
        `  ${one.attempt} (${heading(one.without)}): ${printable(one.detail.replace(/ \([^)]*\)$/, ''))}`,
    );
  return [
    ...column([
      ['attempt', ...columns.map((one) => (one === 'none' ? 'all' : `−${one}`))],
      ...rows,
    ]),
    ...(reasons.length === 0 ? [] : ['', 'let through:', ...new Set(reasons)]),
  ];
};

const heading = (without: LeftOut): string => {
  if (without === 'none') return 'all';
  return without === 'level 2' ? without : `−${without}`;
};

/** What a Node line's report says in one paragraph. */
export const summaryOf = (report: LineReport): string => {
  const held = report.results.filter(({ verdict }) => verdict === 'contained').length;
  const denied = report.matrix.filter(({ verdict }) => verdict === 'denied').length;
  const { rssBytesBefore, rssBytesAfter, soakBytes, soakRounds, neighbourRuns, orphans } =
    report.parent;
  return [
    `node ${report.node} (V8 ${report.v8}), ${report.platform}, level ${report.level} of ${report.layers.join(', ')}:`,
    ` ${held} of ${report.results.length} cases contained in ${Math.round(report.seconds)} s;`,
    ` ${denied} of ${report.matrix.length} attempts of a breach denied;`,
    ` parent ${mib(rssBytesBefore)} → ${mib(rssBytesAfter)} MiB and ${mib(soakBytes)} MiB more in ${soakRounds} equal rounds,`,
    ` ${neighbourRuns} runs of neighbours right,`,
    ` ${orphans} processes left behind.`,
  ].join('');
};
