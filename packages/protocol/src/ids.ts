/**
 * The ids and units of the fabric. Brands are minted here and nowhere else: a schema parses what comes from outside,
 * and what parsed is trusted inside.
 */
import { z } from 'zod';

const branded = <B extends string>(pattern: RegExp, what: string) =>
  z
    .string()
    .regex(pattern, { error: `is not ${what} (${pattern.source})` })
    .brand<B>();

/** One workspace, one tenant, one log. Fits a NATS subject and an etcd key without escaping. */
export const RealmId = branded<'RealmId'>(/^[a-z0-9_-]{1,32}$/, 'a realm id');
export type RealmId = z.infer<typeof RealmId>;

export const PlanId = branded<'PlanId'>(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'a plan id');
export type PlanId = z.infer<typeof PlanId>;

export const PhaseKey = branded<'PhaseKey'>(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'a phase id');
export type PhaseKey = z.infer<typeof PhaseKey>;

/** A task's name inside its plan. */
export const TaskKey = branded<'TaskKey'>(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,95}$/, 'a task key');
export type TaskKey = z.infer<typeof TaskKey>;

/** `plan/key`: unique in the realm, and the same on every import. */
export const TaskId = branded<'TaskId'>(
  /^[a-z0-9][a-z0-9._-]{0,63}\/[A-Za-z0-9][A-Za-z0-9._:-]{0,95}$/,
  'a task id of the form plan/key',
);
export type TaskId = z.infer<typeof TaskId>;

/** The lasting name of an agent. A name is not a session: several sessions may use one (C5). */
export const AgentName = branded<'AgentName'>(
  /^[A-Za-z0-9][A-Za-z0-9._@/-]{0,95}$/,
  'an agent name',
);
export type AgentName = z.infer<typeof AgentName>;

export const SwarmId = branded<'SwarmId'>(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'a swarm id');
export type SwarmId = z.infer<typeof SwarmId>;

/** One incarnation of an agent, from its opening to its end. */
export const SessionId = branded<'SessionId'>(/^ses_[0-9a-z]{16}$/, 'a session id');
export type SessionId = z.infer<typeof SessionId>;

export const BlockerId = branded<'BlockerId'>(/^blk_[0-9a-z]{16}$/, 'a blocker id');
export type BlockerId = z.infer<typeof BlockerId>;

/** One run of a module in the sandbox. */
export const RunId = branded<'RunId'>(/^run_[0-9a-z]{16}$/, 'a run id');
export type RunId = z.infer<typeof RunId>;

/** An alert that a person must see: named for the entry that raised it, and for its place there after the first. */
export const EscalationId = branded<'EscalationId'>(
  /^esc_[0-9]{1,16}(\.[0-9]{1,3})?$/,
  'an escalation id of the form esc_<entry>',
);
export type EscalationId = z.infer<typeof EscalationId>;

/** Who pays: the realm, a plan, a task, a swarm or a session. */
export const AccountId = branded<'AccountId'>(
  /^(realm|plan:[a-z0-9][a-z0-9._-]{0,63}|task:[a-z0-9][a-z0-9._-]{0,63}\/[A-Za-z0-9][A-Za-z0-9._:-]{0,95}|swarm:[a-z0-9][a-z0-9._-]{0,63}|session:ses_[0-9a-z]{16})$/,
  'an account: realm, plan:ID, task:PLAN/KEY, swarm:ID or session:ID',
);
export type AccountId = z.infer<typeof AccountId>;

/** A model as its provider names it. */
export const ModelName = branded<'ModelName'>(
  /^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,99}$/,
  'the name of a model',
);
export type ModelName = z.infer<typeof ModelName>;

/** Opaque to its bearer: proves which grant of which task a write belongs to (docs/decisions/0005). */
export const FencingToken = branded<'FencingToken'>(/^[A-Za-z0-9._-]{16,160}$/, 'a fencing token');
export type FencingToken = z.infer<typeof FencingToken>;

