/** What readers see of swarms, money, breakers, policy and escalations: rows that fit the protocol, and pages that go on. */
import { findOperation, HELP_CANDIDATES_MAX } from '@infrafabric/protocol';
import { COMPARISONS, openedRealm, type RealmRun } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';

import { NO_CONDITIONS } from './kernel/conditions.ts';
import {
  blockersToEscalate,
  explainPolicy,
  findAccount,
  findBlocker,
  helpCandidates,
  helpsWith,
  moneyOfTask,
  ownPrices,
  previewPlan,
  remainingCost,
  viewAccount,
  viewAccounts,
  viewBreakers,
  viewCapabilities,
  viewEscalations,
  viewPolicy,
  viewSwarm,
  viewSwarms,
  type Waiting,
} from './queries-governor.ts';
import { offerFor } from './queries.ts';

const NDI = 'integration:ndi';
const SIP = 'integration:sip';
const ada = 'ses_000000000000ada0';
const bob = 'ses_000000000000b0b0';
const eve = 'ses_0000000000000e7e';
const BLOCKER = 'blk_0000000000000001';

/** What the edge would have parsed. */
const input = <T>(value: unknown): T => value as T;

/** The same answer, as the operation's schema lets it through. */
const fits = <T>(operation: string, answer: T): T => {
  expect(findOperation(operation)?.output.parse(answer)).toStrictEqual(answer);
  return answer;
};

/** A cheap swarm and a dear one; ada works for the first, spent and is blocked; eve has no swarm. */
const lived = (): RealmRun => {
  const realm = openedRealm();
  realm.at = 1_000;
  const profile = { capabilities: [NDI], costPerHourMicroUsd: 2_000_000 };
  realm.run('swarms.register', {
    profile: { ...profile, swarmId: 'cheap', limitMicroUsd: 20_000_000, reputationPermille: 900 },
  });
  realm.run('swarms.register', {
    profile: { swarmId: 'dear', capabilities: [SIP, NDI], costPerHourMicroUsd: 15_000_000 },
  });
  realm.run('capabilities.define', { id: 'gpu:training', description: 'Trains models.' });
  const tasks = [
    { key: 'a', title: 'A', budget: { limitMicroUsd: 6_000_000 } },
    { key: 'b', title: 'B', needs: [SIP], phase: 'late', estimateMinutes: 30 },
    { key: 'c', title: 'C', phase: 'late' },
    { key: 'd', title: 'D' },
    { key: 'old', title: 'O', imported: { status: 'x', done: true } },
  ];
  realm.run('plans.submit', {
    plan: {
      id: 'p',
      tasks,
      phases: [{ id: 'early' }, { id: 'late', autonomous: true }],
      budget: { limitMicroUsd: 50_000_000 },
    },
  });
  realm.run('sessions.open', { agent: 'ada', swarm: 'cheap' }, { ids: [ada] });
  realm.run('sessions.open', { agent: 'bob', swarm: 'dear', leasesMax: 2 }, { ids: [bob] });
  realm.run('sessions.open', { agent: 'eve', capabilities: [NDI] }, { ids: [eve] });
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: ada });
  const held = { taskId: 'p/a', fence: realm.fenceOf('p/a') };
  realm.run('usage.record', { ...held, microUsd: 250_000 });
  realm.run(
    'blockers.raise',
    { ...held, kind: 'other', title: 't', needs: [NDI, 'gpu:training'], waiting: [eve] },
    { ids: [BLOCKER] },
  );
  return realm;
};

