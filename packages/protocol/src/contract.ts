/**
 * The service contract `contractVersion: 1`: what a module that nobody trusts may do, and what its provider promises.
 * Deny by default: an empty list grants nothing, an unknown key is refused. What a run gets is this contract, narrowed
 * by its task (the lease) and by the policy; never more.
 */
import { z } from 'zod';
import { CapabilityId, Digest, Permyriad, SwarmId } from './ids.ts';
import { CAPABILITIES_MAX } from './limits.ts';

/** CPU of one run, ms, where a contract names none (seed 002, `max_cpu_ms`). */
export const RUN_CPU_MS_DEFAULT = 5_000;
/** Longest CPU of one run, ms: an hour is the longest lease. */
export const RUN_CPU_MS_MAX = 3_600_000;
/** Time of one run, ms, where a contract names none (seed 003, `max_execution_time_seconds`). */
export const RUN_WALL_MS_DEFAULT = 300_000;
export const RUN_WALL_MS_MAX = 3_600_000;
/** Share of one core, percent, where a contract names none (seed 003, `max_cpu_percent`). */
export const RUN_CPU_PERCENT_DEFAULT = 25;
/** Linear memory of a guest, MiB, where neither contract nor model names one (seed 003, `max_memory_mb`). */
export const RUN_MEMORY_MIB_DEFAULT = 256;
/** Memory for guests of larger models, MiB (seed 002: Sonnet and up 512, Haiku 256). */
export const RUN_MEMORY_MIB_LARGE_MODEL = 512;
/** A 32-bit memory has 4 GiB; half of it leaves a runner host with several guests its own. */
export const RUN_MEMORY_MIB_MAX = 2_048;
/** Calls of host functions that reach outside, a second (seed 003, `max_api_calls_per_second`). */
export const API_CALLS_PER_SECOND_DEFAULT = 10;
export const API_CALLS_PER_SECOND_MAX = 1_000;
/** Network calls of one run (seed 002, `max_network_calls`); redirects and retries count. */
export const NETWORK_CALLS_DEFAULT = 100;
export const NETWORK_CALLS_MAX = 10_000;
/** Life of a credential, ms (seed 003, `ttl_seconds` 300). Longer: a stolen handle is of use longer. */
export const CREDENTIAL_TTL_MS_MAX = 300_000;
/** Grants of one contract: what a person can still read before accepting it. */
export const GRANTS_OF_CONTRACT_MAX = 50;
export const ENTRYPOINTS_MAX = 64;
export const ENTRYPOINT_CHARS_MAX = 128;
/** Bytes of a module, 16 MiB: the largest plugin measured had 12. */
export const MODULE_BYTES_MAX = 16 * 1024 * 1024;
/** Bytes of a run's input and output; larger ones are blobs that a task names. */
export const RUN_INPUT_BYTES_MAX = 1024 * 1024;
export const RUN_OUTPUT_BYTES_MAX = 8 * 1024 * 1024;

/** Penalty of a miss and gain of a success where a contract names none, in ten-thousandths (seed 002: 0.05, 0.01). */
export const MISS_PENALTY_PERMYRIAD_DEFAULT = 500;
export const SUCCESS_GAIN_PERMYRIAD_DEFAULT = 100;

/** How a contract's module is linked: Extism PDK, alloc/run/dealloc with JSON, a WASI command, JavaScript on QuickJS. */
export const ModuleAbi = z.enum(['extism', 'json', 'wasi', 'js']);
export type ModuleAbi = z.infer<typeof ModuleAbi>;

export const HostFunction = z.enum(['log', 'http', 'call']);
export type HostFunction = z.infer<typeof HostFunction>;

/** 3: namespaces, system call filter and exact limits; 2: exact limits; 1: another process; 0: no guest runs. */
export const IsolationLevel = z.int().min(0).max(3);
export type IsolationLevel = 0 | 1 | 2 | 3;

export const Entrypoint = z
  .string()
  .max(ENTRYPOINT_CHARS_MAX)
  .regex(/^[A-Za-z_$][A-Za-z0-9_$.-]*$/, { error: 'is not the name of an export' });

