/** Inputs that no operation may take: well-formed ones whose ids name nothing, and hostile ones of each. */
import { CAPABILITIES_MAX, POLICY_RULES_MAX, REASON_CHARS_MAX } from '@infrafabric/protocol';
import { hostileChassis, UNKNOWN_CHASSIS } from './hostile-chassis.ts';

const SESSION = 'ses_0000000000000000';
const TOKEN = 'forged-token-0000000000';

const profile = (more: object = {}): object => ({
  profile: {
    swarmId: 'blue',
    capabilities: ['integration:sip'],
    costPerHourMicroUsd: 1_000_000,
    ...more,
  },
});

/** A rule that holds its own tests, and what is made wrong of it. */
const rule = (more: object = {}): object => ({
  id: 'no-dear-swarms',
  effect: 'forbid',
  on: ['task.claim'],
  when: 'swarm.costPerHourMicroUsd > 1000000',
  reason: 'Too dear.',
  tests: [
    { given: { swarm: { costPerHourMicroUsd: 2_000_000 } }, expect: 'forbids' },
    { given: { swarm: { costPerHourMicroUsd: 1 } }, expect: 'none' },
  ],
  ...more,
});
const policy = (rules: readonly object[], more: object = {}): object => ({
  policy: { format: 'ifab-policy/1', resource: {}, rules, ...more },
});

/** A well-formed input of each operation, whose ids name nothing. */
export const UNKNOWN: Readonly<Record<string, unknown>> = {
  'plans.submit': { plan: { id: 'p', tasks: [{ key: 'a', title: 'a', dependsOn: ['nothing'] }] } },
  'plans.edit': { planId: 'nothing' },
  'plans.pause': { planId: 'nothing' },
  'plans.resume': { planId: 'nothing' },
  'plans.cancel': { planId: 'nothing', reason: 'x' },
  'plans.show': { planId: 'nothing' },
  'plans.preview': { planId: 'nothing' },
  'phases.approve': { planId: 'nothing', phase: 'P1' },
  'phases.check': { planId: 'nothing', phase: 'P1', result: { name: 'x', ok: true } },
  'tasks.claim': { sessionId: SESSION, taskId: 'nothing/a' },
  'tasks.next': { sessionId: SESSION },
  'tasks.renew': { sessionId: SESSION },
  'tasks.progress': { taskId: 'nothing/a', fencingToken: TOKEN, note: 'x' },
  'tasks.release': { taskId: 'nothing/a', fencingToken: TOKEN },
  'tasks.complete': { taskId: 'nothing/a', fencingToken: TOKEN },
  'tasks.fail': { taskId: 'nothing/a', fencingToken: TOKEN, reason: 'x' },
  'tasks.judge': { taskId: 'nothing/a', verdict: 'accept' },
  'tasks.cancel': { taskId: 'nothing/a', reason: 'x' },
  'tasks.park': { taskId: 'nothing/a', reason: 'x' },
  'tasks.unpark': { taskId: 'nothing/a' },
  'tasks.show': { taskId: 'nothing/a' },
  'tasks.list': { planId: 'nothing' },
  'tasks.explain': { taskId: 'nothing/a' },
  'sessions.heartbeat': { sessionId: SESSION },
  'sessions.close': { sessionId: SESSION },
  'sessions.revoke': { sessionId: SESSION, reason: 'x' },
  'blockers.raise': { taskId: 'nothing/a', fencingToken: TOKEN, kind: 'other', title: 'x' },
  'blockers.join': { blockerId: 'blk_0000000000000000', sessionId: SESSION },
  'blockers.resolve': { blockerId: 'blk_0000000000000000', resolution: 'x' },
  'swarms.register': profile({ capabilities: ['integration:nothing'] }),
  'swarms.show': { swarmId: 'nothing' },
  'match.explain': { taskId: 'nothing/a' },
  'budgets.set': { account: 'plan:nothing', limitMicroUsd: 1 },
  'breakers.trip': { swarmId: 'nothing', reason: 'x' },
  'breakers.reset': { swarmId: 'nothing', reason: 'x' },
  'policies.set': policy([rule({ when: 'swarm.nothing > 1' })]),
  'escalations.acknowledge': { escalationId: 'esc_999999' },
  'usage.record': { taskId: 'nothing/a', fencingToken: TOKEN, microUsd: 1 },
  'costs.forecast': { planId: 'nothing' },
  'witness.proof': { index: 999_999 },
  ...UNKNOWN_CHASSIS,
};