describe('swarms', () => {
  test('with their money, sessions and breakers', () => {
    const realm = lived();
    realm.run('breakers.trip', { swarmId: 'dear', reason: 'enough' });
    const { swarms } = fits('swarms.list', viewSwarms(realm.world, input({})));
    expect(swarms).toStrictEqual([
      {
        swarmId: 'cheap',
        capabilities: [NDI],
        costPerHourMicroUsd: 2_000_000,
        limitMicroUsd: 20_000_000,
        reputationPermille: 900,
        breaker: 'closed',
        sessions: 1,
        reservedMicroUsd: 5_750_000,
        spentMicroUsd: 250_000,
        overrunMicroUsd: 0,
        availableMicroUsd: 14_000_000,
        registeredAt: 1_000,
      },
      {
        swarmId: 'dear',
        capabilities: [SIP, NDI],
        costPerHourMicroUsd: 15_000_000,
        breaker: 'open',
        sessions: 1,
        limitMicroUsd: 100_000_000,
        reservedMicroUsd: 0,
        spentMicroUsd: 0,
        overrunMicroUsd: 0,
        availableMicroUsd: 100_000_000,
        registeredAt: 1_000,
      },
    ]);
    const ids = (where: object) =>
      viewSwarms(realm.world, input(where)).swarms.map(({ swarmId }) => swarmId);
    expect([ids({ breaker: 'open' }), ids({ breaker: 'closed' })]).toStrictEqual([
      ['dear'],
      ['cheap'],
    ]);
    expect(viewSwarms(realm.world, input({ limit: 1 }))).toMatchObject({ next: 'cheap' });
    expect(ids({ limit: 1, after: 'cheap' })).toStrictEqual(['dear']);
  });

  test('one, with why it is stopped and who works for it', () => {
    const realm = lived();
    realm.run('breakers.trip', { swarmId: 'dear', reason: 'enough' });
    const one = viewSwarm(realm.world, input({ swarmId: 'dear' }));
    if ('kind' in one) throw new Error(one.detail);
    expect(fits('swarms.show', one)).toMatchObject({
      swarmId: 'dear',
      breaker: 'open',
      breakerReason: 'enough',
      failures: 0,
      spentSinceProgressMicroUsd: 0,
      sessionIds: [bob],
    });
    expect(viewSwarm(realm.world, input({ swarmId: 'cheap' }))).not.toHaveProperty('breakerReason');
    expect(viewSwarm(realm.world, input({ swarmId: 'cheap' }))).toMatchObject({
      spentSinceProgressMicroUsd: 250_000,
      sessionIds: [ada],
    });
    realm.run('sessions.close', { sessionId: bob });
    expect(viewSwarm(realm.world, input({ swarmId: 'dear' }))).toMatchObject({
      sessions: 0,
      sessionIds: [],
    });
    expect(viewSwarm(realm.world, input({ swarmId: 'none' }))).toMatchObject({
      code: 'swarm.not_found',
    });
  });

  test('and their breakers', () => {
    const realm = lived();
    realm.at = 7_000;
    realm.run('breakers.trip', { swarmId: 'dear', reason: 'enough' }, { principal: 'olga' });
    expect(fits('breakers.list', viewBreakers(realm.world, input({}))).breakers).toStrictEqual([
      { swarmId: 'cheap', state: 'closed', failures: 0, spentSinceProgressMicroUsd: 250_000 },
      {
        swarmId: 'dear',
        state: 'open',
        cause: 'operator',
        reason: 'enough',
        since: 7_000,
        by: 'olga',
        failures: 0,
        spentSinceProgressMicroUsd: 0,
      },
    ]);
    expect(viewBreakers(realm.world, input({ state: 'open', limit: 1 }))).toMatchObject({
      breakers: [{ swarmId: 'dear' }],
    });
    expect(viewBreakers(realm.world, input({ limit: 1 })).next).toBe('cheap');
  });
});

test('capabilities: built in and defined, by id, with how many swarms have them', () => {
  const realm = lived();
  const { capabilities } = fits('capabilities.list', viewCapabilities(realm.world, input({})));
  expect(capabilities.map(({ id }) => id)).toStrictEqual(
    capabilities.map(({ id }) => id).toSorted(),
  );
  const one = (id: string) => capabilities.find((row) => row.id === id);
  expect(one(NDI)).toMatchObject({ builtIn: true, swarms: 2 });
  expect(one(SIP)).toMatchObject({ builtIn: true, swarms: 1 });
  expect(one('gpu:training')).toStrictEqual({
    id: 'gpu:training',
    description: 'Trains models.',
    builtIn: false,
    swarms: 0,
  });
  const first = viewCapabilities(realm.world, input({ limit: 2 }));
  expect(first.next).toBe(capabilities[1]?.id);
  expect(
    viewCapabilities(realm.world, input({ limit: 1, after: first.next })).capabilities,
  ).toStrictEqual(capabilities.slice(2, 3));
});

