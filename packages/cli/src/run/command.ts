/** `ifab run PLAN`: a plan's commands, done by sessions of this process. */
import { openSandbox } from '../chassis/sandbox.ts';
import { confirmed, moneyOption } from '../commands/confirmed.ts';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { PlanId } from '@infrafabric/protocol';
import type { PlanSpec } from '@infrafabric/protocol';
import { planFromLog } from '../commands/plan-export.ts';
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import type { Terminal } from '../output/terminal.ts';
import { loadPlanSource, readPlan, renderIssues } from '../plans/index.ts';
import type { CommandContext } from '../tree/command.ts';
import { fetchBlob, storeBlob } from './blobs.ts';
import type { AttemptParts } from './attempt.ts';
import { anyExecutor } from './executors/executor.ts';
import { shellExecutor } from './executors/shell.ts';
import { simulatedExecutor } from './executors/simulated.ts';
import { wasmExecutor } from './executors/wasm.ts';
import { openFabricOfRun } from './fabric-of-run.ts';
import type { FabricOfRun } from './fabric-of-run.ts';
import { createGit } from './git.ts';
import { runFlags } from './options.ts';
import type { RunFlags } from './options.ts';
import { endDeadRunners, runnerName } from './runner-name.ts';
import { runPlan } from './run-plan.ts';
import type { RunOptions, RunSummary } from './run-plan.ts';
import { exitOfRun, summaryJson, summaryText } from './summary.ts';
import type { Phase } from './verdicts.ts';
import { jsonView } from './view/json-view.ts';
import { lineView } from './view/line-view.ts';
import { liveView } from './view/live-view.ts';
import { quietView } from './view/view.ts';
import type { MakeView, RunView } from './view/view.ts';

/**
 * Runs a plan and resolves to the exit code (`exitOfRun`). Ctrl-C finishes what runs; a second one kills it. Throws a
 * CliError or an error of the SDK for a plan or a fabric that it cannot work with.
 *
 * @example
 * ifab run examples/repo-checks.yaml --in . --sessions 4
 */
export async function runCommand(context: CommandContext): Promise<number> {
  const { out, flags, io } = context;
  const wanted = runFlags(context);
  const file = await planFile(wanted, io.cwd);
  if (flags.dryRun && file !== undefined) return dryRun(context, wanted, file);
  const fabric = await openFabricOfRun(context, wanted.join);
  try {
    const plan = file ?? (await planFromLog(fabric.client, wanted.path));
    if (flags.dryRun) return dryRun(context, wanted, plan);
    out.note(`${fabric.isOwn ? 'started' : 'joined'} the fabric at ${fabric.url}`);
    const ended = await endDeadRunners(fabric.client);
    if (ended > 0)
      out.note(`${ended} sessions of runners that were killed are ended; their tasks are ready`);
    const asked = { plan, isSubmitted: file === undefined, wanted, fabric };
    const summary = await Promise.race([run(context, asked), fabric.fatal]);
    out.data(summaryJson(summary), (terminal) => summaryText(terminal, summary));
    return exitOfRun(summary);
  } finally {
    await fabric.close();
  }
}

function dryRun({ out }: CommandContext, { sessions }: RunFlags, plan: PlanSpec): number {
  const tasks = plan.tasks.length;
  const said = { planId: plan.id, tasks, sessions };
  out.data(said, () => `would run ${tasks} tasks of ${plan.id} with ${sessions} sessions\n`);
  return EXIT_DONE;
}

interface Parts {
  readonly plan: PlanSpec;
  readonly isSubmitted: boolean;
  readonly wanted: RunFlags;
  readonly fabric: FabricOfRun;
}

async function run(context: CommandContext, asked: Parts): Promise<RunSummary> {
  const { io, out } = context;
  const { plan, wanted, fabric } = asked;
  await submit(context, asked);
  let view: RunView | undefined;
  const parts = await attemptParts(context, asked, (folder, why) => {
    view?.note(`kept ${folder}: ${why}`);
  });
  const told = (): void => view?.note('finishing what runs; Ctrl-C again kills it');
  io.interrupted.addEventListener('abort', told, { once: true });
  const asksFor: RunOptions = {
    client: fabric.client,
    plan,
    isSubmitted: true,
    sessions: wanted.sessions,
    swarm: wanted.swarm,
    name: runnerName(process.pid),
    parts,
    view: (board) => {
      view = viewFor(context, out.terminal)(board);
      return view;
    },
    approves: async (phase, shown) => wanted.approve || askApproval(context, phase, shown),
    drain: io.interrupted,
  };
  try {
    return await runPlan(asksFor);
  } finally {
    // What waits for a next run, waits in vain now.
    await parts.executor.close?.();
  }
}

