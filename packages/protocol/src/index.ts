export {
  AccountId,
  AgentName,
  BlockerId,
  blockerIdFrom,
  CapabilityId,
  Digest,
  digestFrom,
  DurationMs,
  EntryIndex,
  entryIndex,
  EscalationId,
  FencingToken,
  fencingTokenFrom,
  IdempotencyKey,
  MicroUsd,
  ModelName,
  Permille,
  PhaseKey,
  PlanId,
  RealmId,
  SessionId,
  sessionIdFrom,
  splitTaskId,
  SwarmId,
  TaskId,
  taskIdOf,
  TaskKey,
  Timestamp,
  timestamp,
  TraceId,
  traceIdFrom,
} from './ids.ts';
export {
  ARTIFACTS_MAX,
  ATTEMPTS_MAX_DEFAULT,
  ATTEMPTS_MAX_MAX,
  CAPABILITIES_DEFINED_MAX,
  CAPABILITIES_MAX,
  COMMAND_CHARS_MAX,
  DEPENDENCIES_MAX,
  DESCRIPTION_CHARS_MAX,
  ESCALATE_MS_MAX,
  ESCALATE_MS_MIN,
  GATES_MAX,
  GRANTS_MAX,
  HELP_CANDIDATES_MAX,
  JSON_DEPTH_MAX,
  LABELS_MAX,
  LEASE_MS_DEFAULT,
  LEASE_MS_MAX,
  LEASE_MS_MIN,
  PAGE_ROWS_MAX,
  PATHS_MAX,
  PHASES_MAX,
  PLAN_TASKS_PER_CALL_MAX,
  REASON_CHARS_MAX,
  REQUEST_BYTES_MAX,
  SESSION_IDLE_MS,
  SESSION_LEASES_MAX,
  SESSIONS_OPEN_MAX,
  SESSION_TOKEN_MS,
  SWARMS_MAX,
  TITLE_CHARS_MAX,
  USAGE_MICRO_USD_MAX,
  WAIT_MS_MAX,
} from './limits.ts';
export { ERRORS, EXIT_CODES, isErrorCode, problemOf, reject } from './errors.ts';
export type { ErrorCode, Problem, Rejection, Remedy } from './errors.ts';
export { ANYONE, defineOperation, OPERATORS, REALM, RUNNERS } from './operation.ts';
export type { Caller, Effect, Operation } from './operation.ts';
export { findOperation, isOperationName, OPERATIONS } from './registry.ts';
export type {
  AnyOperation,
  InputOf,
  OperationName,
  OperationOf,
  OutputOf,
  ParsedOf,
} from './registry.ts';
export { FeedCursor, FeedFilter, FeedItem, parseCursor } from './feed.ts';
export { Expectation, Gate, PhaseSpec, PlanSpec, ShellRun, TaskSpec } from './plan.ts';
export {
  BlockerKind,
  BlockerRow,
  Evidence,
  EvidenceKind,
  GateResult,
  Grant,
  HelpRow,
  LeaseScope,
  Liveness,
  PhaseRow,
  PlanRow,
  SessionRow,
  TaskPhase,
  TaskRow,
  WhyNot,
} from './rooms/coordinator/index.ts';
export {
  AccountRow,
  BreakerRow,
  BreakerState,
  CandidateRow,
  EscalationKind,
  EscalationRow,
  SwarmRow,
} from './rooms/governor/index.ts';
export { EntryRow } from './rooms/witness.ts';
export { BUILT_IN_CAPABILITIES, isBuiltInCapability } from './capabilities.ts';
export type { Capability } from './capabilities.ts';
export {
  AnySwarmManifest,
  MANIFEST_FIELDS,
  MANIFEST_SWARMS_MAX,
  microUsdOfDollars,
  permilleOfShare,
  profileOf,
  profilesOf,
  SwarmManifest,
  SwarmManifestFile,
} from './manifest.ts';
export type { KnownCapability, ManifestIssue, ProfileRead, ProfilesRead } from './manifest.ts';
export {
  factsFrom,
  Facts,
  GivenFacts,
  NO_FACTS,
  POLICY_ACTIONS,
  POLICY_FACTS,
  PolicyAction,
} from './policy-facts.ts';
export type { FactTypes } from './policy-facts.ts';
export {
  actionOfTest,
  CONDITION_CHARS_MAX,
  FAILURE_SAMPLES_MAX,
  POLICY_RULES_MAX,
  PolicyRule,
  PolicySpec,
  RESOURCE_POLICY_DEFAULT,
  ResourcePolicy,
  resourcesOf,
  RULE_REASON_CHARS_MAX,
  RULE_TESTS_MAX,
  RuleEffect,
  RuleSays,
  RuleTest,
  SAID_BY,
} from './policy.ts';
export { PRICE_CATALOGUE } from './price-catalogue.ts';
export {
  MICRO_USD_PER_MTOK_MAX,
  ModelPrice,
  PriceCatalogue,
  PRICES_MAX,
  TOKENS_PER_RECORD_MAX,
} from './prices.ts';
export {
  MODEL_CHARS_MAX,
  RelationKind,
  RELATIONS_MAX,
  REPUTATION_PERMILLE_MAX,
  SwarmProfile,
  SwarmRelation,
  SwarmRole,
} from './profile.ts';
export {
  CostBucket,
  CostDimension,
  CostEntry,
  CostRow,
  CostStep,
  CostTotal,
} from './rooms/optimise-costs.ts';
