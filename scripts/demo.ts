/**
 * The demonstration: a real fabric in a folder of its own, real sessions over a real connection, simulated work.
 *
 *     npm run demo [-- --json] [--seed N] [--budget-s N]
 *
 * 1. Two sessions race for one task; other things that are refused.
 * 2. The plan of seven sessions and 49 agents, while a process is killed and another one is frozen.
 * 3. A plan of real commands over this repository.
 * 4. The log, verified and decided again from its files, and counted.
 */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { usdText } from '../packages/cli/src/costs/money.ts';
import { loadPlanSource, readPlan } from '../packages/cli/src/plans/index.ts';
import { fetchBlob, storeBlob } from '../packages/cli/src/run/blobs.ts';
import { shellExecutor } from '../packages/cli/src/run/executors/shell.ts';
import { createGit } from '../packages/cli/src/run/git.ts';
import { runPlan } from '../packages/cli/src/run/run-plan.ts';
import { noticeText } from '../packages/cli/src/run/view/line-view.ts';
import { createTerminal } from '../packages/cli/src/output/terminal.ts';
import { jsonLog } from '../packages/cli/src/server/json-log.ts';
import { startFabric } from '../packages/cli/src/server/start-fabric.ts';
import type { RunningFabric } from '../packages/cli/src/server/start-fabric.ts';
import { Config, openDataFolder, verifyFolder } from '../packages/fabric/src/index.ts';
import type { FolderReport } from '../packages/fabric/src/index.ts';
import { connect } from '../packages/sdk/src/index.ts';
import type { Client } from '../packages/sdk/src/index.ts';
import type { PlanSpec } from '../packages/protocol/src/index.ts';
import { readLogFigures } from './demo/log-figures.ts';
import type { LogFigures } from './demo/log-figures.ts';
import { gangUp } from './demo/gang-up.ts';
import { spendAndStop } from './demo/money.ts';
import { raceAndRefuse } from './demo/refusals.ts';
import { Story } from './demo/story.ts';
import { Swarm } from './demo/swarm.ts';
import type { SwarmResult } from './demo/swarm.ts';

const ROOT = dirname(import.meta.dirname);
const SEED_DEFAULT = 7;
/** Ten times what a quiet machine needs: a demonstration that hangs says so instead. */
const BUDGET_S_DEFAULT = 180;
/** The command line of a clone, with nothing installed beside it. */
const IFAB = 'npx ifab';

interface Outcome {
  readonly figures: LogFigures;
  readonly report: FolderReport;
  readonly tasks: number;
  readonly done: number;
  readonly firstClaimS: number;
  readonly killedSessions: number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean' },
      seed: { type: 'string' },
      'budget-s': { type: 'string' },
    },
  });
  const isJson = values.json === true;
  const stream = isJson ? process.stderr : process.stdout;
  const story = new Story(
    (text) => void stream.write(text),
    stream.isTTY && process.env['NO_COLOR'] === undefined,
  );
  const seed = Number(values.seed ?? SEED_DEFAULT);
  story.plain(
    story.paint(
      'bold',
      'InfraFabric: a demonstration with simulated agents, and a proof at its end',
    ),
  );
  const folder = mkdtempSync(join(tmpdir(), 'ifab-demo-'));
  const budgetS = Number(values['budget-s'] ?? BUDGET_S_DEFAULT);
  const swarm = new Swarm(story, seed);
  const late = setTimeout(() => {
    void swarm.stop().finally(() => {
      tellLate(story, { folder, budgetS, isJson });
      process.exit(1);
    });
  }, budgetS * 1_000);
  try {
    const outcome = await play(story, { folder, swarm });
    const isGood = goodOf(outcome);
    tellEnd(story, folder, outcome, isGood);
    if (isJson)
      process.stdout.write(`${JSON.stringify(summaryOf(outcome, { folder, story, isGood }))}\n`);
    return isGood ? 0 : 1;
  } catch (cause) {
    story.plain(
      `\nThe demonstration failed: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`,
    );
    story.plain(`What it left: ${folder}`);
    return 70;
  } finally {
    clearTimeout(late);
  }
}