/** Operations that name nothing which could be unknown. */
export const WITHOUT_IDS: ReadonlySet<string> = new Set([
  'plans.list',
  'sessions.open',
  'sessions.list',
  'blockers.list',
  'swarms.list',
  'capabilities.define',
  'capabilities.list',
  'budgets.list',
  'breakers.list',
  'policies.show',
  'policies.explain',
  'escalations.list',
  'prices.set',
  'prices.list',
  'prices.route',
  'costs.report',
  'costs.history',
  'costs.entries',
  'contracts.list',
  'modules.record',
  'modules.list',
  'runs.list',
  'slo.list',
  'realm.status',
  'witness.record',
  'witness.query',
  'witness.checkpoint',
]);

/** What stands in the realm that is attacked: a lease with money behind it, a swarm with a limit. */
export interface Ground {
  readonly sessionId: string;
  /** `shop/paid`, leased, $5 set aside. */
  readonly held: { readonly taskId: string; readonly fencingToken: string };
}

export const GROUND_SWARM = 'red';
export const GROUND_TASK = 'shop/paid';
export const GROUND_PLAN: object = {
  id: 'shop',
  tasks: [
    { key: 'paid', title: 'paid', budget: { limitMicroUsd: 5_000_000 } },
    { key: 'free', title: 'free' },
  ],
};

type Row = readonly [what: string, input: unknown, code: string];

/** No amount of money: negative, with a fraction, past what is counted exactly, in words, endless. */
const NO_MONEY: readonly (readonly [string, unknown])[] = [
  ['negative money', -1],
  ['half a micro-dollar', 0.5],
  ['money past 2^53', Number.MAX_SAFE_INTEGER + 1],
  ['huge money', 1e300],
  ['money in words', '5'],
  ['no money', null],
];
const noMoney = (build: (amount: unknown) => unknown): readonly Row[] =>
  NO_MONEY.map(([what, amount]) => [what, build(amount), 'request.invalid']);

const noAccounts = [
  'bank',
  'swarm:',
  'plan:../etc',
  'task:shop',
  'session:me',
  'Realm',
  'swarm:a b',
];
const long = 'x'.repeat(REASON_CHARS_MAX + 1);

const SPACE_FOR_MONEY = 1_000_000_000_000;

