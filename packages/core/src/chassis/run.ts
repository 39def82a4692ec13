/** Runs: from a lease to a guest in the sandbox, with no more than is granted (H2), and to its one end (H1). */
import { grantOfRun, reject, RUN_NOTES_MAX, RUN_ORPHAN_MS } from '@infrafabric/protocol';
import type { Rejection, RunLimits, RunNote, WasmRun } from '@infrafabric/protocol';
import type { ArgsOf } from '../kernel/args.ts';
import { accept, must } from '../kernel/decision.ts';
import type { Command, Decision, Refused } from '../kernel/decision.ts';
import { findContract, noContract } from './contract.ts';
import type { ChassisEvent, RunStarted } from './events.ts';
import { needOf, tooLow } from './isolation.ts';
import type { IsolationPolicy, Need } from './isolation.ts';
import { agedEvents, endEvents } from './run-end.ts';
import type { Ending } from './run-end.ts';
import type { ChassisState, ContractState, RunState } from './state.ts';

/** Length of the window in which refused runs are counted, ms, and how many of them the log takes. */
export const REFUSED_RUNS_WINDOW_MS = 60_000;
export const REFUSED_RUNS_PER_WINDOW_MAX = 100;

/** What other rooms know of a run that is asked for: its lease is current. */
export interface Lease {
  readonly sessionId: string;
  readonly swarmId: string | undefined;
  readonly run: WasmRun;
  readonly policy: IsolationPolicy;
}

type Start = Command<ArgsOf<'runs.start'>>;

export const decideStart = (state: ChassisState, command: Start, lease: Lease): Decision => {
  const { taskId } = command.args;
  const { run, swarmId } = lease;
  if (swarmId === undefined) {
    const detail = `Session ${lease.sessionId} is of no swarm, so there is no contract that it could run ${run.wasm} under.`;
    return reject('contract.not_found', detail, { module: run.wasm });
  }
  const known = findContract(state, swarmId, run.wasm);
  if (known === undefined) return noContract(swarmId, run.wasm);
  const refusal = whyNot(state, known, run) ?? whyTwice(state, taskId);
  if (refusal !== undefined) return refusal;
  const { contract } = known;
  const grant = grantOfRun(contract, run);
  const need = needOf(lease.policy, {
    provider: contract.provider,
    module: run.wasm,
    contract: contract.minLevel,
    task: run.minLevel,
    hasSecrets: grant.secrets.length > 0,
  });
  if (command.args.level < need.level) return refused(state, command, need, { ...lease, swarmId });
  const started = startedEvent(command, { ...lease, swarmId }, { known, need });
  return accept(started, ...agedEvents(state, command.at));
};

const whyNot = (
  { modules }: ChassisState,
  { contract: { module } }: ContractState,
  { wasm, entrypoint }: WasmRun,
): Rejection | undefined => {
  if (!module.entrypoints.includes(entrypoint)) {
    const detail = `The contract of ${wasm} has no entrypoint ${entrypoint}; it has ${module.entrypoints.join(', ')}.`;
    return reject('contract.entrypoint', detail, { entrypoint, entrypoints: module.entrypoints });
  }
  const verdict = modules.get(wasm);
  // What it may import depends on its ABI: a verdict on one says nothing of another.
  if (verdict?.admitted !== false || verdict.abi !== module.abi) return undefined;
  const { reason = 'nothing was said of why', admission, engine } = verdict;
  return reject(
    'module.refused',
    `${wasm} was refused by admission ${admission} (V8 ${engine}): ${reason}. Another version judges it anew: ifab chassis load FILE --contract CONTRACT.`,
    { module: wasm, admission, engine },
  );
};

const whyTwice = ({ open }: ChassisState, taskId: string): Rejection | undefined => {
  const run = open.get(taskId);
  return run === undefined
    ? undefined
    : reject('run.exists', `The lease of ${taskId} has run ${run.id}, which has not ended.`, {
        taskId,
        runId: run.id,
      });
};

/** The log keeps that a host may not run something, while there are few such refusals. */
const refused = (
  { refusals: { since, count } }: ChassisState,
  { args, at }: Start,
  need: Need,
  { run, sessionId, swarmId }: Lease & { readonly swarmId: string },
): Rejection | Refused => {
  const rejection = tooLow(args, need, args.taskId);
  if (at - since < REFUSED_RUNS_WINDOW_MS && count >= REFUSED_RUNS_PER_WINDOW_MAX) return rejection;
  return {
    kind: 'refuse',
    rejection,
    record: {
      asks: need.asks,
      attained: args.level,
      code: 'isolation.too_low',
      detail: rejection.detail,
      module: run.wasm,
      needed: need.level,
      sessionId,
      swarmId,
      taskId: args.taskId,
      type: 'run.refused',
    },
  };
};

export const foldRefusedRun = (state: ChassisState, at: number): void => {
  const { since, count } = state.refusals;
  state.refusals =
    at - since >= REFUSED_RUNS_WINDOW_MS ? { since: at, count: 1 } : { since, count: count + 1 };
};

