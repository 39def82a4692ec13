/** Swarm profiles and policies as scenarios write them, in one line each. */
import type { PlainArgs } from './realm-run.ts';
import { microUsdOf } from './scenario-plan.ts';

type Profile = PlainArgs<'swarms.register'>['profile'];
type Relations = NonNullable<Profile['relations']>;
type PolicyArgs = PlainArgs<'policies.set'>['policy'];

const RELATIONS = [
  'minister-of',
  'friend-of',
  'elder-of',
  'younger-of',
  'parent-of',
  'child-of',
  'governor-of',
] as const;

const relationOf = (word: string): Relations[number]['kind'] | undefined =>
  RELATIONS.find((kind) => kind === word);

/** `swarm sip can talent:a,talent:b costs $15 reputation 900 limit $5 minister-of core`; costs are those of an hour. */
export const profileFrom = ([, swarmId = '', ...words]: readonly string[]): Profile => {
  const profile: { -readonly [K in keyof Profile]: Profile[K] } = {
    swarmId,
    capabilities: [],
    costPerHourMicroUsd: 0,
  };
  const relations: Relations = [];
  for (let at = 0; at < words.length; at += 2) {
    const [word = '', value = ''] = words.slice(at, at + 2);
    const kind = relationOf(word);
    if (kind !== undefined) relations.push({ kind, with: value });
    else if (word === 'can') profile.capabilities = value.split(',');
    else if (word === 'costs') profile.costPerHourMicroUsd = microUsdOf(value);
    else if (word === 'reputation') profile.reputationPermille = Number(value);
    else if (word === 'limit') profile.limitMicroUsd = microUsdOf(value);
    else throw new Error(`a swarm has no "${word}"`);
  }
  return relations.length === 0 ? profile : { ...profile, relations };
};

const valueOf = (text: string): number | string => {
  if (text.startsWith('$')) return microUsdOf(text);
  return /^\d+$/.test(text) ? Number(text) : text;
};

/** `policy minMatchPermille=500 onTrip=release governs=task.claim`: figures of the resource policy, without rules. */
export const policyFrom = (named: ReadonlyMap<string, string>): PolicyArgs => {
  const figures = [...named].filter(([name]) => name !== 'governs');
  const governs = named.get('governs')?.split(',') ?? [];
  return {
    format: 'ifab-policy/1',
    // The names are those of the figures; a script that gets one wrong fails when the policy is read.
    resource: Object.fromEntries(figures.map(([name, text]) => [name, valueOf(text)])),
    governs: governs as NonNullable<PolicyArgs['governs']>,
    rules: [],
  };
};
