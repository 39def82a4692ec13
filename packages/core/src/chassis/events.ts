import type {
  IsolationAsker,
  IsolationLayer,
  RunCause,
  RunLimits,
  RunMeasure,
  SloObjective,
  ViolationKind,
} from '@infrafabric/protocol';

/** The contract itself stands in the call of its entry. */
export interface ContractAccepted {
  readonly by: string;
  readonly digest: string;
  readonly module: string;
  readonly provider: string;
  readonly swarmId: string;
  readonly type: 'contract.accepted';
}
/** The rest of the verdict stands in the call of its entry. */
export interface ModuleJudged {
  readonly admission: number;
  readonly digest: string;
  readonly engine: string;
  readonly reason?: string;
  readonly type: 'module.admitted' | 'module.refused';
}
export interface RunStarted {
  /** Digest of the contract that the run is under, whatever replaces it meanwhile. */
  readonly contract: string;
  readonly entrypoint: string;
  readonly fence: number;
  /** Aliases of the HTTP grants and of the secrets that it was given. */
  readonly http: readonly string[];
  readonly layers: readonly IsolationLayer[];
  readonly level: number;
  readonly limits: RunLimits;
  readonly minLevel: number;
  readonly module: string;
  readonly node: string;
  readonly platform: string;
  readonly provider: string;
  readonly runId: string;
  readonly secrets: readonly string[];
  readonly sessionId: string;
  readonly swarmId: string;
  readonly taskId: string;
  readonly type: 'run.started';
}
export interface RunEnded {
  readonly by: string;
  readonly cause: RunCause;
  readonly detail?: string;
  /** Absent where nobody told how it ended: the realm ended it. */
  readonly measure?: RunMeasure;
  /** Notes beyond those that were kept. */
  readonly more?: number;
  readonly output?: string;
  readonly runId: string;
  /** What it counts as; absent where it counts for no figure, or for availability only. */
  readonly sample?: RunSample;
  readonly taskId: string;
  readonly type: 'run.ended';
}
export interface RunSample {
  readonly efficiencyPermyriad: number;
  readonly latencyMs: number;
  readonly missed: boolean;
  /** What it adds to the adjustment of its provider's reputation: a gain, or a penalty below nought. */
  readonly stepPermyriad: number;
}
/** A run that a host could not isolate well enough. Rate-limited. */
export interface RunRefused {
  readonly asks: IsolationAsker;
  readonly attained: number;
  readonly code: 'isolation.too_low';
  readonly detail: string;
  readonly module: string;
  readonly needed: number;
  readonly sessionId: string;
  readonly swarmId: string;
  readonly taskId: string;
  readonly type: 'run.refused';
}
export interface RunViolated {
  readonly runId: string;
  readonly subject: string;
  readonly taskId: string;
  readonly type: 'run.violated';
  readonly violation: ViolationKind;
}
export interface CredentialUsed {
  readonly alias: string;
  readonly bytes: number;
  readonly host: string;
  readonly method: string;
  readonly pathHash: string;
  readonly runId: string;
  readonly status: number;
  readonly taskId: string;
  readonly type: 'credential.used';
}
/** Notes of a run that has had as many as are kept. */
export interface NotesDropped {
  readonly count: number;
  readonly runId: string;
  readonly taskId: string;
  readonly type: 'run.notes_dropped';
}
/** A run that failed or was too slow; and which promises the window, with this run, does not hold. */
export interface SloViolated {
  readonly cause: RunCause;
  readonly latencyMs: number;
  readonly module: string;
  readonly objectives: readonly ViolatedObjective[];
  readonly provider: string;
  readonly runId: string;
  readonly swarmId: string;
  readonly type: 'slo.violated';
  readonly why: 'failed' | 'slow';
}
export interface ViolatedObjective {
  readonly measured: number;
  readonly name: SloObjective['name'];
  readonly wanted: number;
}
export interface ReputationChanged {
  readonly adjustmentPermyriad: number;
  readonly permyriad: number;
  readonly provider: string;
  /** Absent where no run changed it: runs grew too old, or a contract named another swarm. */
  readonly runId?: string;
  readonly samples: number;
  /** Whose run or contract it was; absent where runs grew too old. */
  readonly swarmId?: string;
  readonly type: 'reputation.changed';
}

export type ChassisEvent =
  | ContractAccepted
  | ModuleJudged
  | RunStarted
  | RunEnded
  | RunRefused
  | RunViolated
  | CredentialUsed
  | NotesDropped
  | SloViolated
  | ReputationChanged;
