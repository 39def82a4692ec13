/**
 * Facts as CEL sees them. A condition is checked in `typedFacts`, where `task.priority` is a field of a declared type,
 * and run in `flatFacts`, where the same field is the variable `task_priority`: one look-up instead of three, at half the
 * cost of a decision.
 */
import { Environment } from '@marcbachmann/cel-js';
import { POLICY_FACTS } from '@infrafabric/protocol';
import type { Facts } from '@infrafabric/protocol';

/** Levels of nesting of one condition. People write five; the evaluator calls itself once a level. */
const DEPTH_MAX = 64;
/** Nodes of one condition: 2,000 characters of the densest text have about as many. */
const NODES_MAX = 1_000;
/** Members of a list in a condition. */
export const LIST_MEMBERS_MAX = 100;
/** Arguments of a call; no allowed one has more than two. */
const ARGUMENTS_MAX = 4;

const OPTIONS = {
  unlistedVariablesAreDyn: false,
  homogeneousAggregateLiterals: true,
  enableOptionalTypes: false,
  limits: {
    maxDepth: DEPTH_MAX,
    maxAstNodes: NODES_MAX,
    maxListElements: LIST_MEMBERS_MAX,
    maxMapEntries: 1,
    maxCallArguments: ARGUMENTS_MAX,
  },
};

type FactGroups = {
  [
    K in keyof typeof POLICY_FACTS as (typeof POLICY_FACTS)[K] extends string ? never : K
  ]: (typeof POLICY_FACTS)[K];
};
type FlatName =
  | Exclude<keyof typeof POLICY_FACTS, keyof FactGroups>
  | {
      [G in keyof FactGroups]: `${G}_${Extract<keyof FactGroups[G], string>}`;
    }[keyof FactGroups];

/** The context of one decision: each fact under its flat name, integers as CEL's. */
export type FlatFacts = Readonly<Record<FlatName, bigint | boolean | string | readonly string[]>>;

export const flatName = (group: string, field: string): string => `${group}_${field}`;

export const typedFacts = (): Environment => {
  const environment = new Environment(OPTIONS);
  for (const [name, type] of Object.entries(POLICY_FACTS)) {
    if (typeof type === 'string') environment.registerVariable(name, type);
    else {
      const typeName = name.charAt(0).toUpperCase() + name.slice(1);
      environment.registerType(typeName, { fields: { ...type } });
      environment.registerVariable(name, typeName);
    }
  }
  return environment;
};

export const flatFacts = (): Environment => {
  const environment = new Environment(OPTIONS);
  for (const [name, type] of Object.entries(POLICY_FACTS)) {
    if (typeof type === 'string') environment.registerVariable(name, type);
    else
      for (const [field, fieldType] of Object.entries(type))
        environment.registerVariable(flatName(name, field), fieldType);
  }
  return environment;
};

/** Written out, so that every context has one shape and costs one allocation; a fact that is missing here does not compile. */
export const flatten = ({ session, swarm, task, plan, ...act }: Facts): FlatFacts => ({
  action: act.action,
  principal: act.principal,
  account: act.account,
  amountMicroUsd: BigInt(act.amountMicroUsd),
  matchPermille: BigInt(act.matchPermille),
  limitMicroUsd: BigInt(act.limitMicroUsd),
  session_id: session.id,
  session_agent: session.agent,
  session_role: session.role,
  session_capabilities: session.capabilities,
  swarm_id: swarm.id,
  swarm_registered: swarm.registered,
  swarm_reputationPermille: BigInt(swarm.reputationPermille),
  swarm_costPerHourMicroUsd: BigInt(swarm.costPerHourMicroUsd),
  swarm_model: swarm.model,
  swarm_role: swarm.role,
  swarm_availableMicroUsd: BigInt(swarm.availableMicroUsd),
  swarm_spentMicroUsd: BigInt(swarm.spentMicroUsd),
  task_id: task.id,
  task_plan: task.plan,
  task_key: task.key,
  task_type: task.type,
  task_priority: BigInt(task.priority),
  task_labels: task.labels,
  task_needs: task.needs,
  task_phase: task.phase,
  task_repo: task.repo,
  task_owns: task.owns,
  task_model: task.model,
  task_estimateMicroUsd: BigInt(task.estimateMicroUsd),
  task_limitMicroUsd: BigInt(task.limitMicroUsd),
  task_attempt: BigInt(task.attempt),
  task_isHelp: task.isHelp,
  plan_id: plan.id,
  plan_tasks: BigInt(plan.tasks),
  plan_costMicroUsd: BigInt(plan.costMicroUsd),
  plan_phases: BigInt(plan.phases),
});
