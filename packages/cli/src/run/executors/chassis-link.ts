/**
 * What a run in the sandbox needs of the world: modules and inputs by digest, an account of itself, and the word on what
 * it may do. Whoever holds the lease gives it to the executor; the executor knows neither lease nor fabric.
 *
 * Every refusal of `start` is a value; what else goes wrong is thrown.
 */
import type {
  Digest,
  HttpGrant,
  IsolationLayer,
  IsolationLevel,
  ModuleAbi,
  RunCause,
  RunId,
  RunLimits,
  RunMeasure,
  RunNote,
  SecretGrant,
  ServiceContract,
} from '@infrafabric/protocol';
import type { StoredBlob } from '../blobs.ts';

/** What the runner host is, as its own probe found it. */
export interface HostFacts {
  readonly level: IsolationLevel;
  readonly layers: readonly IsolationLayer[];
  readonly node: string;
  readonly platform: string;
}

/** A run that is on the account: what it may do is the contract, narrowed by its task. */
export interface StartedRun {
  readonly kind: 'started';
  readonly runId: RunId;
  readonly contract: ServiceContract;
  readonly limits: RunLimits;
  readonly http: readonly HttpGrant[];
  readonly secrets: readonly SecretGrant[];
}

/** `unfit`: another runner, or an operator, may change it. `refused`: the task itself is wrong. `lost`: the lease is. */
export interface RunRefusal {
  readonly kind: 'unfit' | 'refused' | 'lost';
  readonly detail: string;
}

export interface AdmittedModule {
  readonly digest: Digest;
  readonly bytes: number;
  readonly abi: ModuleAbi;
  readonly admitted: boolean;
  readonly reason?: string;
}

export interface RunEnd {
  readonly cause: RunCause;
  readonly measure: RunMeasure;
  readonly detail?: string;
  readonly output?: Digest;
}

export interface ChassisLink {
  /** The session that a runner belongs to for life. */
  readonly sessionId: string;
  /** The bytes of a blob, held to its digest; undefined where there is none. */
  readonly fetch: (digest: Digest) => Promise<Uint8Array | undefined>;
  readonly store: (bytes: Uint8Array) => Promise<StoredBlob>;
  readonly start: (facts: HostFacts) => Promise<StartedRun | RunRefusal>;
  readonly record: (module: AdmittedModule) => Promise<void>;
  readonly note: (runId: RunId, notes: readonly RunNote[]) => Promise<void>;
  /** Works after the lease is gone: a run that was revoked is told, too. */
  readonly end: (runId: RunId, end: RunEnd) => Promise<void>;
}
