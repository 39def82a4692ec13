/**
 * The executor of modules that nobody trusts: each attempt is one run in the sandbox, under the grant that the run's
 * start gave it.
 *
 * W1  Nothing of a module is compiled or run before its run is on the account, and every run that is has an end there.
 * W2  The runner is dead, or waits without work, before the outcome is told (X1); the lease's end kills it (X2).
 * W3  What is told of a run was measured here; what the guest said is data (X3 bounds it).
 */
import type { RunnerHost, RunReport } from '@infrafabric/fabric/chassis';
import { NO_MEASURE, RUN_DETAIL_CHARS_MAX, RUN_INPUT_BYTES_MAX } from '@infrafabric/protocol';
import type { ModuleAbi, WasmRun } from '@infrafabric/protocol';
import { moduleLoadOf, verdictIn } from '../../chassis/module-load.ts';
import { judged } from '../../chassis/output-schema.ts';
import { measureText } from '../../chassis/report-text.ts';
import { printable } from '../../plans/index.ts';
import type { ChassisLink, RunEnd, RunRefusal, StartedRun } from './chassis-link.ts';
import { nothing } from './executor.ts';
import type { Artifact, Ending, Execution, ExecutionContext, Executor, Work } from './executor.ts';
import { RunNotes } from './run-notes.ts';
import { TranscriptWriter } from './transcript.ts';
import { WasmRunners } from './wasm-runners.ts';
import type { TakenRunner } from './wasm-runners.ts';

/** `open` makes the runner host, at the first task that needs it. */
export function wasmExecutor(open: () => Promise<RunnerHost>): Executor {
  const runners = new WasmRunners(open);
  return {
    takes: ({ run }) => run !== undefined && 'wasm' in run,
    start: async (work, context) => {
      const { run } = work.task;
      const { chassis: link } = context;
      if (run === undefined || !('wasm' in run) || link === undefined)
        return nothing({ kind: 'unstarted', detail: `${work.taskId} names no module` });
      const startedAt = performance.now();
      const execution = await attempt({ work, run, link, context, runners }).catch(
        (cause: unknown) => nothing(brokenEnding(cause, context)),
      );
      return { ...execution, durationMs: Math.round(performance.now() - startedAt) };
    },
    close: () => runners.close(),
  };
}

interface Attempt {
  readonly work: Work;
  readonly run: WasmRun;
  readonly link: ChassisLink;
  readonly context: ExecutionContext;
  readonly runners: WasmRunners;
}

const brokenEnding = (cause: unknown, { abort }: ExecutionContext): Ending =>
  abort.aborted ? { kind: 'aborted' } : { kind: 'unstarted', detail: wordsOf(cause) };

const wordsOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);

/** Namespaces, a filter of system calls, and exact limits. */
const LEVEL_MOST = 3;

async function attempt(parts: Attempt): Promise<Execution> {
  const { run, link, runners, context } = parts;
  const bytes = await link.fetch(run.wasm);
  const blob = run.inputBlob === undefined ? undefined : await link.fetch(run.inputBlob);
  if (bytes === undefined || (run.inputBlob !== undefined && blob === undefined))
    return nothing({ kind: 'unfit', detail: absenceOf(run, bytes) });
  if (blob !== undefined && blob.length > RUN_INPUT_BYTES_MAX)
    return nothing({ kind: 'unstarted', detail: tooLong(blob) });
  const { level, layers, node, platform, missing } = await runners.attained();
  // Where a policy allows less than the most, whoever watches has to see it.
  if (level < LEVEL_MOST) context.onLine(`the sandbox is at level ${level} of ${LEVEL_MOST}`);
  const started = await link.start({ level, layers, node, platform });
  if (started.kind !== 'started') return nothing(endingOf(started, missing));
  const notes = new RunNotes((batch) => link.note(started.runId, batch));
  try {
    const input = blob ?? encodeInput(run.input, started.contract.module.abi);
    const ran = await perform(parts, { started, bytes, input, notes });
    await notes.flush();
    return await tell(parts, started, ran);
  } catch (cause) {
    // W1: whatever broke here, the run that began has an end.
    const detail = tellable(wordsOf(cause));
    const end = { cause: 'unavailable', measure: NO_MEASURE, detail } as const;
    await link.end(started.runId, end).catch(() => undefined);
    throw cause;
  }
}

/** What an operator has yet to bring. Until then each further attempt would fail in the same way, so none is spent. */
const absenceOf = ({ wasm, inputBlob }: WasmRun, bytes: Uint8Array | undefined): string =>
  bytes === undefined
    ? `the fabric holds no module ${wasm}; bring it there: ifab chassis load FILE --contract CONTRACT`
    : `the fabric holds no blob ${inputBlob}, which is the input`;

const tooLong = ({ length }: Uint8Array): string =>
  `the input has ${length} bytes; a run takes ${RUN_INPUT_BYTES_MAX} at most`;

/** Modules of these kinds take bytes of any sort: a text of the plan reaches them as it is. */
const TAKES_TEXT: ReadonlySet<ModuleAbi> = new Set(['extism', 'wasi']);

/** A plan's input as the module gets it: JSON, but a text as it is for modules that take any; nothing for nothing. */
export function encodeInput(input: unknown, abi: ModuleAbi): Uint8Array {
  if (input === undefined) return new Uint8Array();
  return Buffer.from(
    TAKES_TEXT.has(abi) && typeof input === 'string' ? input : JSON.stringify(input),
  );
}

