/**
 * One attempt at one task, from its lease to what is handed in.
 *
 * A1  Nothing is written once the lease is lost; what still runs is ended at once.
 * A2  What the attempt changed in a repository outlives it, unless there is nothing to lose.
 * A3  A completion names what it rests on: exit code, log, change and gates, each by digest.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest, Evidence } from '@infrafabric/protocol';
import type { Client, Lease, Session } from '@infrafabric/sdk';
import { printable } from '../plans/index.ts';
import type { StoredBlob } from './blobs.ts';
import { chassisOfLease } from './chassis-of-lease.ts';
import type { Execution, Executor } from './executors/executor.ts';
import type { ShellSettings } from './executors/shell.ts';
import { tailOf } from './executors/transcript.ts';
import { describeEnding, exitCodeOf, runGates } from './gates.ts';
import type { GateRun } from './gates.ts';
import type { Git } from './git.ts';
import { reportLines } from './line-report.ts';
import { changesOf, closeWorkTree, openWorkTree, treeName } from './work-tree.ts';
import type { WorkTree } from './work-tree.ts';

export interface AttemptParts {
  readonly executor: Executor;
  /** The operator's. */
  readonly client: Client;
  /** Whether the work is only played: no command, no work tree and no gate runs. */
  readonly isSimulated: boolean;
  readonly shell: ShellSettings;
  readonly git: Git;
  /** Work folders and mirrors lie below it. */
  readonly dataDir: string;
  /** Where commands of tasks without a repository run together; absent: each in an empty folder of its own. */
  readonly sharedFolder: string | undefined;
  /** Paths of repositories are taken from here. */
  readonly planFolder: string;
  readonly store: (bytes: Uint8Array) => Promise<StoredBlob>;
  /** The bytes of a blob; undefined where there is none. */
  readonly fetch: (digest: Digest) => Promise<Uint8Array | undefined>;
  /** Aborts when the runner must stop at once. */
  readonly kill: AbortSignal;
  /** Folders are kept for a look at them. */
  readonly isKept: boolean;
  readonly onKept: (folder: string, why: string) => void;
}

/**
 * What to hand in. `dropped`: the lease is lost. `stopped`: the runner ends, the lease goes back. `unfit`: it goes back
 * because this runner must not do the task; the attempt does not count.
 */
export type AttemptOutcome =
  | { readonly kind: 'complete'; readonly evidence: Evidence }
  | { readonly kind: 'fail'; readonly reason: string }
  | { readonly kind: 'dropped' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'unfit'; readonly reason: string };

/** Where the commands of one attempt, or of one verdict, run. */
export interface Place {
  readonly workFolder: string;
  readonly privateFolder: string;
  readonly tree: WorkTree | undefined;
  /** Gives back what the place took, but never what would be lost (A2). */
  readonly leave: () => Promise<void>;
}

/** Lines of a failed command's output that go into the log of the realm; the whole of it is a blob. */
const TAIL_LINES = 20;
const REASON_CHARS_MAX = 2_000;

export async function performAttempt(
  lease: Lease,
  session: Session,
  parts: AttemptParts,
): Promise<AttemptOutcome> {
  const { taskId, task, grant } = lease;
  const place = await enterPlace({ taskId, repo: task.repo, suffix: String(grant.fence) }, parts);
  if (typeof place === 'string') return { kind: 'fail', reason: place };
  const report = reportLines(lease);
  try {
    const work = { taskId, attempt: grant.attempt, task };
    const execution = await parts.executor.start(work, {
      ...place,
      abort: AbortSignal.any([lease.signal, parts.kill]),
      onLine: report.line,
      ...(parts.isSimulated ? {} : { chassis: chassisOfLease({ lease, session, ...parts }) }),
    });
    report.stop();
    const { ending } = execution;
    if (ending.kind === 'aborted') return stoppedBy(lease);
    if (ending.kind === 'unfit') return { kind: 'unfit', reason: reasonOf(ending.detail) };
    const log = await storeLog(execution, parts);
    if (exitCodeOf(ending) !== 0) {
      if (log !== undefined) await tellLog(lease, session, log);
      return { kind: 'fail', reason: failureOf(execution) };
    }
    const change = place.tree === undefined ? {} : await changeOf(place.tree, parts);
    const gates = await gatesOf(lease, place, parts);
    if (gates.isAborted) return stoppedBy(lease);
    if (gates.failure !== undefined) {
      const { name, text } = gates.failure;
      return { kind: 'fail', reason: reasonOf(`gate “${name}”: ${text}`) };
    }
    return {
      kind: 'complete',
      evidence: evidenceOf({ lease, execution, log, change, gates, parts }),
    };
  } finally {
    report.stop();
    await place.leave();
  }
}

export interface PlaceRequest {
  readonly taskId: string;
  /** The repository that the work is done in. */
  readonly repo: string | undefined;
  /** Sets this use of the place apart from others of the same task. */
  readonly suffix: string;
  /** The commit that a work tree begins with. */
  readonly commit?: string | undefined;
}