/** `domain:skill`, open to new values. */
export const CapabilityId = branded<'CapabilityId'>(
  /^[a-z0-9][a-z0-9.+#-]{0,31}(:[a-z0-9][a-z0-9.+#-]{0,47})?$/,
  'a capability id of the form domain:skill',
);
export type CapabilityId = z.infer<typeof CapabilityId>;

/** SHA-256 of the bytes it names. */
export const Digest = branded<'Digest'>(
  /^sha256:[0-9a-f]{64}$/,
  'a digest of the form sha256:<64 hex>',
);
export type Digest = z.infer<typeof Digest>;

/** W3C trace id. */
export const TraceId = branded<'TraceId'>(/^[0-9a-f]{32}$/, 'a trace id of 32 hex digits');
export type TraceId = z.infer<typeof TraceId>;

/** The caller's name for one intention: the same key gives the same reply. */
export const IdempotencyKey = branded<'IdempotencyKey'>(
  /^[\x21-\x7e]{8,128}$/,
  'an idempotency key',
);
export type IdempotencyKey = z.infer<typeof IdempotencyKey>;

/** Milliseconds since 1970-01-01T00:00:00Z by the leader's clock, never decreasing within a realm. */
export const Timestamp = z.int().min(0).max(8_640_000_000_000_000).brand<'Timestamp'>();
export type Timestamp = z.infer<typeof Timestamp>;

/** Index of an entry in the realm's log. */
export const EntryIndex = z.int().min(0).max(Number.MAX_SAFE_INTEGER).brand<'EntryIndex'>();
export type EntryIndex = z.infer<typeof EntryIndex>;

/** Millionths of a dollar. Money is never a float. */
export const MicroUsd = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/** A share or a score in thousandths: 700 is 70 %. */
export const Permille = z.int().min(0).max(1_000);

/** A share or a score in ten-thousandths: 9,500 is 95 %. */
export const Permyriad = z.int().min(0).max(10_000);

/** A duration in milliseconds. */
export const DurationMs = z.int().min(0);

export const taskIdOf = (planId: PlanId, key: TaskKey): TaskId => `${planId}/${key}` as TaskId;

/** The two halves of a task id. */
export const splitTaskId = (taskId: TaskId): { readonly planId: PlanId; readonly key: TaskKey } => {
  const slash = taskId.indexOf('/');
  return { planId: taskId.slice(0, slash) as PlanId, key: taskId.slice(slash + 1) as TaskKey };
};

/** What is a timestamp because the engine's clock says so. */
export const timestamp = (ms: number): Timestamp => ms as Timestamp;
export const entryIndex = (index: number): EntryIndex => index as EntryIndex;

const ID_ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** Sixteen characters of base 32 from ten random bytes (80 bits: two of a billion ids collide once in 10⁶ realms). */
const suffix = (random: Uint8Array): string => {
  let text = '';
  for (let half = 0; half < 2; half += 1) {
    let high = 0;
    for (let i = 0; i < 5; i += 1) high = high * 256 + (random[half * 5 + i] ?? 0);
    let part = '';
    for (let i = 0; i < 8; i += 1) {
      part = ID_ALPHABET.charAt(high % 32) + part;
      high = Math.floor(high / 32);
    }
    text += part;
  }
  return text;
};

export const sessionIdFrom = (random: Uint8Array): SessionId =>
  `ses_${suffix(random)}` as SessionId;
export const blockerIdFrom = (random: Uint8Array): BlockerId =>
  `blk_${suffix(random)}` as BlockerId;
export const runIdFrom = (random: Uint8Array): RunId => `run_${suffix(random)}` as RunId;
export const fencingTokenFrom = (text: string): FencingToken => text as FencingToken;
export const digestFrom = (hex: string): Digest => `sha256:${hex}` as Digest;
export const traceIdFrom = (hex: string): TraceId => hex as TraceId;
