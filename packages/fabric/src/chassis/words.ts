/** What the parts of the chassis say to each other. */
import type {
  HostFunction,
  HttpGrant,
  IsolationLayer,
  IsolationLevel,
  ModuleAbi,
  RunCause,
  RunLimits,
  RunMeasure,
  SecretGrant,
  ViolationKind,
} from '@infrafabric/protocol';

/** Header of a load. */
export interface LoadHeader {
  /** SHA-256 of the module's bytes, hex; the runner checks it again. */
  readonly sha256: string;
  readonly abi: ModuleAbi;
  readonly entrypoints: readonly string[];
  readonly hostFunctions: readonly HostFunction[];
  readonly reuse: 'run' | 'session';
  readonly memoryPagesMax: number;
  readonly allowStart: boolean;
  /** Meter the module: fuel, a frozen clock and randomness from this seed (hex, 32 bytes). */
  readonly deterministic?: { readonly fuel: number; readonly seed: string };
  /** Extism configuration of the module: names to values. */
  readonly config: Readonly<Record<string, string>>;
  /** HTTP grants by alias, so that a PDK's plain `http_request` with a full address finds its alias. */
  readonly origins: readonly { readonly alias: string; readonly origin: string }[];
}

export interface AdmitHeader {
  readonly sha256: string;
  readonly abi: ModuleAbi;
  readonly entrypoints: readonly string[];
  readonly hostFunctions: readonly string[];
  readonly allowStart: boolean;
  /** Pages of 64 KiB that its memory may begin with; absent: 2 GiB of them, the widest that a contract grants. */
  readonly memoryPagesMax?: number;
}

/** What the runner says once it stands: its own words, of use for reports only. */
export interface Ready {
  readonly node: string;
  readonly v8: string;
}

export type Loaded =
  | { readonly ok: true; readonly exports: readonly string[] }
  | { readonly ok: false; readonly reason: string };

/** What admission says of a module. */
export type Verdict =
  | {
      readonly ok: true;
      /** Declared first memory in pages of 64 KiB, and its functions; of use for reports. */
      readonly memoryPages: number;
      readonly functions: number;
      readonly imports: readonly string[];
      readonly exports: readonly string[];
    }
  | {
      readonly ok: false;
      readonly code: string;
      readonly reason: string;
      readonly offset?: number;
    };

/** What a probe tries in a runner. From level 2 on none of it may succeed. */
export const PROBE_ATTEMPTS = [
  'read',
  'write',
  'exec',
  'socket',
  'signal',
  'allocate',
  'proc',
  'worker',
] as const;

/** One attempt of a probe. `denied` counts; `detail` is the runner's word (an error code). */
export interface ProbeAttempt {
  readonly name: (typeof PROBE_ATTEMPTS)[number];
  readonly outcome: 'denied' | 'allowed';
  readonly detail: string;
}
export interface Probed {
  readonly attempts: readonly ProbeAttempt[];
}

/** What a guest asks the broker for. */
export interface HttpCall {
  readonly alias?: string;
  readonly method?: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Base64. */
  readonly body?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Base64. */
  readonly body: string;
}

/** Who a runner belongs to, for life. */
export interface Tenant {
  readonly swarmId: string;
  readonly sessionId: string;
}

/** Something that a run did which the log keeps. Never a payload, never a secret. */
export type RunNote =
  | {
      readonly kind: 'violation';
      readonly violation: ViolationKind;
      /** The alias, host or limit that it was about. */
      readonly subject: string;
    }
  | {
      readonly kind: 'credential';
      readonly alias: string;
      readonly host: string;
      readonly method: string;
      /** SHA-256 of the path, hex: who knows the path can check it. */
      readonly pathHash: string;
      readonly status: number;
      readonly bytes: number;
    };

