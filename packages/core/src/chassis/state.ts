/**
 * The chassis's slice of the world: what may run, what runs, and how it went.
 *
 * H1  Every run ends, once: by who runs it, else RUN_ORPHAN_MS after its lease, else with the next lease of its task.
 * H2  A run is given what its contract, narrowed by its task, grants; never more, and never below the least isolation.
 * H3  Figures are those of the runner host; SLO and reputation follow from them and from nothing else.
 */
import type {
  IsolationLayer,
  ModuleAbi,
  RunCause,
  RunLimits,
  RunMeasure,
  ServiceContract,
} from '@infrafabric/protocol';
import { must } from '../kernel/decision.ts';
import type { RunSample } from './events.ts';
import type { ReputationState } from './reputation.ts';
import type { SloWindow } from './slo.ts';

export interface ContractState {
  readonly contract: ServiceContract;
  readonly digest: string;
  readonly acceptedAt: number;
  readonly acceptedBy: string;
}

export interface ModuleState {
  readonly digest: string;
  readonly bytes: number;
  readonly abi: ModuleAbi;
  readonly admitted: boolean;
  readonly reason?: string;
  readonly admission: number;
  readonly engine: string;
  readonly memoryPages?: number;
  readonly functions?: number;
  readonly recordedAt: number;
}

export interface RunEnd {
  readonly at: number;
  readonly cause: RunCause;
  readonly measure?: RunMeasure;
  readonly detail?: string;
  readonly output?: string;
  readonly sample?: RunSample;
}

export interface RunState {
  readonly id: string;
  readonly taskId: string;
  readonly fence: number;
  readonly sessionId: string;
  readonly swarmId: string;
  readonly provider: string;
  readonly module: string;
  readonly entrypoint: string;
  readonly level: number;
  readonly layers: readonly IsolationLayer[];
  readonly node: string;
  readonly platform: string;
  readonly minLevel: number;
  readonly startedAt: number;
  readonly limits: RunLimits;
  /** Aliases. */
  readonly http: readonly string[];
  readonly secrets: readonly string[];
  /** What it runs under, whatever replaces it meanwhile; gone with its end. */
  contract?: ServiceContract;
  /** Kept one by one, and beyond. */
  notes: number;
  more: number;
  /** Its lease has ended, and it has not: `expired` is the one end that is its own fault. */
  leaseEnded?: { readonly at: number; readonly how: 'expired' | 'over' };
  end?: RunEnd;
}

export interface ChassisState {
  /** By `contractKey`. */
  readonly contracts: Map<string, ContractState>;
  /** By digest: the newest verdict. */
  readonly modules: Map<string, ModuleState>;
  /** In the order of their start: all that are open, and the newest RUNS_KEPT_MAX that are not. */
  readonly runs: Map<string, RunState>;
  /** The open run of a task: a lease has one. Built from `runs`. */
  readonly open: Map<string, RunState>;
  /** Ended runs of all time, by cause. */
  readonly ended: Map<RunCause, number>;
  readonly slos: Map<string, SloWindow>;
  /** By provider. */
  readonly reputations: Map<string, ReputationState>;
  /** Refused runs recorded in the current window. */
  refusals: { readonly since: number; readonly count: number };
}

/** Ended runs that are listed, about 700 bytes each; their entries stay in the log. */
export const RUNS_KEPT_MAX = 2_000;
/** Verdicts kept, the newest: who runs a module of which none is kept judges it again. */
export const MODULES_KEPT_MAX = 10_000;

export const createChassis = (): ChassisState => ({
  contracts: new Map(),
  modules: new Map(),
  runs: new Map(),
  open: new Map(),
  ended: new Map(),
  slos: new Map(),
  reputations: new Map(),
  refusals: { since: 0, count: 0 },
});

/** Neither a swarm's id nor a digest has a space in it. */
export const contractKey = (swarmId: string, module: string): string => `${swarmId} ${module}`;

export const runNamed = (state: ChassisState, runId: string): RunState =>
  must(state.runs.get(runId), 'an event of no run');
