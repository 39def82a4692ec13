/**
 * One decision over several rooms: the world before it, the command, and what the decision has used up so far. It lives
 * for the length of one `decide`; the world is never touched (D1).
 */
import type { PolicyAction } from '@infrafabric/protocol';
import type { Command } from '../kernel/decision.ts';
import type { Conditions } from '../kernel/conditions.ts';
import { compilePolicy, draftOf, escalationIdOf, raised } from '../governor/index.ts';
import type { CompiledPolicy, Draft, GovernorState } from '../governor/index.ts';
import type { DomainEvent } from '../kernel/events.ts';
import type { World } from '../world.ts';

export interface Scene<Args = unknown> {
  readonly world: World;
  readonly command: Command<Args>;
  readonly conditions: Conditions;
  readonly draft: Draft;
  /** Escalations that the decision has raised so far. */
  escalations: number;
}

/** Most decisions move no money: the draft is made by whoever first asks for it. */
class DecisionScene<Args> implements Scene<Args> {
  readonly world: World;
  readonly command: Command<Args>;
  readonly conditions: Conditions;
  escalations = 0;
  #draft: Draft | undefined;

  constructor(world: World, command: Command<Args>, conditions: Conditions) {
    this.world = world;
    this.command = command;
    this.conditions = conditions;
  }

  get draft(): Draft {
    this.#draft ??= draftOf(this.world.governor);
    return this.#draft;
  }
}

export const sceneOf = <Args>(
  world: World,
  command: Command<Args>,
  conditions: Conditions,
): Scene<Args> => new DecisionScene(world, command, conditions);

type RaisedEvent = Extract<DomainEvent, { readonly type: 'escalation.raised' }>;

/** An escalation of this decision. Its id names the entry that the decision will be. */
export const escalate = (
  scene: Scene,
  what: Pick<RaisedEvent, 'kind' | 'severity' | 'subject' | 'summary'>,
): RaisedEvent => {
  const id = escalationIdOf(scene.world.realm.size, scene.escalations);
  scene.escalations += 1;
  return raised(id, what);
};

interface Compiled {
  readonly conditions: Conditions;
  readonly policy: CompiledPolicy;
}

/** Compiled once a policy and language: what is derived from a value that never changes may be kept beside it. */
const compiled = new WeakMap<GovernorState['policy'], Compiled>();

/** The rules that stand on an action, or undefined where the policy says nothing of it. */
export const policyOn = (
  { world, conditions }: Pick<Scene, 'world' | 'conditions'>,
  action: PolicyAction,
): CompiledPolicy | undefined => {
  const { policy } = world.governor;
  if (policy.spec.rules.length === 0 && policy.spec.governs.length === 0) return undefined;
  let known = compiled.get(policy);
  if (known === undefined || known.conditions !== conditions) {
    known = { conditions, policy: compilePolicy(policy.spec, conditions) };
    compiled.set(policy, known);
  }
  const { governs, rules } = known.policy;
  return governs.has(action) || rules[action].length > 0 ? known.policy : undefined;
};