/** What the broker counted for a run. */
export interface BrokerUse {
  readonly apiCalls: number;
  readonly networkCalls: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export type BrokerReply =
  | { readonly ok: true; readonly answer: HttpAnswer }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** The broker's side of one run: opened with its grant, closed when the run or its lease ends. */
export interface BrokerRun {
  /** Never rejects. Refusals are delayed by the rate limit too; `undefined` is a call that could not be read as one. */
  http(call: HttpCall | undefined): Promise<BrokerReply>;
  use(): BrokerUse;
  /** Ends every handle and aborts what is under way; a reply that comes later is dropped. */
  close(why: 'ended' | 'revoked'): void;
}

export interface BrokerRunOptions {
  readonly tenant: Tenant;
  readonly taskId: string;
  readonly runnerPid: number;
  readonly limits: Pick<RunLimits, 'apiCallsPerSecondMax' | 'networkCallsMax'>;
  readonly http: readonly HttpGrant[];
  readonly secrets: readonly SecretGrant[];
  readonly onNote: (note: RunNote) => void;
}

export interface Broker {
  open(options: BrokerRunOptions): BrokerRun;
  /** Every handle of the alias's reference dies: it was rotated or revoked. */
  revoke(ref: string): void;
  close(): void;
}

/** The isolation that a host was seen to have. */
export interface Attained {
  readonly level: IsolationLevel;
  readonly layers: readonly IsolationLayer[];
  readonly node: string;
  readonly platform: string;
  /** What is missing for the next level, and the command or setting that adds it. */
  readonly missing: readonly {
    readonly layer: string;
    readonly why: string;
    readonly remedy: string;
  }[];
  readonly attempts: readonly ProbeAttempt[];
}

/** How a run ended, as the host saw it. */
export interface RunReport {
  readonly cause: RunCause;
  readonly output: Uint8Array;
  /** What went wrong: the guest's own words are in here, as data. */
  readonly detail: string;
  readonly measure: RunMeasure;
  readonly log: Uint8Array;
  readonly level: IsolationLevel;
}

export interface ModuleLoad {
  readonly bytes: Uint8Array;
  readonly digest: string;
  readonly abi: ModuleAbi;
  readonly entrypoints: readonly string[];
  readonly hostFunctions: readonly HostFunction[];
  readonly reuse: 'run' | 'session';
  readonly allowStart: boolean;
  readonly deterministic: boolean;
  readonly limits: RunLimits;
  readonly config?: Readonly<Record<string, string>>;
  /** HTTP grants by alias, for the runner's use: what may be called is judged by the broker. */
  readonly origins?: readonly { readonly alias: string; readonly origin: string }[];
}

export interface RunRequest {
  readonly taskId: string;
  readonly entrypoint: string;
  readonly input: Uint8Array;
  readonly limits: RunLimits;
  readonly http: readonly HttpGrant[];
  readonly secrets: readonly SecretGrant[];
  /** Aborts when the lease ends: the runner is killed in the same step. */
  readonly signal: AbortSignal;
  readonly onNote: (note: RunNote) => void;
  readonly onLog?: (line: string) => void;
  /** What the guest's `call` reaches; absent: it is refused. */
  readonly onCall?: (payload: Uint8Array) => Promise<Uint8Array>;
}

/** One runner, of one tenant, for life. */
export interface Runner {
  readonly tenant: Tenant;
  readonly pid: number;
  readonly level: IsolationLevel;
  readonly layers: readonly IsolationLayer[];
  /** Admits, sends and links a module; a refusal is a value. */
  load(module: ModuleLoad): Promise<Loaded | Extract<Verdict, { readonly ok: false }>>;
  /** One at a time. Never rejects: what goes wrong is a cause. */
  run(request: RunRequest): Promise<RunReport>;
  /** Kills it and waits until it is gone. */
  destroy(): Promise<void>;
}

export interface RunnerHost {
  attained(): Attained;
  acquire(tenant: Tenant, memoryMib: number): Promise<Runner>;
  close(): Promise<void>;
}