describe('accounts', () => {
  test('with their own limit or that of the account above', () => {
    const realm = lived();
    const { accounts } = fits('budgets.list', viewAccounts(realm.world, input({})));
    const rows = new Map<string, object>(accounts.map((row) => [row.account, row]));
    expect(rows.get('realm')).toStrictEqual({
      account: 'realm',
      limitMicroUsd: 100_000_000,
      inherited: false,
      // 5.75 of the lease, and 6 of the one side of its blocker that somebody can do: eve.
      reservedMicroUsd: 11_750_000,
      spentMicroUsd: 250_000,
      overrunMicroUsd: 0,
      availableMicroUsd: 88_000_000,
      alertPercent: 0,
    });
    expect(rows.get(`session:${ada}`)).toMatchObject({
      parent: 'swarm:cheap',
      limitMicroUsd: 20_000_000,
      inherited: true,
    });
    expect(rows.get('task:p/a')).toMatchObject({
      parent: 'plan:p',
      limitMicroUsd: 6_000_000,
      inherited: false,
      availableMicroUsd: 0,
    });
    const kinds = (kind: string) =>
      viewAccounts(realm.world, input({ kind })).accounts.map(({ account }) => account);
    expect(kinds('realm')).toStrictEqual(['realm']);
    expect(kinds('plan')).toStrictEqual(['plan:p']);
    expect(kinds('task')).toStrictEqual(['task:p/a', `task:p/help.${BLOCKER}.1`]);
    expect(viewAccounts(realm.world, input({ limit: 1 })).next).toBe('realm');
  });

  test('one, whether anything was charged to it yet or not', () => {
    const { world } = lived();
    expect(viewAccount(world, 'swarm:dear')).toMatchObject({
      account: 'swarm:dear',
      parent: 'realm',
      inherited: true,
      spentMicroUsd: 0,
      alertPercent: 0,
    });
    expect(findAccount(world, 'swarm:dear')).toStrictEqual(viewAccount(world, 'swarm:dear'));
    expect(findAccount(world, 'swarm:cheap')).toMatchObject({ spentMicroUsd: 250_000 });
    expect(findAccount(world, 'plan:p')).toMatchObject({ limitMicroUsd: 50_000_000 });
    for (const none of ['swarm:none', 'plan:none', 'task:p/d', 'session:none'])
      expect(findAccount(world, none)).toBeUndefined();
    const realm = lived();
    realm.run('plans.submit', { plan: { id: 'q', tasks: [] } });
    expect(findAccount(realm.world, 'plan:q')).toMatchObject({ inherited: true });
  });

  test('of a task: what it may cost, and what is set aside for its lease', () => {
    const { world } = lived();
    expect(moneyOfTask(world, 'p/a')).toStrictEqual({
      limitMicroUsd: 6_000_000,
      reservedMicroUsd: 5_750_000,
    });
    expect(moneyOfTask(world, 'p/d')).toStrictEqual({
      limitMicroUsd: 10_000_000,
      reservedMicroUsd: 0,
    });
    expect(moneyOfTask(world, 'p/none')).toStrictEqual({ limitMicroUsd: 0, reservedMicroUsd: 0 });
  });
});