export const GrantAlias = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,62}$/, { error: 'is not an alias such as kamailio' });

const Ms = z.int().min(1);

/** `vault://path#field`; the path has no empty segment and no dots-only one, so it cannot climb. */
export const SecretReference = z
  .string()
  .max(512)
  .regex(
    /^vault:\/\/[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*#[A-Za-z0-9_][A-Za-z0-9._-]*$/,
    {
      error: 'is not a reference of the form vault://path#field',
    },
  );

/** `https://host[:port]`, `http://host[:port]`: no path, no user, no query. */
export const HttpOrigin = z
  .string()
  .max(300)
  .regex(/^https?:\/\/[^/?#@\\\s]+$/, { error: 'is not an origin of the form https://host:port' });

export const HttpGrant = z.strictObject({
  alias: GrantAlias,
  origin: HttpOrigin,
  methods: z
    .array(z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']))
    .min(1)
    .max(6),
  /** Begins and ends with a slash, or names one path exactly. */
  pathPrefix: z.string().min(1).max(500).regex(/^\//, { error: 'does not begin with a slash' }),
  /** Whether the host may resolve to an address that is not of the public internet. */
  privateAddress: z.boolean().default(false),
});
export type HttpGrant = z.infer<typeof HttpGrant>;

export const SecretInjection = z.union([
  z.strictObject({
    header: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, { error: 'is not a header in lower case' }),
    /** Stands before the secret: `Bearer `. */
    prefix: z
      .string()
      .max(32)
      .regex(/^[\x20-\x7e]*$/)
      .optional(),
  }),
  z.strictObject({ query: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/) }),
  /** HTTP Basic (RFC 7617): this user, the secret as its password. */
  z.strictObject({
    basic: z
      .string()
      .max(128)
      .regex(/^[^:\x00-\x1f\x7f]*$/),
  }),
]);
export type SecretInjection = z.infer<typeof SecretInjection>;

/** The secret that the broker adds to calls of the HTTP grant with the same alias. The guest never sees it. */
export const SecretGrant = z.strictObject({
  alias: GrantAlias,
  ref: SecretReference,
  inject: SecretInjection,
  ttlMs: Ms.max(CREDENTIAL_TTL_MS_MAX).default(CREDENTIAL_TTL_MS_MAX),
});
export type SecretGrant = z.infer<typeof SecretGrant>;

export const RunLimits = z.strictObject({
  cpuMsMax: Ms.max(RUN_CPU_MS_MAX).default(RUN_CPU_MS_DEFAULT),
  wallMsMax: Ms.max(RUN_WALL_MS_MAX).default(RUN_WALL_MS_DEFAULT),
  cpuPercentMax: z.int().min(1).max(100).default(RUN_CPU_PERCENT_DEFAULT),
  memoryMibMax: z.int().min(1).max(RUN_MEMORY_MIB_MAX).default(RUN_MEMORY_MIB_DEFAULT),
  apiCallsPerSecondMax: z
    .int()
    .min(0)
    .max(API_CALLS_PER_SECOND_MAX)
    .default(API_CALLS_PER_SECOND_DEFAULT),
  networkCallsMax: z.int().min(0).max(NETWORK_CALLS_MAX).default(NETWORK_CALLS_DEFAULT),
});
export type RunLimits = z.infer<typeof RunLimits>;

export const Guarantees = z.strictObject({
  latencyP50Ms: Ms.optional(),
  latencyP95Ms: Ms.optional(),
  latencyP99Ms: Ms.optional(),
  /** Least share of runs that complete, and of runners that could be had. The log has no fractions. */
  successPermyriadMin: Permyriad.optional(),
  availabilityPermyriadMin: Permyriad.optional(),
});
export type Guarantees = z.infer<typeof Guarantees>;

/** Who answers for a module. */
export const Provider = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,95}$/, { error: 'is not a provider' });

const ContractFields = z.strictObject({
  contractVersion: z.literal(1),
  /** Who answers for the module. Reputation is kept under this name, whatever swarm it works in. */
  provider: Provider,
  swarmId: SwarmId,
  version: z.string().regex(/^\d{1,6}\.\d{1,6}\.\d{1,6}([-+][0-9A-Za-z.+-]{1,64})?$/, {
    error: 'is not a version of the form 1.4.0',
  }),
  capabilities: z.array(CapabilityId).max(CAPABILITIES_MAX).default([]),
  module: z.strictObject({
    digest: Digest,
    abi: ModuleAbi,
    entrypoints: z.array(Entrypoint).min(1).max(ENTRYPOINTS_MAX),
    /** A JSON schema, as a blob, that a result has to fit: one that does not is a failure. */
    outputSchema: Digest.optional(),
    /** Whether the module may have a start function, which runs before any entrypoint. */
    start: z.boolean().default(false),
  }),
  guarantees: Guarantees.default({}),
  limits: RunLimits.prefault({}),
  hostFunctions: z.array(HostFunction).max(8).default([]),
  http: z.array(HttpGrant).max(GRANTS_OF_CONTRACT_MAX).default([]),
  secrets: z.array(SecretGrant).max(GRANTS_OF_CONTRACT_MAX).default([]),
  /** `run`: a fresh instance each run. `session`: one instance for the life of its runner. */
  reuse: z.enum(['run', 'session']).default('run'),
  /** Fuel, a frozen clock and seeded randomness: the same input gives the same output and the same count. */
  deterministic: z.boolean().default(false),
  minLevel: IsolationLevel.default(3),
  reputation: z
    .strictObject({
      missPenaltyPermyriad: Permyriad.default(MISS_PENALTY_PERMYRIAD_DEFAULT),
      successGainPermyriad: Permyriad.default(SUCCESS_GAIN_PERMYRIAD_DEFAULT),
    })
    .prefault({}),
});

/** Beyond its shape: no alias twice, and every secret belongs to an HTTP grant. */
export const ServiceContract = ContractFields.check(({ value, issues }) => {
  const flaw = (message: string, path: PropertyKey[], input: unknown): void => {
    issues.push({ code: 'custom', message, path, input });
  };
  const aliases = new Set<string>();
  for (const [at, { alias }] of value.http.entries()) {
    if (aliases.has(alias)) flaw(`${alias} is granted twice`, ['http', at, 'alias'], alias);
    aliases.add(alias);
  }
  const secrets = new Set<string>();
  for (const [at, { alias }] of value.secrets.entries()) {
    if (secrets.has(alias)) flaw(`${alias} has two secrets`, ['secrets', at, 'alias'], alias);
    secrets.add(alias);
    if (!aliases.has(alias))
      flaw(`there is no http grant ${alias} that it belongs to`, ['secrets', at, 'alias'], alias);
  }
  if (value.http.length > 0 && !value.hostFunctions.includes('http'))
    flaw('http grants need the host function http', ['hostFunctions'], value.hostFunctions);
});
export type ServiceContract = z.infer<typeof ServiceContract>;

/**
 * What a task runs in the sandbox. It is the lease's scope: only grants that it names by alias, and limits no wider than
 * the contract's. Without them the module computes and nothing else.
 */
export const WasmRun = z.strictObject({
  wasm: Digest,
  entrypoint: Entrypoint,
  /** What the module is given, as JSON; or the blob that holds it. */
  input: z.json().optional(),
  inputBlob: Digest.optional(),
  /** Aliases of the contract's HTTP grants that this task may use, with their secrets. */
  use: z.array(GrantAlias).max(GRANTS_OF_CONTRACT_MAX).optional(),
  limits: z
    .strictObject({
      cpuMsMax: Ms.max(RUN_CPU_MS_MAX).optional(),
      wallMsMax: Ms.max(RUN_WALL_MS_MAX).optional(),
      memoryMibMax: z.int().min(1).max(RUN_MEMORY_MIB_MAX).optional(),
      networkCallsMax: z.int().min(0).max(NETWORK_CALLS_MAX).optional(),
    })
    .optional(),
  /** Least isolation for this task; the highest of task, contract and policy holds. */
  minLevel: IsolationLevel.optional(),
});
export type WasmRun = z.infer<typeof WasmRun>;