/** As a person does whose plan is dearer than what is taken unasked: looks at it, raises the realm's limit, confirms. */
async function submitConfirmed(client: Client, plan: PlanSpec, story: Story): Promise<void> {
  const { worstMicroUsd } = await client.call('plans.preview', { plan });
  const limitMicroUsd = plan.budget?.limitMicroUsd ?? worstMicroUsd;
  const reason = 'the demonstration';
  await client.call('budgets.set', { account: 'realm', limitMicroUsd, reason });
  const submitted = await client.call('plans.submit', { plan, confirmMicroUsd: worstMicroUsd });
  story.fact(
    `plan ${plan.id}: ${submitted.tasks} tasks in ${plan.phases?.length ?? 0} phases; ${usdText(worstMicroUsd)} at worst was confirmed, and no more than ${usdText(limitMicroUsd)} may be spent`,
  );
}

interface Late {
  readonly folder: string;
  readonly budgetS: number;
  readonly isJson: boolean;
}

/** The time is up: what was told is what was covered, and nothing was proved. */
function tellLate(story: Story, { folder, budgetS, isJson }: Late): void {
  const covered = story.chapters.slice(0, -1);
  story.plain(
    `\nThe budget of ${budgetS} s is used up in: ${story.chapters.at(-1) ?? 'the start'}`,
  );
  story.plain(`What it left: ${folder}`);
  const summary = { ok: false, budgetS, covered, seconds: rounded(story.seconds), folder };
  if (isJson) process.stdout.write(`${JSON.stringify(summary)}\n`);
}

async function play(
  story: Story,
  { folder, swarm }: { readonly folder: string; readonly swarm: Swarm },
): Promise<Outcome> {
  const fabric = await startFabric({
    config: { ...Config.parse({ listenPort: 0, notify: [] }), dataDir: folder },
    stderr: { write: (text) => void process.stderr.write(text), isTerminal: false },
    log: jsonLog({ write: (text) => void process.stderr.write(text) }, 'error'),
    onFatal: (fault) => {
      throw fault;
    },
  });
  story.fact(
    `a fabric listens at ${fabric.url}; its log is in ${folder}, synced before any answer`,
  );
  const client = await connect({ url: fabric.url, token: fabric.operatorToken });
  const plan = await planIn('examples/swarm-of-swarms.yaml');
  await submitConfirmed(client, plan, story);
  const { firstClaimS } = await raceAndRefuse(client, story);
  await spendAndStop(client, story);
  await gangUp(client, story);
  // Not earlier: seven processes that load their code would keep the first claim waiting.
  const result = await workSwarm(swarm, client, { url: fabric.url, token: fabric.operatorToken });
  const checks = await runChecks(story, client, fabric);
  client.close();
  await fabric.close();
  const proof = await prove(story, folder, result.killedSessions);
  return {
    ...proof,
    tasks: result.tasks + checks.total,
    done: result.done + checks.done,
    firstClaimS,
    killedSessions: result.killedSessions.length,
  };
}

/** However it ends, no process is left behind. */
async function workSwarm(
  swarm: Swarm,
  client: Client,
  access: { readonly url: string; readonly token: string },
): Promise<SwarmResult> {
  try {
    return await swarm.run(client, access);
  } finally {
    await swarm.stop();
  }
}

async function planIn(path: string): Promise<PlanSpec> {
  const read = readPlan(await loadPlanSource(join(ROOT, path)));
  if (read.kind !== 'plan') throw new Error(`${path} is no plan`);
  return read.plan;
}

/** Real commands over this repository, by the runner that `ifab run` uses. */
async function runChecks(
  story: Story,
  client: Client,
  { url, operatorToken, dataDir }: RunningFabric,
): Promise<{ readonly total: number; readonly done: number }> {
  const plan = await planIn('examples/repo-checks.yaml');
  story.chapter(
    `Real commands: ${plan.tasks.length} checks of this repository, with gates and evidence`,
  );
  const path = process.env['PATH'] ?? '';
  const shell = { path, lang: 'C.UTF-8' };
  const blobs = { url, token: () => operatorToken };
  const terminal = createTerminal(false, 100);
  const summary = await runPlan({
    client,
    plan,
    isSubmitted: false,
    sessions: 3,
    name: `run-${process.pid}@demo`,
    parts: {
      client,
      executor: shellExecutor(shell),
      isSimulated: false,
      shell,
      git: createGit(path),
      dataDir,
      sharedFolder: ROOT,
      planFolder: ROOT,
      store: (bytes) => storeBlob(blobs, bytes),
      fetch: (digest) => fetchBlob(blobs, digest),
      kill: new AbortController().signal,
      isKept: false,
      onKept: () => undefined,
    },
    view: () => ({
      event: (_item, notice) => {
        if (notice !== undefined && notice.what !== 'started')
          story.fact(noticeText(terminal, notice));
      },
      note: (text) => story.fact(text),
      pause: (during) => during(),
      close: () => undefined,
    }),
    approves: () => Promise.resolve(false),
    drain: new AbortController().signal,
  });
  if (summary.plan.status !== 'done')
    throw new Error(`the checks are not done: ${summary.left.join('; ')}`);
  return summary.plan.counts;
}