describe('what a plan may cost', () => {
  test('is the sum over its unfinished tasks, each with the swarm that it would go to', () => {
    const realm = lived();
    realm.run('tasks.cancel', { taskId: 'p/d', reason: 'no' });
    const cost = previewPlan(realm.world, input({ planId: 'p' }));
    if ('kind' in cost) throw new Error(cost.detail);
    // b: half an hour of the dear swarm, 7.5, so 10 at most; c: an hour of the cheap one, 2, so 4; help: what was offered.
    expect(fits('plans.preview', cost)).toStrictEqual({
      planId: 'p',
      tasks: 4,
      worstMicroUsd: 6_000_000 + 10_000_000 + 4_000_000 + 6_000_000,
      expectedMicroUsd: 2_000_000 + 7_500_000 + 2_000_000 + 2_000_000,
      unpriced: 0,
      phases: [
        { tasks: 2, worstMicroUsd: 12_000_000 },
        { phase: 'late', tasks: 2, worstMicroUsd: 14_000_000 },
      ],
      confirmAboveMicroUsd: 50_000_000,
      needsConfirmation: false,
    });
    const { planId: _, ...remaining } = cost;
    expect(remainingCost(realm.world, 'p')).toStrictEqual(remaining);
  });

  test('is told of a plan at hand, before it is submitted', () => {
    const { world } = lived();
    const task = { key: 'x', title: 'X', budget: { limitMicroUsd: 60_000_000 } };
    const done = { key: 'y', title: 'Y', imported: { status: 'x', done: true } };
    expect(previewPlan(world, input({ plan: { id: 'new', tasks: [task, done] } }))).toMatchObject({
      planId: 'new',
      tasks: 1,
      worstMicroUsd: 60_000_000,
      needsConfirmation: true,
    });
  });

  test('is asked of one plan that there is', () => {
    const { world } = lived();
    expect(previewPlan(world, input({ planId: 'none' }))).toMatchObject({ code: 'plan.not_found' });
    expect(remainingCost(world, 'none')).toBeUndefined();
    const both = { planId: 'p', plan: { id: 'q', tasks: [] } };
    for (const wrong of [{}, both])
      expect(previewPlan(world, input(wrong))).toMatchObject({
        code: 'request.invalid',
        facts: { field: 'planId' },
      });
  });
});

describe('the policy', () => {
  const policy = {
    format: 'ifab-policy/1' as const,
    resource: { maxSwarmsPerTask: 2 },
    governs: ['budget.set' as const],
    rules: [
      {
        id: 'small',
        effect: 'permit' as const,
        on: ['budget.set' as const],
        when: 'limitMicroUsd < 5',
        reason: 'small is fine',
        tests: [
          { given: {}, expect: 'permits' as const },
          { given: { limitMicroUsd: 5 }, expect: 'none' as const },
        ],
      },
    ],
  };

  test('in force: the defaults, then what was set, when and by whom', () => {
    const realm = lived();
    expect(viewPolicy(realm.world)).toMatchObject({
      policy: { rules: [] },
      resource: { maxSwarmsPerTask: 3 },
    });
    for (const member of ['digest', 'setAt', 'setBy'])
      expect(viewPolicy(realm.world)).not.toHaveProperty(member);
    realm.at = 9_000;
    const digest = `sha256:${'c'.repeat(64)}`;
    realm.run('policies.set', { policy, digest }, { principal: 'olga' });
    expect(fits('policies.show', viewPolicy(realm.world))).toMatchObject({
      policy,
      resource: { maxSwarmsPerTask: 2, failureThreshold: 3 },
      digest,
      setAt: 9_000,
      setBy: 'olga',
    });
  });

  test('explains an act, rule by rule', () => {
    const realm = lived();
    realm.run('policies.set', { policy });
    const explain = (asked: object, conditions = COMPARISONS) =>
      explainPolicy(realm.world, input({ action: 'budget.set', ...asked }), conditions);
    expect(fits('policies.explain', explain({ facts: { limitMicroUsd: 4 } }))).toStrictEqual({
      verdict: 'permit',
      rule: 'small',
      reason: 'small is fine',
      rules: [{ id: 'small', effect: 'permit', said: 'applies', reason: 'small is fine' }],
    });
    expect(explain({ facts: { limitMicroUsd: 5 } })).toStrictEqual({
      verdict: 'deny',
      reason: 'No rule permits budget.set.',
      rules: [{ id: 'small', effect: 'permit', said: 'does-not', reason: 'small is fine' }],
    });
    expect(explain({}, NO_CONDITIONS)).toMatchObject({
      verdict: 'deny',
      rule: 'small',
      rules: [{ said: 'error', reason: 'no language of conditions is there' }],
    });
    expect(explain({ facts: { swarm: { id: 7 } } })).toMatchObject({
      code: 'request.invalid',
      facts: { field: 'facts.swarm.id' },
    });
    expect(explain({ facts: { unheardOf: 1 } })).toMatchObject({ code: 'request.invalid' });
  });
});