const endingOf = (
  { kind, detail }: RunRefusal,
  missing: readonly { readonly remedy: string }[],
): Ending => {
  if (kind === 'lost') return { kind: 'aborted' };
  if (kind === 'refused') return { kind: 'unstarted', detail };
  // What this very host lacks is known here and not where it was refused.
  const remedies = missing.map(({ remedy }) => remedy).filter((one) => !detail.includes(one));
  return { kind: 'unfit', detail: [detail, ...remedies].join(' → ') };
};

interface Begun {
  readonly started: StartedRun;
  readonly bytes: Uint8Array;
  readonly input: Uint8Array;
  readonly notes: RunNotes;
}

/** What came of it, before anybody is told. */
type Ran = Pick<RunReport, 'cause' | 'detail' | 'measure' | 'output' | 'log'>;

const NOTHING = new Uint8Array();

async function perform(parts: Attempt, begun: Begun): Promise<Ran> {
  const askedAt = performance.now();
  const ran = await performIn(parts, begun, askedAt);
  // A runner that waited for its session may have too little life left for this run; a new one has enough.
  return ran.isKept && ran.cause === 'unavailable' ? performIn(parts, begun, askedAt) : ran;
}

async function performIn(
  parts: Attempt,
  begun: Begun,
  askedAt: number,
): Promise<Ran & { readonly isKept: boolean }> {
  const { link, context, runners } = parts;
  const { contract, limits } = begun.started;
  const waited = (): number => Math.round(performance.now() - askedAt);
  let taken: TakenRunner;
  try {
    taken = await runners.take({
      tenant: { swarmId: contract.swarmId, sessionId: link.sessionId },
      module: moduleLoadOf(contract, begun.bytes, limits),
      signal: context.abort,
    });
  } catch (cause) {
    const cut = context.abort.aborted ? 'revoked' : 'unavailable';
    return { ...unbegun(cut, wordsOf(cause), waited()), isKept: false };
  }
  // Before the account is told of the module: what our own calls take is not the module's doing.
  const queueMs = waited();
  const { isKept } = taken;
  let isSound = false;
  try {
    const refusal = isKept ? undefined : await recorded(parts, begun, taken);
    if (refusal !== undefined) return { ...unbegun('refused', refusal, queueMs), isKept };
    const report = await taken.runner.run({
      taskId: parts.work.taskId,
      entrypoint: parts.run.entrypoint,
      input: begun.input,
      limits,
      http: begun.started.http,
      secrets: begun.started.secrets,
      signal: context.abort,
      onNote: (note) => begun.notes.add(note),
      onLog: context.onLine,
    });
    isSound = report.cause === 'completed' || report.cause === 'failed';
    // Latency is what the caller waits: for a runner, for the module in it, and for the run.
    return { ...report, measure: { ...report.measure, queueMs }, isKept };
  } finally {
    await taken.giveBack(isSound);
  }
}

const unbegun = (cause: Ran['cause'], detail: string, queueMs: number): Ran => ({
  cause,
  detail,
  measure: { ...NO_MEASURE, queueMs },
  output: NOTHING,
  log: NOTHING,
});

/** Tells what admission said of the module; a text says why it is not run. */
async function recorded(
  { run, link }: Attempt,
  { started, bytes }: Begun,
  { loaded }: TakenRunner,
): Promise<string | undefined> {
  const verdict = verdictIn(loaded);
  const facts = { digest: run.wasm, bytes: bytes.length, abi: started.contract.module.abi };
  if (verdict !== undefined) await link.record({ ...facts, ...verdict });
  return loaded.ok ? undefined : loaded.reason;
}

/** Names of outputs by what their makers say they are; nothing here looks into them. */
const OUTPUT_NAMES: Readonly<Record<ModuleAbi, string>> = {
  json: 'output.json',
  js: 'output.json',
  extism: 'output.json',
  wasi: 'output.txt',
};

/**
 * Text that a guest may have chosen, as the account takes it and a terminal may show it. One that the account refused
 * would leave the run without its true end, and a failure that nobody hears of counts for nothing.
 */
const tellable = (text: string): string =>
  printable(text.slice(0, RUN_DETAIL_CHARS_MAX)).slice(0, RUN_DETAIL_CHARS_MAX).toWellFormed();

/** Ends the run on the account, and makes of it what the attempt hands in. */
async function tell({ link }: Attempt, started: StartedRun, ran: Ran): Promise<Execution> {
  const { contract, runId } = started;
  const { cause, detail: said } = await judged(ran, contract.module.outputSchema, link.fetch);
  const detail = tellable(said);
  const output = cause === 'completed' ? await link.store(ran.output) : undefined;
  const end: RunEnd = {
    cause,
    measure: ran.measure,
    ...(detail === '' ? {} : { detail }),
    ...(output === undefined ? {} : { output: output.digest }),
  };
  await link.end(runId, end);
  const writer = new TranscriptWriter({ onLine: () => undefined });
  writer.write(Buffer.from(ran.log));
  const artifact: readonly Artifact[] =
    output === undefined ? [] : [{ name: OUTPUT_NAMES[contract.module.abi], ...output }];
  return {
    ending: cause === 'revoked' ? { kind: 'aborted' } : { kind: 'ran', cause, detail },
    transcript: writer.finish(),
    durationMs: 0,
    artifacts: artifact,
    measured: `run ${runId}: ${measureText(ran.measure)}`,
  };
}