/** Hostile inputs of the operations of governor and chassis, each with the refusal that it must get. */
export const hostileInputs = ({
  sessionId,
  held,
}: Ground): Readonly<Record<string, readonly Row[]>> => ({
  'swarms.register': [
    [
      'a capability by a near name',
      profile({ capabilities: ['integration:sipp'] }),
      'capability.unknown',
    ],
    [
      'a capability of every object',
      profile({ capabilities: ['constructor'] }),
      'capability.unknown',
    ],
    [
      'a capability twice',
      profile({ capabilities: ['lang:rust', 'lang:rust'] }),
      'request.invalid',
    ],
    ['no capability', profile({ capabilities: [] }), 'request.invalid'],
    [
      'too many capabilities',
      profile({ capabilities: Array.from({ length: CAPABILITIES_MAX + 1 }, (_, i) => `a:b${i}`) }),
      'request.invalid',
    ],
    [
      'a relation with itself',
      profile({ relations: [{ kind: 'friend-of', with: 'blue' }] }),
      'request.invalid',
    ],
    ['a reputation above all', profile({ reputationPermille: 1_001 }), 'request.invalid'],
    ['a name that climbs', profile({ swarmId: '../red' }), 'request.invalid'],
    ['a limit above the realm’s', profile({ limitMicroUsd: SPACE_FOR_MONEY }), 'budget.too_wide'],
    ['a field of the row', profile({ spentMicroUsd: 0 }), 'request.invalid'],
    ...noMoney((costPerHourMicroUsd) => profile({ costPerHourMicroUsd })),
    ...noMoney((limitMicroUsd) => profile({ limitMicroUsd })),
  ],
  'capabilities.define': [
    ['a built-in one', { id: 'integration:sip', description: 'Mine.' }, 'capability.exists'],
    ['a name with space', { id: 'integration sip', description: 'x' }, 'request.invalid'],
    ['no description', { id: 'a:b', description: '' }, 'request.invalid'],
    ['a book', { id: 'a:b', description: long }, 'request.invalid'],
  ],
  'budgets.set': [
    ...noAccounts.map((account): Row => [
      account,
      { account, limitMicroUsd: 1 },
      'request.invalid',
    ]),
    ['a swarm that is not there', { account: 'swarm:blue', limitMicroUsd: 1 }, 'budget.not_found'],
    ['a task that is not there', { account: 'task:shop/b', limitMicroUsd: 1 }, 'budget.not_found'],
    [
      'a session that is not there',
      { account: `session:${SESSION}`, limitMicroUsd: 1 },
      'budget.not_found',
    ],
    ['less than is reserved', { account: 'realm', limitMicroUsd: 4_999_999 }, 'budget.too_low'],
    [
      'less than a lease took',
      { account: `task:${held.taskId}`, limitMicroUsd: 1 },
      'budget.too_low',
    ],
    [
      'more than is above it',
      { account: `swarm:${GROUND_SWARM}`, limitMicroUsd: SPACE_FOR_MONEY },
      'budget.too_wide',
    ],
    ...noMoney((limitMicroUsd) => ({ account: 'realm', limitMicroUsd })),
  ],
  'breakers.trip': [
    ['without a reason', { swarmId: GROUND_SWARM, reason: '' }, 'request.invalid'],
    ['with a book for a reason', { swarmId: GROUND_SWARM, reason: long }, 'request.invalid'],
  ],
  'breakers.reset': [
    ['of a closed one', { swarmId: GROUND_SWARM, reason: 'x' }, 'breaker.closed'],
    ['without a reason', { swarmId: GROUND_SWARM }, 'request.invalid'],
    ...noMoney((limitMicroUsd) => ({ swarmId: GROUND_SWARM, reason: 'x', limitMicroUsd })),
  ],
  'policies.set': [
    ['a condition that does not parse', policy([rule({ when: 'swarm.id ==' })]), 'policy.invalid'],
    [
      'a condition of wrong types',
      policy([rule({ when: 'task.priority == "high"' })]),
      'policy.invalid',
    ],
    ['a condition that is no truth', policy([rule({ when: '1 + 1' })]), 'policy.invalid'],
    [
      'a nest of brackets',
      policy([rule({ when: `${'('.repeat(900)}true${')'.repeat(900)}` })]),
      'policy.invalid',
    ],
    ['a row of nots', policy([rule({ when: `${'!'.repeat(1_900)}true` })]), 'policy.invalid'],
    [
      'a regular expression',
      policy([rule({ when: 'swarm.id.matches("(a+)+$")' })]),
      'policy.invalid',
    ],
    [
      'a condition of 1 MB',
      policy([rule({ when: 'true || '.repeat(131_072) })]),
      'request.invalid',
    ],
    ['a rule without tests', policy([rule({ tests: [] })]), 'request.invalid'],
    [
      'a rule whose tests show one side',
      policy([
        rule({
          tests: [
            { given: {}, expect: 'none' },
            { given: {}, expect: 'none' },
          ],
        }),
      ]),
      'request.invalid',
    ],
    [
      'a rule whose test fails',
      policy([
        rule({
          tests: [
            { given: {}, expect: 'forbids' },
            { given: {}, expect: 'none' },
          ],
        }),
      ]),
      'policy.invalid',
    ],
    ['a rule twice', policy([rule(), rule()]), 'request.invalid'],
    ['an action twice', policy([rule({ on: ['task.claim', 'task.claim'] })]), 'request.invalid'],
    ['an unknown action', policy([rule({ on: ['task.steal'] })]), 'request.invalid'],
    ['an unknown figure', policy([], { resource: { maxSwarmPerTask: 3 } }), 'request.invalid'],
    ['another format', policy([], { format: 'ifab-policy/2' }), 'request.invalid'],
    [
      'too many rules',
      policy(Array.from({ length: POLICY_RULES_MAX + 1 }, (_, i) => rule({ id: `r${i}` }))),
      'request.invalid',
    ],
    [
      'less money than is reserved',
      policy([], { resource: { realmLimitMicroUsd: 1 } }),
      'budget.too_low',
    ],
    ...noMoney((realmLimitMicroUsd) => policy([], { resource: { realmLimitMicroUsd } })),
  ],
  'policies.explain': [
    ['an unknown action', { action: 'task.steal' }, 'request.invalid'],
    ['facts that are no object', { action: 'task.claim', facts: 5 }, 'request.invalid'],
  ],
  'escalations.acknowledge': [
    ['a negative one', { escalationId: 'esc_-1' }, 'request.invalid'],
    ['a number of its own', { escalationId: 7 }, 'request.invalid'],
    ['the second of an entry', { escalationId: 'esc_1.9' }, 'escalation.not_found'],
  ],
  'usage.record': [
    ['nothing', { ...held }, 'request.invalid'],
    ['tokens of nobody', { ...held, inputTokens: 1 }, 'request.invalid'],
    ['an unknown model', { ...held, model: 'gpt-5.4-minni', inputTokens: 1 }, 'price.unknown'],
    ['a model of every object', { ...held, model: 'constructor', inputTokens: 1 }, 'price.unknown'],
    ['negative tokens', { ...held, model: 'gpt-5.4-mini', inputTokens: -1 }, 'request.invalid'],
    ['a million prompts', { ...held, model: 'gpt-5.4-mini', inputTokens: 1e15 }, 'request.invalid'],
    ['more than a record holds', { ...held, microUsd: SPACE_FOR_MONEY + 1 }, 'request.invalid'],
    ['a component that climbs', { ...held, microUsd: 1, component: '../log' }, 'request.invalid'],
    ['another’s lease', { ...held, taskId: 'shop/free', microUsd: 1 }, 'lease.forged'],
    ...noMoney((microUsd) => ({ ...held, microUsd })),
  ],
  'prices.set': [
    ['a model with space', price({ model: 'a b' }), 'request.invalid'],
    ['a price without a source', price({ source: '' }), 'request.invalid'],
    ['a price past all', price({ inputMicroUsdPerMTok: 1_000_000_001 }), 'request.invalid'],
    ...noMoney((outputMicroUsdPerMTok) => price({ outputMicroUsdPerMTok })),
  ],
  'prices.list': [['a book for a page', { limit: 1_000_000 }, 'request.invalid']],
  'prices.route': [
    ['negative tokens', { inputTokens: -1 }, 'request.invalid'],
    ['needs in capitals', { needs: ['VISION'] }, 'request.invalid'],
  ],
  'plans.submit': [
    ['a plan dearer than is taken unasked', { plan: dear }, 'budget.unconfirmed'],
    ['a confirmation of less', { plan: dear, confirmMicroUsd: 59_999_999 }, 'budget.unconfirmed'],
    [
      'a limit above the realm’s',
      {
        plan: {
          id: 'p',
          budget: { limitMicroUsd: SPACE_FOR_MONEY },
          tasks: [{ key: 'a', title: 'a' }],
        },
      },
      'budget.too_wide',
    ],
    ...noMoney((confirmMicroUsd) => ({ plan: dear, confirmMicroUsd })),
    ...noMoney((limitMicroUsd) => ({
      plan: { id: 'p', tasks: [{ key: 'a', title: 'a', budget: { limitMicroUsd } }] },
    })),
  ],
  'plans.edit': [
    [
      'tasks dearer than are taken unasked',
      { planId: 'shop', add: dear.tasks },
      'budget.unconfirmed',
    ],
    [
      'a confirmation of less',
      { planId: 'shop', add: dear.tasks, confirmMicroUsd: 59_999_999 },
      'budget.unconfirmed',
    ],
    ...noMoney((confirmMicroUsd) => ({ planId: 'shop', add: dear.tasks, confirmMicroUsd })),
  ],
  'plans.preview': [
    ['nothing', {}, 'request.invalid'],
    ['a plan and another', { planId: 'shop', plan: dear }, 'request.invalid'],
  ],
  'sessions.open': [
    [
      'a limit above the realm’s',
      { agent: 'eve', limitMicroUsd: SPACE_FOR_MONEY },
      'budget.too_wide',
    ],
    [
      'a limit above its swarm’s',
      { agent: 'eve', swarm: GROUND_SWARM, limitMicroUsd: 3_000_000 },
      'budget.too_wide',
    ],
    ...noMoney((limitMicroUsd) => ({ agent: 'eve', limitMicroUsd })),
  ],
  'blockers.raise': [
    [
      'a need by a near name',
      { ...stuck(held), needs: ['integration:sipp'] },
      'capability.unknown',
    ],
    ['a need of every object', { ...stuck(held), needs: ['constructor'] }, 'capability.unknown'],
    ['nobody to say that it is lifted', { ...stuck(held), quorum: 0 }, 'request.invalid'],
    ['a person called at once', { ...stuck(held), escalateAfterMs: 0 }, 'request.invalid'],
    ['who waits, told by the caller', { ...stuck(held), waiting: [sessionId] }, 'request.invalid'],
  ],
  'costs.report': [
    ['a dimension twice', { by: ['plan', 'plan'] }, 'request.invalid'],
    ['no dimension', { by: [] }, 'request.invalid'],
    ['an unknown dimension', { by: ['planet'] }, 'request.invalid'],
  ],
  'costs.history': [['an unknown bucket', { bucket: 'second' }, 'request.invalid']],
  'costs.entries': [['a page of nothing', { limit: 0 }, 'request.invalid']],
  'costs.forecast': [
    ['two accounts', { planId: 'shop', swarmId: GROUND_SWARM }, 'request.invalid'],
    ['no time', { windowMs: 0 }, 'request.invalid'],
    ['a swarm that is not there', { swarmId: 'blue' }, 'budget.not_found'],
  ],
  ...hostileChassis(held),
});

const price = (more: object): object => ({
  model: 'local',
  inputMicroUsdPerMTok: 1,
  outputMicroUsdPerMTok: 1,
  source: 'x',
  ...more,
});

/** Six tasks of ten dollars each, where fifty are taken unasked. */
const dear = {
  id: 'dear',
  tasks: Array.from({ length: 6 }, (_, i) => ({
    key: `t${i}`,
    title: 't',
    budget: { limitMicroUsd: 10_000_000 },
  })),
};

const stuck = (held: Ground['held']): object => ({ ...held, kind: 'capability', title: 'x' });