test('escalations: open ones first, the newest in front', () => {
  const realm = lived();
  for (const swarmId of ['cheap', 'dear']) realm.run('breakers.trip', { swarmId, reason: 'r' });
  const before = viewEscalations(realm.world, input({})).escalations;
  expect(before.map(({ subject }) => subject)).toStrictEqual(['dear', 'cheap', BLOCKER]);
  const [newest, , oldest] = before;
  if (newest === undefined || oldest === undefined) throw new Error('defect: no escalation');
  realm.run(
    'escalations.acknowledge',
    { escalationId: newest.escalationId, note: 'seen' },
    { principal: 'olga' },
  );
  realm.run('escalations.acknowledge', { escalationId: oldest.escalationId });
  const { escalations } = fits('escalations.list', viewEscalations(realm.world, input({})));
  expect(
    escalations.map(({ subject, status, acknowledgedBy, note }) => [
      subject,
      status,
      acknowledgedBy,
      note,
    ]),
  ).toStrictEqual([
    ['cheap', 'open', undefined, undefined],
    ['dear', 'acknowledged', 'olga', 'seen'],
    [BLOCKER, 'acknowledged', 'operator', undefined],
  ]);
  const count = (status: string) =>
    viewEscalations(realm.world, input({ status })).escalations.length;
  expect([count('open'), count('acknowledged')]).toStrictEqual([1, 2]);
  expect(viewEscalations(realm.world, input({ limit: 1 })).next).toBe(escalations[0]?.escalationId);
});