/** Everything is closed: from here on only files are read. */
async function prove(
  story: Story,
  folder: string,
  killedSessions: readonly string[],
): Promise<{ readonly figures: LogFigures; readonly report: FolderReport }> {
  story.chapter('The proof: nothing but the files of the log');
  const { origin, vkey } = openDataFolder(folder, { realm: Config.parse({}).realm });
  const report = await verifyFolder(folder, {
    levels: [0, 1, 5],
    mode: 'falsify',
    log: { origin, vkeys: [vkey] },
    heldCheckpoints: [readFileSync(join(folder, 'checkpoint'), 'utf8')],
  });
  const { size, root, anchored } = report.log;
  const { replay } = report;
  if (report.ok && replay !== undefined) {
    story.good(
      `${size} entries verified: frames, chain, Merkle tree, tiles, signed checkpoints (${anchored})`,
    );
    const hashes =
      replay.hashesCompared === 0 ? '' : `, state hashes equal (${replay.hashesCompared})`;
    story.good(`${replay.decided} decisions made again with the same result${hashes}`);
    story.good('invariants C1 to C5, G1, G2 and G4 checked after each of them');
    story.fact(`root ${root}`);
  } else {
    story.refusal('the log', {
      code: 'not verified',
      detail: JSON.stringify(report.log.firstBad ?? replay?.diverged),
    });
  }
  const figures = await readLogFigures(folder, killedSessions);
  return { figures, report };
}

const goodOf = ({ figures, report, tasks, done }: Outcome): boolean =>
  report.ok &&
  done === tasks &&
  figures.doubleClaims === 0 &&
  figures.staleWritesRefused >= 1 &&
  figures.recovered.length >= 1;

function tellEnd(story: Story, folder: string, outcome: Outcome, isGood: boolean): void {
  const { figures, tasks, done, killedSessions } = outcome;
  story.chapter('Counted from the log');
  story.plain(`  tasks done               ${done} of ${tasks}`);
  story.plain(`  leases granted           ${figures.leases}, of which ${figures.expiries} expired`);
  story.plain(`  double claims            ${figures.doubleClaims}`);
  story.plain(
    `  stale writes refused     ${figures.staleWritesRefused} in the log (it records the first few of each session)`,
  );
  story.plain(
    `  dead sessions recovered  ${figures.recovered.length} that held a task, of ${killedSessions} killed`,
  );
  story.plain(`  blockers raised, lifted  ${figures.blockers}`);
  story.chapter(isGood ? 'It holds.' : 'It does not hold: see above.');
  story.plain(`  created      ${folder} (the log, its keys and proofs)`);
  story.plain(`  remove it    rm -rf ${folder}`);
  story.plain(`  for real     ${IFAB} serve`);
  story.plain(`               ${IFAB} run examples/repo-checks.yaml --in .`);
}

function summaryOf(
  outcome: Outcome,
  {
    folder,
    story,
    isGood,
  }: { readonly folder: string; readonly story: Story; readonly isGood: boolean },
): unknown {
  const { figures, report, tasks, done, firstClaimS } = outcome;
  return {
    ok: isGood,
    tasks,
    done,
    doubleClaims: figures.doubleClaims,
    staleWritesRefused: figures.staleWritesRefused,
    deadSessionsRecovered: figures.recovered.length,
    verified: report.ok,
    replayed: report.replay?.decided ?? 0,
    size: report.log.size,
    root: report.log.root,
    firstClaimSeconds: rounded(firstClaimS),
    seconds: rounded(story.seconds),
    folder,
  };
}

const rounded = (seconds: number): number => Math.round(seconds * 100) / 100;

// What failed in the middle has left a fabric and its clients open: none of them may keep the process alive.
process.exit(await main());