const startedEvent = (
  { args, ids }: Start,
  { run, sessionId, swarmId }: Lease & { readonly swarmId: string },
  { known, need }: { readonly known: ContractState; readonly need: Need },
): RunStarted => {
  const { limits, http, secrets } = grantOfRun(known.contract, run);
  return {
    contract: known.digest,
    entrypoint: run.entrypoint,
    fence: args.fence.n,
    http: http.map(({ alias }) => alias),
    layers: [...args.layers],
    level: args.level,
    limits: ordered(limits),
    minLevel: need.level,
    module: run.wasm,
    node: args.node,
    platform: args.platform,
    provider: known.contract.provider,
    runId: must(ids[0], 'a run is started without an id'),
    secrets: secrets.map(({ alias }) => alias),
    sessionId,
    swarmId,
    taskId: args.taskId,
    type: 'run.started',
  };
};

/** In the order of canonical JSON, as every member of an event. */
const ordered = (limits: RunLimits): RunLimits => ({
  apiCallsPerSecondMax: limits.apiCallsPerSecondMax,
  cpuMsMax: limits.cpuMsMax,
  cpuPercentMax: limits.cpuPercentMax,
  memoryMibMax: limits.memoryMibMax,
  networkCallsMax: limits.networkCallsMax,
  wallMsMax: limits.wallMsMax,
});

/** A run that is open, for whoever started it or an operator; or why not. */
const openRun = (
  state: ChassisState,
  { args: { runId }, session }: Command<{ readonly runId: string }>,
): RunState | Rejection => {
  const run = state.runs.get(runId);
  if (run === undefined) return reject('run.not_found', `There is no run ${runId}.`, { runId });
  if (session !== undefined && session !== run.sessionId) {
    const detail = `Run ${runId} was started by session ${run.sessionId}, and this credential is of ${session}.`;
    return reject('auth.forbidden', detail, { runId });
  }
  if (run.end === undefined) return run;
  const { cause, at } = run.end;
  return reject('run.ended', `Run ${runId} has ended: ${cause}.`, { runId, cause, at });
};

const isRun = (value: RunState | Rejection): value is RunState => !('kind' in value);

/** H1: also after the lease has ended, so that what was measured of a run that was killed with it is known. */
export const decideEnd = (state: ChassisState, command: Command<ArgsOf<'runs.end'>>): Decision => {
  const run = openRun(state, command);
  if (!isRun(run)) return run;
  const { cause, measure, detail, output } = command.args;
  const ending: Ending = { run, cause, measure, detail, output };
  return accept(...endEvents(state, [ending], { at: command.at, by: command.principal }));
};

/** When the realm ends a run of its own accord; undefined while its lease lives, or where it has ended. */
export const orphanDue = ({ leaseEnded, end }: RunState): number | undefined =>
  leaseEnded === undefined || end !== undefined ? undefined : leaseEnded.at + RUN_ORPHAN_MS;

/** H1: nobody told how a run ended whose lease has ended. */
export const decideExpireRun = (
  state: ChassisState,
  command: Command<ArgsOf<'runs.expire'>>,
): Decision => {
  const run = openRun(state, command);
  if (!isRun(run)) return run;
  const due = orphanDue(run);
  if (due === undefined || command.at < due) {
    const detail = `Run ${run.id} may still be told of.`;
    return reject('request.invalid', detail, { runId: run.id });
  }
  return accept(...orphanEvents(state, [run], command.at));
};

/** Runs that the realm ends: they were killed with their leases, by whoever ran them or by whatever stopped that. */
export const orphanEvents = (
  state: ChassisState,
  runs: readonly RunState[],
  at: number,
): ChassisEvent[] =>
  endEvents(
    state,
    runs.map((run) => ({ run, cause: 'revoked' })),
    { at, by: 'realm' },
  );

/** The first RUN_NOTES_MAX of a run are kept one by one; of the rest the log keeps how many there were. */
export const decideNote = (
  state: ChassisState,
  command: Command<ArgsOf<'runs.note'>>,
): Decision => {
  const run = openRun(state, command);
  if (!isRun(run)) return run;
  const { notes } = command.args;
  const kept = notes.slice(0, Math.max(0, RUN_NOTES_MAX - run.notes));
  const count = notes.length - kept.length;
  const { id: runId, taskId } = run;
  return accept(
    ...kept.map((note) => noteEvent(run, note)),
    ...(count === 0 ? [] : [{ count, runId, taskId, type: 'run.notes_dropped' } as const]),
  );
};

const noteEvent = ({ id: runId, taskId }: RunState, note: RunNote): ChassisEvent => {
  if (note.kind === 'violation') {
    const { subject, violation } = note;
    return { runId, subject, taskId, type: 'run.violated', violation };
  }
  const { alias, bytes, host, method, pathHash, status } = note;
  return { alias, bytes, host, method, pathHash, runId, status, taskId, type: 'credential.used' };
};