describe('help', () => {
  test('is for a blocker, of which a person is told in time unless it is over', () => {
    const realm = lived();
    expect(helpsWith(realm.world, `p/help.${BLOCKER}.1`)).toBe(BLOCKER);
    expect([helpsWith(realm.world, 'p/d'), helpsWith(realm.world, 'p/z')]).toStrictEqual([
      undefined,
      undefined,
    ]);
    expect(findBlocker(realm.world, BLOCKER)).toMatchObject({ blockerId: BLOCKER, taskId: 'p/a' });
    expect(findBlocker(realm.world, 'blk_none')).toBeUndefined();
    const due = () => [...blockersToEscalate(realm.world)];
    expect(due()).toStrictEqual([{ blockerId: BLOCKER, escalateAt: 901_000 }]);
    realm.at = 901_000;
    realm.run('blockers.escalate', { blockerId: BLOCKER });
    expect(due()).toStrictEqual([]);
    const other = lived();
    other.run('blockers.resolve', { blockerId: BLOCKER, resolution: 'r' });
    expect([...blockersToEscalate(other.world)]).toStrictEqual([]);
  });

  /** Sessions that wait, in this order. */
  const waiting = (...ids: readonly string[]): Waiting => ({
    has: (id) => ids.includes(id),
    loose: ids,
  });

  test('is offered to one waiting session of each swarm that can, the best first, then to those of no swarm', () => {
    const realm = lived();
    for (const id of ['bob2', 'bob3'])
      realm.run('sessions.open', { agent: id, swarm: 'dear' }, { ids: [id] });
    realm.run('sessions.open', { agent: 'zoe', capabilities: [SIP] }, { ids: ['zoe'] });
    realm.run('sessions.open', { agent: 'max', capabilities: ['cli:design'] }, { ids: ['max'] });
    const all = waiting('zoe', 'max', eve, 'bob3', 'bob2', bob, ada, 'gone');
    const named = (...needs: string[]) => helpCandidates(realm.world, needs, all);
    // ada and eve hold leases, as many as they may; of the dear swarm one is enough.
    expect(named(NDI)).toStrictEqual([bob]);
    expect(named(SIP)).toStrictEqual([bob, 'zoe']);
    expect(named(SIP, NDI)).toStrictEqual([bob, 'zoe']);
    expect(named('integration:h323')).toStrictEqual([]);
    expect(helpCandidates(realm.world, [SIP], waiting('bob3', 'zoe'))).toStrictEqual([
      'bob3',
      'zoe',
    ]);
    expect(helpCandidates(realm.world, [SIP], waiting())).toStrictEqual([]);
  });

  test('is offered to a stopped swarm by nobody', () => {
    const realm = lived();
    realm.run('breakers.trip', { swarmId: 'dear', reason: 'r' });
    expect(helpCandidates(realm.world, [SIP], waiting(bob))).toStrictEqual([]);
  });

  test('is offered to so many at most, however many wait', () => {
    const realm = openedRealm();
    const skills = [NDI, SIP, 'integration:h323'];
    for (let i = 0; i < 120; i += 1) {
      const swarmId = `s${i}`;
      const capabilities = skills.slice(i % 3, (i % 3) + 1);
      realm.run('swarms.register', { profile: { swarmId, capabilities, costPerHourMicroUsd: i } });
      // The cheapest three have nobody.
      if (i > 2)
        realm.run('sessions.open', { agent: `a${i}`, swarm: swarmId }, { ids: [`in${i}`] });
      const loose = { agent: `l${i}`, capabilities };
      realm.run('sessions.open', loose, { ids: [`loose${i}`] });
    }
    const everybody = waiting(...realm.world.coordinator.sessions.keys());
    const named = (...needs: string[]) => helpCandidates(realm.world, needs, everybody);
    const ofSwarms = (ids: readonly string[]) => ids.filter((id) => id.startsWith('in'));
    // Of one need 32 of swarms, the cheapest first, and all 40 of none.
    expect(named(NDI).slice(0, 3)).toStrictEqual(['in3', 'in6', 'in9']);
    expect([named(NDI).length, ofSwarms(named(NDI)).length]).toStrictEqual([
      HELP_CANDIDATES_MAX,
      32,
    ]);
    expect(ofSwarms(named(NDI, SIP))).toHaveLength(HELP_CANDIDATES_MAX);
    expect(named(...skills)).toStrictEqual(named(NDI, SIP));
  });

  test('does not look at all who wait without a swarm, where they are very many', () => {
    const realm = openedRealm();
    realm.run('sessions.open', { agent: 'able', capabilities: [NDI] }, { ids: ['able'] });
    let looked = 0;
    const loose = {
      *[Symbol.iterator]() {
        for (; looked < 10_000; looked += 1) yield 'nobody';
        yield 'able';
      },
    };
    const found = helpCandidates(realm.world, [NDI], { has: () => true, loose });
    expect([found, looked]).toStrictEqual([[], 4_096]);
  });
});

test('what a waiting session would be given: help before work, and how good it is at it', () => {
  const realm = lived();
  realm.run(
    'sessions.open',
    { agent: 'zoe', capabilities: ['gpu:training'], leasesMax: 1 },
    { ids: ['zoe'] },
  );
  expect(offerFor(realm.world, 'zoe')).toStrictEqual({ taskId: 'p/d', rank: 10, score: 0 });
  // 1000 ‰ of the needs, for a reputation of 1000 and 15 dollars an hour.
  expect(offerFor(realm.world, bob)).toStrictEqual({
    taskId: 'p/d',
    rank: 10,
    score: 1_000 * (1_000 / 15_000_000),
  });
  expect(offerFor(realm.world, 'nobody')).toBeUndefined();
});

test('prices of the realm', () => {
  const realm = lived();
  expect([...ownPrices(realm.world)]).toStrictEqual([]);
  const price = { model: 'm', inputMicroUsdPerMTok: 1, outputMicroUsdPerMTok: 2, source: 's' };
  realm.run('prices.set', price);
  expect([...ownPrices(realm.world)]).toStrictEqual([
    { ...price, cachedMicroUsdPerMTok: 1, setAt: 1_000 },
  ]);
});