/** The plan with a person's word where it may cost much; with --budget the realm may spend so much first. */
async function submit(
  context: CommandContext,
  { plan, isSubmitted, fabric: { client } }: Parts,
): Promise<void> {
  const limitMicroUsd = moneyOption(context, 'budget');
  if (limitMicroUsd !== undefined)
    await client.call('budgets.set', { account: 'realm', limitMicroUsd });
  if (isSubmitted) return;
  await confirmed(context, (confirmation) =>
    client.call('plans.submit', { plan, ...confirmation }),
  );
}

async function attemptParts(
  context: CommandContext,
  { wanted, fabric }: Parts,
  onKept: AttemptParts['onKept'],
): Promise<AttemptParts> {
  const { io } = context;
  const { client, dataDir, url, token } = fabric;
  const target = { url, token: () => token };
  await mkdir(dataDir, { recursive: true });
  const shell = {
    path: io.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    lang: io.env['LANG'] ?? 'C.UTF-8',
  };
  const sharedFolder =
    wanted.sharedFolder === undefined ? undefined : resolve(io.cwd, wanted.sharedFolder);
  if (sharedFolder !== undefined && !(await isFolder(sharedFolder))) {
    throw cliError('cli.usage', `${sharedFolder} is no folder`, 'Name one that exists with --in.');
  }
  return {
    client,
    executor: wanted.isSimulated
      ? simulatedExecutor({ meanMs: wanted.workMs, seed: wanted.seed })
      : anyExecutor([shellExecutor(shell), wasmExecutor(() => openSandbox(context))]),
    isSimulated: wanted.isSimulated,
    shell,
    git: createGit(shell.path),
    dataDir,
    sharedFolder,
    planFolder: dirname(resolve(io.cwd, wanted.path)),
    store: (bytes) => storeBlob(target, bytes),
    fetch: (digest) => fetchBlob(target, digest),
    // The process ends with a second Ctrl-C, and its commands end with it (P3).
    kill: new AbortController().signal,
    isKept: wanted.isKept,
    onKept,
  };
}

/** The plan in the file; undefined where there is no such file and the word may be the id of a plan. */
async function planFile(
  { path, planId, reopen }: RunFlags,
  cwd: string,
): Promise<PlanSpec | undefined> {
  const full = resolve(cwd, path);
  const isId = PlanId.safeParse(path).success && !/\.(?:ya?ml|jsonl?|md)$/i.test(path);
  if (isId && !(await isThere(full))) return undefined;
  const source = await loadPlanSource(full);
  const options = planId === undefined ? { reopen } : { planId, reopen };
  const result = readPlan(source, options);
  if (result.kind === 'plan') return result.plan;
  const words = renderIssues(result.issues, { width: 100 });
  throw cliError('cli.input', `${path} is no plan that can be run`, words);
}

const viewFor =
  ({ io, flags }: CommandContext, terminal: Terminal): MakeView =>
  (board) => {
    if (flags.json) return jsonView(io);
    if (flags.quiet) return quietView;
    const canDraw =
      io.stderr.isTerminal && (io.env['CI'] ?? '') === '' && io.env['TERM'] !== 'dumb';
    return canDraw ? liveView(io, terminal, board) : lineView(io, terminal, board);
  };

async function askApproval(
  { io, flags }: CommandContext,
  { id, title }: Phase,
  view: RunView,
): Promise<boolean> {
  if (flags.yes) return true;
  if (!flags.input || flags.json || !io.stdinIsTerminal || !io.stderr.isTerminal) return false;
  const answer = await view.pause(() =>
    io.ask(`Phase ${id} (${title}) waits for an operator. Approve it? [y/N] `),
  );
  return /^y(?:es)?$/i.test(answer.trim());
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
