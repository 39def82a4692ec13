/** What a policy may speak about: acts, and what is known of each. Conditions see these names as they stand. */
import { z } from 'zod';
import { CAPABILITIES_MAX } from './limits.ts';

/** The acts that a policy may speak about. */
export const PolicyAction = z.enum([
  'task.claim',
  'help.lease',
  'plan.submit',
  'swarm.register',
  'budget.set',
  'breaker.reset',
]);
export type PolicyAction = z.infer<typeof PolicyAction>;
export const POLICY_ACTIONS: readonly PolicyAction[] = PolicyAction.options;

const Int = z.int();
/** Characters of one text: the longest, a repository's, may have 1,000. */
const Text = z.string().max(2_000);
/** The longest list: what a session can, and what its swarm can. */
export const FACT_TEXTS_MAX = 2 * CAPABILITIES_MAX;
const Texts = z.array(Text).max(FACT_TEXTS_MAX).readonly();

const SessionFacts = z.strictObject({ id: Text, agent: Text, role: Text, capabilities: Texts });
const SwarmFacts = z.strictObject({
  id: Text,
  registered: z.boolean(),
  reputationPermille: Int,
  costPerHourMicroUsd: Int,
  model: Text,
  role: Text,
  availableMicroUsd: Int,
  spentMicroUsd: Int,
});
const TaskFacts = z.strictObject({
  id: Text,
  plan: Text,
  key: Text,
  type: Text,
  priority: Int,
  labels: Texts,
  needs: Texts,
  phase: Text,
  repo: Text,
  owns: Texts,
  model: Text,
  estimateMicroUsd: Int,
  limitMicroUsd: Int,
  attempt: Int,
  isHelp: z.boolean(),
});
const PlanFacts = z.strictObject({ id: Text, tasks: Int, costMicroUsd: Int, phases: Int });

/**
 * What a condition may ask about an act. Every field is always present, so that a condition is never undecided for want
 * of one: where a field does not apply it holds what `NO_FACTS` holds. Conditions see the names below as they stand.
 */
export const Facts = z.strictObject({
  action: Text,
  principal: Text,
  session: SessionFacts.readonly(),
  swarm: SwarmFacts.readonly(),
  task: TaskFacts.readonly(),
  plan: PlanFacts.readonly(),
  /** What the act would reserve, set or reset, in micro-dollars. */
  amountMicroUsd: Int,
  /** How much of what the task needs the swarm has. */
  matchPermille: Int,
  /** The account whose budget is set, such as `swarm:builders`. */
  account: Text,
  /** The limit that `budget.set` asks for. */
  limitMicroUsd: Int,
});
export type Facts = Readonly<z.infer<typeof Facts>>;

/** The part of the facts that a rule's test names; the rest is `NO_FACTS`. */
export const GivenFacts = Facts.extend({
  action: PolicyAction,
  session: SessionFacts.partial(),
  swarm: SwarmFacts.partial(),
  task: TaskFacts.partial(),
  plan: PlanFacts.partial(),
}).partial();
export type GivenFacts = Readonly<z.infer<typeof GivenFacts>>;

type ConditionType = 'bool' | 'int' | 'string' | 'list<string>';
type TypeOf<T> = T extends string
  ? 'string'
  : T extends number
    ? 'int'
    : T extends boolean
      ? 'bool'
      : T extends readonly string[]
        ? 'list<string>'
        : { readonly [K in keyof T]: TypeOf<T[K]> };
export type FactTypes = Readonly<
  Record<string, ConditionType | Readonly<Record<string, ConditionType>>>
>;

/** The same facts as types of CEL: conditions are checked against these when a policy is read. */
export const POLICY_FACTS = {
  action: 'string',
  principal: 'string',
  session: { id: 'string', agent: 'string', role: 'string', capabilities: 'list<string>' },
  swarm: {
    id: 'string',
    registered: 'bool',
    reputationPermille: 'int',
    costPerHourMicroUsd: 'int',
    model: 'string',
    role: 'string',
    availableMicroUsd: 'int',
    spentMicroUsd: 'int',
  },
  task: {
    id: 'string',
    plan: 'string',
    key: 'string',
    type: 'string',
    priority: 'int',
    labels: 'list<string>',
    needs: 'list<string>',
    phase: 'string',
    repo: 'string',
    owns: 'list<string>',
    model: 'string',
    estimateMicroUsd: 'int',
    limitMicroUsd: 'int',
    attempt: 'int',
    isHelp: 'bool',
  },
  plan: { id: 'string', tasks: 'int', costMicroUsd: 'int', phases: 'int' },
  amountMicroUsd: 'int',
  matchPermille: 'int',
  account: 'string',
  limitMicroUsd: 'int',
} as const satisfies FactTypes & TypeOf<Facts>;

/** Facts of an act of which nothing is known. */
export const NO_FACTS: Facts = {
  action: '',
  principal: '',
  session: { id: '', agent: '', role: '', capabilities: [] },
  swarm: {
    id: '',
    registered: false,
    reputationPermille: 0,
    costPerHourMicroUsd: 0,
    model: '',
    role: '',
    availableMicroUsd: 0,
    spentMicroUsd: 0,
  },
  task: {
    id: '',
    plan: '',
    key: '',
    type: '',
    priority: 2,
    labels: [],
    needs: [],
    phase: '',
    repo: '',
    owns: [],
    model: '',
    estimateMicroUsd: 0,
    limitMicroUsd: 0,
    attempt: 0,
    isHelp: false,
  },
  plan: { id: '', tasks: 0, costMicroUsd: 0, phases: 0 },
  amountMicroUsd: 0,
  matchPermille: 0,
  account: '',
  limitMicroUsd: 0,
};

/**
 * Facts of which some are given; the rest is `NO_FACTS`. Nothing is parsed: what comes from outside is a `GivenFacts`
 * first.
 *
 * @example
 * factsFrom({ action: 'task.claim', task: { labels: ['prod'] } }).task.attempt; // 0
 */
export const factsFrom = ({ session, swarm, task, plan, ...act }: GivenFacts): Facts => ({
  ...filled(NO_FACTS, act),
  session: filled(NO_FACTS.session, session),
  swarm: filled(NO_FACTS.swarm, swarm),
  task: filled(NO_FACTS.task, task),
  plan: filled(NO_FACTS.plan, plan),
});

function filled<T extends object>(
  empty: T,
  some: { readonly [K in keyof T]?: T[K] | undefined } | undefined,
): T {
  if (some === undefined) return empty;
  const given = Object.entries(some).filter(([, value]) => value !== undefined);
  return { ...empty, ...Object.fromEntries<unknown>(given) };
}