/** Makes the folders, and the work tree where the task names a repository; a text says why it cannot. */
export async function enterPlace(
  { taskId, repo, suffix, commit }: PlaceRequest,
  parts: AttemptParts,
): Promise<Place | string> {
  const { dataDir, git, sharedFolder, isSimulated, isKept } = parts;
  const slash = taskId.indexOf('/');
  const [plan, key] = [taskId.slice(0, slash), taskId.slice(slash + 1)];
  const name = treeName(`${key}-${suffix}`);
  const folder = join(dataDir, 'work', plan, name);
  const privateFolder = join(folder, 'private');
  await mkdir(privateFolder, { recursive: true });
  const discard = async (): Promise<void> => {
    if (isKept) parts.onKept(folder, 'asked for');
    else await rm(folder, { recursive: true, force: true });
  };
  if (repo === undefined || isSimulated) {
    const workFolder = sharedFolder ?? join(folder, 'files');
    await mkdir(workFolder, { recursive: true });
    return { workFolder, privateFolder, tree: undefined, leave: discard };
  }
  try {
    const tree = await openWorkTree(git, {
      repo,
      from: parts.planFolder,
      mirrors: join(dataDir, 'repositories'),
      folder: join(folder, 'tree'),
      branch: `ifab/${plan}/${name}`,
      commit,
    });
    return {
      workFolder: tree.folder,
      privateFolder,
      tree,
      leave: () => leaveTree(tree, { parts, privateFolder, discard }),
    };
  } catch (cause) {
    await rm(folder, { recursive: true, force: true });
    return reasonOf(`no work tree of ${repo}: ${String(cause)}`);
  }
}

async function leaveTree(
  tree: WorkTree,
  { parts, privateFolder, discard }: LeavingParts,
): Promise<void> {
  const why = parts.isKept ? 'asked for' : await closeOrSay(tree, parts);
  if (why === undefined) {
    await discard();
    return;
  }
  await rm(privateFolder, { recursive: true, force: true });
  parts.onKept(tree.folder, why);
}

interface LeavingParts {
  readonly parts: AttemptParts;
  readonly privateFolder: string;
  readonly discard: () => Promise<void>;
}

/** A tree that git will not look at stays: whatever is wrong with it, it may hold work. */
const closeOrSay = (tree: WorkTree, { git }: AttemptParts): Promise<string | undefined> =>
  closeWorkTree(git, tree).catch((cause: unknown) => String(cause));

/** A lost lease is nobody's to give back. */
const stoppedBy = ({ signal }: Lease): AttemptOutcome =>
  signal.aborted ? { kind: 'dropped' } : { kind: 'stopped' };

async function storeLog(
  { transcript }: Execution,
  { store }: AttemptParts,
): Promise<StoredBlob | undefined> {
  return transcript.bytes.length === 0 ? undefined : store(transcript.bytes);
}

/** A failure carries no evidence of its own: its log is told as progress, just before. */
async function tellLog(lease: Lease, session: Session, log: StoredBlob): Promise<void> {
  const { taskId, grant } = lease;
  const artifact = { name: LOG_NAME, ...log };
  await session
    .call('tasks.progress', {
      taskId,
      fencingToken: grant.fencingToken,
      evidence: 'output',
      artifact,
    })
    // Told or not, the failure that follows says the end of the log itself.
    .catch(() => undefined);
}

const LOG_NAME = 'output.log';

interface Change {
  readonly diff?: NonNullable<Evidence['diff']>;
  readonly patch?: StoredBlob;
}

async function changeOf(tree: WorkTree, { git, store }: AttemptParts): Promise<Change> {
  const { diff, patch } = await changesOf(git, tree);
  if (patch === '') return { diff };
  const stored = await store(Buffer.from(patch));
  return { diff: { ...diff, digest: stored.digest }, patch: stored };
}

async function gatesOf(
  { taskId, task, signal }: Lease,
  place: Place,
  parts: AttemptParts,
): Promise<GateRun> {
  const { gates = [] } = task;
  if (!parts.isSimulated) {
    return runGates(gates, {
      ...place,
      abort: AbortSignal.any([signal, parts.kill]),
      onLine: () => undefined,
      settings: parts.shell,
      facts: { IFAB_TASK_ID: taskId },
      store: parts.store,
    });
  }
  const results = gates.map(({ name }) => ({ name, ok: true }));
  return { results, failure: undefined, isAborted: false };
}

interface EvidenceParts {
  readonly lease: Lease;
  readonly execution: Execution;
  readonly log: StoredBlob | undefined;
  readonly change: Change;
  readonly gates: GateRun;
  readonly parts: AttemptParts;
}

function evidenceOf({ lease, execution, log, change, gates, parts }: EvidenceParts): Evidence {
  const artifacts = [
    ...(execution.artifacts ?? []),
    ...(log === undefined ? [] : [{ name: LOG_NAME, ...log }]),
    ...(change.patch === undefined ? [] : [{ name: 'changes.patch', ...change.patch }]),
  ];
  // A simulation says so in the log, with all that it plays.
  const played = parts.isSimulated && lease.task.expects?.includes('diff') === true;
  return {
    summary: parts.isSimulated
      ? `simulated for ${execution.durationMs} ms; no command and no gate was run`
      : summaryOf(execution),
    exitCode: 0,
    ...(artifacts.length === 0 ? {} : { artifacts }),
    ...(gates.results.length === 0 ? {} : { gates: [...gates.results] }),
    ...(change.diff === undefined ? {} : { diff: change.diff }),
    ...(played ? { diff: { filesChanged: 1 } } : {}),
  };
}

function summaryOf({ durationMs, transcript, measured }: Execution): string {
  const cut = transcript.leftOutBytes === 0 ? '' : `, ${transcript.leftOutBytes} bytes not kept`;
  return `${measured ?? `took ${durationMs} ms`}${cut}`;
}

function failureOf({ ending, transcript }: Execution): string {
  return reasonOf(`${describeEnding(ending)}\n${tailOf(transcript, TAIL_LINES)}`.trim());
}

/** Output of others becomes one line of the log: what could act on a terminal is written out. The end counts most. */
function reasonOf(text: string): string {
  const safe = text.split('\n').map(printable).join(' ⏎ ');
  if (safe.length <= REASON_CHARS_MAX) return safe;
  // The cut may leave half a surrogate pair, and the fabric takes no text with one.
  return `…${safe.slice(-(REASON_CHARS_MAX - 1))}`.toWellFormed();
}
