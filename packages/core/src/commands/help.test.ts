/** Gang up on the blocker: who is asked, for what, with whose money, and how it ends. */
import { openedRealm } from '@infrafabric/testkit';
import type { RealmRun } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import type { Decision, DomainEvent } from '../index.ts';
import { worldFaults } from './faults.ts';

const DOLLAR = 1_000_000;
const [SIP, NDI, WEBRTC, H323] = [
  'integration:sip',
  'integration:ndi',
  'integration:webrtc',
  'integration:h323',
] as const;

interface HelperSpec {
  readonly id: string;
  readonly agent?: string;
  /** Its registered swarm, and the price of it; absent: it is in none. */
  readonly swarm?: string;
  readonly cost?: number;
  readonly reputation?: number;
  readonly capabilities: readonly string[];
  readonly relations?: readonly { readonly kind: string; readonly with: string }[];
  readonly limit?: number;
  readonly role?: 'worker' | 'runner';
}

const join = (realm: RealmRun, one: HelperSpec): void => {
  const { id, agent = id, swarm, cost = 2 * DOLLAR, capabilities, role = 'worker' } = one;
  if (swarm !== undefined && !realm.world.governor.swarms.has(swarm)) {
    const profile = {
      swarmId: swarm,
      capabilities,
      costPerHourMicroUsd: cost,
      ...(one.reputation === undefined ? {} : { reputationPermille: one.reputation }),
      ...(one.relations === undefined ? {} : { relations: one.relations }),
      ...(one.limit === undefined ? {} : { limitMicroUsd: one.limit }),
    };
    expect(realm.submit({ op: 'swarms.register', args: { profile } }).kind).toBe('accept');
  }
  realm.submit({
    op: 'sessions.open',
    args: { agent, role, capabilities, ...(swarm === undefined ? {} : { swarm }) },
    ids: [id],
  });
};

/** `ada` of swarm `home` holds p/a, of four dollars; the helpers wait. */
const begun = (helpers: readonly HelperSpec[], resource: object = {}): RealmRun => {
  const realm = openedRealm();
  realm.run('policies.set', {
    policy: { format: 'ifab-policy/1', governs: [], rules: [], resource },
  });
  join(realm, { id: 'ada', swarm: 'home', capabilities: [NDI] });
  const tasks = [
    { key: 'a', title: 'A', type: 'build', needs: [NDI], budget: { limitMicroUsd: 4 * DOLLAR } },
    { key: 'b', title: 'B', dependsOn: ['a'] },
    { key: 'c', title: 'C', needs: [NDI] },
  ];
  realm.run('plans.submit', { plan: { id: 'p', tasks } });
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
  for (const one of helpers) join(realm, one);
  return realm;
};

interface Raise {
  readonly needs?: readonly string[];
  readonly waiting?: readonly string[];
  readonly taskId?: string;
  readonly id?: string;
  readonly more?: object;
}

const raise = (
  realm: RealmRun,
  { needs = [SIP], waiting, taskId = 'p/a', id = 'b1', more = {} }: Raise = {},
): Decision =>
  realm.submit({
    op: 'blockers.raise',
    args: {
      taskId,
      fence: realm.fenceOf(taskId),
      kind: 'integration',
      title: 'stuck',
      needs,
      waiting: waiting ?? [...realm.world.coordinator.sessions.keys()],
      ...more,
    },
    ids: [id],
  });

const eventsOf = (decision: Decision): readonly DomainEvent[] =>
  decision.kind === 'accept' ? decision.events : [];
const typesOf = (decision: Decision): string[] => eventsOf(decision).map(({ type }) => type);
const helpersOf = (decision: Decision): string[] =>
  eventsOf(decision).flatMap((event) => (event.type === 'task.leased' ? [event.sessionId] : []));
/** The sides that were offered: what each needs, and what it may cost. */
const sidesOf = (decision: Decision): (readonly [string, number])[] =>
  eventsOf(decision).flatMap((event) =>
    event.type === 'help.offered' ? [[event.needs.join(' '), event.limitMicroUsd] as const] : [],
  );
const escalationOf = (decision: Decision): DomainEvent | undefined =>
  eventsOf(decision).find(({ type }) => type === 'escalation.raised');
const rejectionOf = (decision: Decision) => {
  if (decision.kind === 'refuse') return decision.rejection;
  return decision.kind === 'reject' ? decision : undefined;
};
const complete = (realm: RealmRun, taskId: string, next = false): Decision =>
  realm.run('tasks.complete', { taskId, fence: realm.fenceOf(taskId), next });

const expert = (id: string, ...capabilities: readonly string[]): HelperSpec => ({
  id,
  swarm: `sw-${id}`,
  capabilities,
});

describe('who is asked', () => {
  test('who can and waits; all needs are covered, each once, by as few as can', () => {
    const realm = begun([
      expert('one', SIP),
      expert('two', SIP, WEBRTC),
      expert('three', WEBRTC, H323),
      expert('four', 'cli:testing'),
    ]);
    const decision = raise(realm, { needs: [SIP, WEBRTC, H323] });
    expect(helpersOf(decision)).toStrictEqual(['three', 'one']);
    expect(sidesOf(decision)).toStrictEqual([
      [`${H323} ${WEBRTC}`, 2 * DOLLAR],
      [SIP, 2 * DOLLAR],
    ]);
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('the free one first, then by reputation over price, then those of whom nothing is known', () => {
    const helpers: readonly HelperSpec[] = [
      { id: 'unknown', capabilities: [SIP] },
      { id: 'dear', swarm: 'dear', cost: 9, capabilities: [SIP] },
      { id: 'poor', swarm: 'poor', cost: 3, reputation: 300, capabilities: [SIP] },
      { id: 'good', swarm: 'good', cost: 3, reputation: 900, capabilities: [SIP] },
      { id: 'free', swarm: 'free', cost: 0, capabilities: [SIP] },
    ];
    const order: string[] = [];
    let left = helpers;
    while (left.length > 0) {
      const [chosen = ''] = helpersOf(raise(begun(left)));
      order.push(chosen);
      left = left.filter(({ id }) => id !== chosen);
    }
    expect(order).toStrictEqual(['free', 'good', 'dear', 'poor', 'unknown']);
  });

  test('of those of whom nothing is known, who brings more', () => {
    const realm = begun([
      { id: 'a1', capabilities: [SIP] },
      { id: 'b2', capabilities: [SIP, WEBRTC] },
    ]);
    expect(helpersOf(raise(realm, { needs: [SIP, WEBRTC] }))).toStrictEqual(['b2']);
  });

  test('equals by relation: who waits on the blocked one, friends, the younger, elder, child, parent, others', () => {
    const kinds = [
      'minister-of',
      'friend-of',
      'younger-of',
      'elder-of',
      'child-of',
      'parent-of',
      'none',
      'governor-of',
    ];
    const helperOf = (kind: string, i: number): HelperSpec => ({
      // Names run against the order, so that they cannot be what decides.
      ...expert(`z${9 - i}`, SIP),
      relations: [
        { kind: 'minister-of', with: 'x' },
        ...(kind === 'none' ? [] : [{ kind, with: 'home' }]),
      ],
    });
    const helpers = kinds.map(helperOf);
    for (let at = 0; at < kinds.length; at += 1) {
      const decision = raise(begun(helpers.slice(at).toReversed()));
      expect(helpersOf(decision)).toStrictEqual([`z${9 - at}`]);
      const offered = eventsOf(decision).find(({ type }) => type === 'help.offered');
      const kind = kinds[at];
      if (kind === 'none') expect(offered).not.toHaveProperty('relation');
      else expect(offered).toMatchObject({ relation: kind });
    }
  });

  test('equals in everything by name', () => {
    expect(helpersOf(raise(begun([expert('b', SIP), expert('a', SIP)])))).toStrictEqual(['a']);
  });

  test('one session of a swarm, and one of an agent without a swarm', () => {
    const realm = begun([
      { id: 'x1', swarm: 'x', capabilities: [SIP, WEBRTC] },
      { id: 'x2', swarm: 'x', capabilities: [WEBRTC, H323] },
      { id: 'y1', agent: 'yan', capabilities: [SIP, H323] },
      { id: 'y2', agent: 'yan', capabilities: [H323] },
    ]);
    const helpers = helpersOf(raise(realm, { needs: [SIP, WEBRTC, H323, NDI] }));
    expect(helpers).toHaveLength(2);
    expect(new Set(helpers.map((id) => id.slice(0, 1)))).toStrictEqual(new Set(['x', 'y']));
  });

  test('two sessions of an agent are one side', () => {
    const realm = begun([
      { id: 'y1', agent: 'yan', capabilities: [SIP] },
      { id: 'y2', agent: 'yan', capabilities: [H323] },
    ]);
    expect(helpersOf(raise(realm, { needs: [SIP, H323] }))).toHaveLength(1);
  });

  test('two agents without a swarm are two sides', () => {
    const realm = begun([
      { id: 'y1', capabilities: [SIP] },
      { id: 'y2', capabilities: [H323] },
    ]);
    expect(helpersOf(raise(realm, { needs: [SIP, H323] }))).toHaveLength(2);
  });

  test('nobody who is not there, is busy, ended, a runner, stopped, or the agent that is blocked itself', () => {
    const realm = begun([
      expert('busy', SIP, NDI),
      expert('gone', SIP),
      { ...expert('runner', SIP), role: 'runner' },
      expert('stopped', SIP),
      { ...expert('twin', SIP), agent: 'ada' },
    ]);
    realm.run('tasks.claim', { taskId: 'p/c', sessionId: 'busy' });
    realm.run('sessions.close', { sessionId: 'gone' });
    realm.run('breakers.trip', { swarmId: 'sw-stopped', reason: 'r' });
    const waiting = ['busy', 'gone', 'runner', 'stopped', 'twin', 'nobody', 'ada'];
    const decision = raise(realm, { waiting });
    expect(helpersOf(decision)).toStrictEqual([]);
    // The busy one may come for it later: its side is open.
    expect(sidesOf(decision)).toStrictEqual([[SIP, 4 * DOLLAR]]);
  });

  test('a swarm that is tried with one task at a time is not asked either', () => {
    const realm = begun([expert('sip', SIP), expert('two', SIP)]);
    for (const op of ['breakers.trip', 'breakers.reset'] as const)
      realm.run(op, { swarmId: 'sw-sip', reason: 'r' });
    expect(helpersOf(raise(realm))).toStrictEqual(['two']);
  });

  test('who is named twice helps once', () => {
    const realm = begun([expert('sip', SIP)]);
    expect(helpersOf(raise(realm, { waiting: ['sip', 'sip'] }))).toStrictEqual(['sip']);
  });

  test('nobody for a blocker that needs nothing', () => {
    expect(typesOf(raise(begun([expert('sip', SIP)]), { needs: [] }))).toStrictEqual([
      'blocker.raised',
    ]);
  });
});

describe('what nobody who waits can do', () => {
  test('stays open for who can and comes; the blocked agent cannot take it itself', () => {
    const realm = begun([expert('sip', SIP), { ...expert('twin', SIP), agent: 'ada' }]);
    const decision = raise(realm, { waiting: [] });
    expect(typesOf(decision)).toStrictEqual(['blocker.raised', 'help.offered']);
    expect(
      rejectionOf(realm.run('tasks.claim', { taskId: 'p/help.b1.1', sessionId: 'twin' }))?.code,
    ).toBe('auth.forbidden');
    expect(realm.run('tasks.next', { sessionId: 'sip' })).toMatchObject({
      events: [{ taskId: 'p/help.b1.1' }, { amountMicroUsd: 4 * DOLLAR }],
    });
  });

  test('goes to a person where only the blocked one has it, its other sessions, or nobody', () => {
    const own = begun([]);
    expect(escalationOf(raise(own, { needs: [NDI] }))).toMatchObject({
      escalationId: `esc_${own.world.realm.size - 1}`,
      kind: 'blocker',
      severity: 'high',
      subject: 'b1',
      summary: expect.stringContaining(`p/a is blocked (stuck) and there is no help for ${NDI}.`),
    });
    const twin = begun([{ ...expert('twin', SIP), agent: 'ada' }]);
    expect(escalationOf(raise(twin))).toBeDefined();
    const ended = begun([expert('ndi', NDI)]);
    ended.run('sessions.close', { sessionId: 'ndi' });
    expect(escalationOf(raise(ended, { needs: [NDI] }))).toBeDefined();
    const nobody = begun([expert('sip', SIP)]);
    nobody.run('sessions.close', { sessionId: 'sip' });
    expect(typesOf(raise(nobody))).toStrictEqual(['blocker.raised', 'escalation.raised']);
  });

  test('what remains beyond the places is one side more, or goes to a person', () => {
    const helpers = [expert('one', SIP), expert('late', WEBRTC, H323, 'cli:testing')];
    const needs = [SIP, WEBRTC, H323, 'cli:testing'];
    const waiting = ['one'];
    expect(sidesOf(raise(begun(helpers), { needs, waiting }))).toStrictEqual([
      [SIP, 1_333_333],
      ['cli:testing', 1_333_333],
      [`${H323} ${WEBRTC}`, 1_333_333],
    ]);
    const narrow = begun(helpers, { maxSwarmsPerTask: 1 });
    const decision = raise(narrow, { needs, waiting });
    expect(sidesOf(decision)).toStrictEqual([[SIP, 4 * DOLLAR]]);
    expect(escalationOf(decision)).toMatchObject({
      summary: expect.stringContaining(`cli:testing, ${H323}, ${WEBRTC}`),
    });
  });

  test('of a plan that is paused nothing is leased: its help waits with the rest', () => {
    const realm = begun([expert('sip', SIP)]);
    realm.run('plans.pause', { planId: 'p' });
    expect(typesOf(raise(realm))).toStrictEqual(['blocker.raised', 'help.offered']);
    expect(realm.run('tasks.next', { sessionId: 'sip' })).toStrictEqual({ kind: 'unchanged' });
    realm.run('plans.resume', { planId: 'p' });
    expect(helpersOf(realm.run('tasks.next', { sessionId: 'sip' }))).toStrictEqual(['sip']);
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('a capability that nobody can have is refused, with its place; one that a session has is known', () => {
    const realm = begun([{ id: 'odd', capabilities: ['odd:skill'] }]);
    expect(raise(realm, { needs: [SIP, 'made:up'] })).toMatchObject({
      code: 'capability.unknown',
      facts: { field: 'needs[1]', capability: 'made:up' },
    });
    expect(helpersOf(raise(realm, { needs: ['odd:skill'] }))).toStrictEqual(['odd']);
    realm.run('capabilities.define', { id: 'made:up', description: 'now it is there' });
    expect(raise(realm, { needs: ['made:up'], id: 'b2' }).kind).toBe('accept');
  });

  test('a stale fence raises nothing', () => {
    const realm = begun([]);
    const fence = { ...realm.fenceOf('p/a'), n: 5 };
    expect(rejectionOf(raise(realm, { more: { fence } }))?.code).toBe('lease.stale');
  });
});

describe('whose money', () => {
  test('G3: all helpers together have what the blocked task may cost, over all its blockers', () => {
    const realm = begun([expert('sip', SIP), expert('rtc', WEBRTC)]);
    expect(sidesOf(raise(realm, { needs: [SIP], more: { quorum: 1 } }))).toStrictEqual([
      [SIP, 4 * DOLLAR],
    ]);
    expect(sidesOf(raise(realm, { needs: [WEBRTC], id: 'b2' }))).toStrictEqual([[WEBRTC, 0]]);
    // What is over gives its share back.
    realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'gone' });
    realm.run('blockers.resolve', { blockerId: 'b2', resolution: 'gone' });
    expect(sidesOf(raise(realm, { needs: [WEBRTC], id: 'b3' }))).toStrictEqual([
      [WEBRTC, 4 * DOLLAR],
    ]);
  });

  test('help that is done counts no more, though its blocker goes on', () => {
    const realm = begun([expert('sip', SIP), expert('h', H323), expert('rtc', WEBRTC)]);
    raise(realm, { needs: [SIP, H323] });
    complete(realm, 'p/help.b1.1');
    expect(sidesOf(raise(realm, { needs: [WEBRTC], id: 'b2' }))).toStrictEqual([
      [WEBRTC, 2 * DOLLAR],
    ]);
  });

  test('the places of a task are shared by its blockers too', () => {
    const realm = begun([expert('sip', SIP), expert('rtc', WEBRTC)], { maxSwarmsPerTask: 1 });
    expect(helpersOf(raise(realm))).toStrictEqual(['sip']);
    const second = raise(realm, { needs: [WEBRTC], id: 'b2' });
    expect(typesOf(second)).toStrictEqual(['blocker.raised', 'escalation.raised']);
  });

  test('each helper’s share is set aside on its own accounts', () => {
    const realm = begun([expert('sip', SIP), expert('rtc', WEBRTC)]);
    raise(realm, { needs: [SIP, WEBRTC] });
    const reserved = (account: string) => realm.world.governor.accounts.get(account)?.reserved;
    expect(['swarm:sw-sip', 'swarm:sw-rtc', 'swarm:home', 'plan:p'].map(reserved)).toStrictEqual([
      2 * DOLLAR,
      2 * DOLLAR,
      4 * DOLLAR,
      8 * DOLLAR,
    ]);
  });

  test('who cannot pay for its side leaves it open, and it does not go to a person yet', () => {
    const realm = begun([{ ...expert('sip', SIP), limit: DOLLAR }]);
    expect(typesOf(raise(realm))).toStrictEqual(['blocker.raised', 'help.offered']);
    expect(realm.world.governor.reservations.size).toBe(1);
  });

  test('the next best is asked where the best cannot pay, or is not allowed', () => {
    const realm = begun([
      { ...expert('best', SIP), cost: 1, limit: DOLLAR },
      { ...expert('good', SIP), cost: 2, limit: DOLLAR },
      { ...expert('last', SIP), cost: 3 },
    ]);
    expect(helpersOf(raise(realm))).toStrictEqual(['last']);
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('two helpers do not set aside the same money', () => {
    const realm = begun([expert('sip', SIP), expert('rtc', WEBRTC)]);
    realm.run('budgets.set', { account: 'plan:p', limitMicroUsd: 7 * DOLLAR });
    const decision = raise(realm, { needs: [SIP, WEBRTC] });
    expect(helpersOf(decision)).toHaveLength(1);
    expect(sidesOf(decision)).toHaveLength(2);
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('whom the policy does not allow to help leaves it open; it sees the help task, not the blocked one', () => {
    const forbidden = [
      'action = help.lease',
      'task.isHelp = true',
      'task.type = help',
      'task.id = p/help.b1.1',
      'task.key = help.b1.1',
      `task.needs = ${SIP}`,
      'task.limitMicroUsd = 4000000',
      'amountMicroUsd = 4000000',
      'session.id = sip',
    ];
    for (const when of forbidden) {
      const realm = begun([expert('sip', SIP)]);
      realm.submit({
        op: 'policies.set',
        args: {
          policy: {
            format: 'ifab-policy/1',
            governs: [],
            resource: {},
            rules: [
              { id: 'r', effect: 'forbid', on: ['help.lease'], when, reason: 'no', tests: [] },
            ],
          },
        },
      });
      expect([when, ...typesOf(raise(realm))]).toStrictEqual([
        when,
        'blocker.raised',
        'help.offered',
      ]);
      // Whoever comes for it later is asked the same; that the rule speaks, and does not fail, shows in its reason.
      const later = rejectionOf(realm.run('tasks.next', { sessionId: 'sip' }));
      expect([when, later?.detail]).toStrictEqual([when, 'p/help.b1.1: no']);
    }
  });
});

describe('how it ends', () => {
  const helped = (more: object = {}): RealmRun => {
    const realm = begun([expert('sip', SIP), expert('rtc', WEBRTC)]);
    raise(realm, { needs: [SIP, WEBRTC], more });
    return realm;
  };
  const sideOf = (realm: RealmRun, sessionId: string): string => {
    const [task = -1] = realm.world.coordinator.sessions.get(sessionId)?.leases ?? [];
    return realm.world.coordinator.tasks.ids[task] ?? '';
  };

  test('with the word of every helper; each end settles its own lease', () => {
    const realm = helped();
    expect(typesOf(complete(realm, sideOf(realm, 'sip')))).toStrictEqual([
      'budget.settled',
      'task.completed',
      'blocker.declared',
    ]);
    expect(typesOf(complete(realm, sideOf(realm, 'rtc')))).toStrictEqual([
      'budget.settled',
      'task.completed',
      'blocker.declared',
      'blocker.resolved',
    ]);
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('with a quorum of one: the other side dissolves in the same entry, settled before it ends', () => {
    const realm = helped({ quorum: 1 });
    const over = sideOf(realm, 'rtc');
    const fence = realm.fenceOf(over);
    realm.run('usage.record', { taskId: over, fence, microUsd: 7 });
    const events = eventsOf(complete(realm, sideOf(realm, 'sip')));
    expect(events.map(({ type }) => type)).toStrictEqual([
      'budget.settled',
      'task.completed',
      'blocker.declared',
      'blocker.resolved',
      'budget.settled',
      'task.cancelled',
    ]);
    expect(events[4]).toMatchObject({
      taskId: over,
      releasedMicroUsd: 2 * DOLLAR - 7,
      spentMicroUsd: 7,
    });
    expect(realm.world.governor.accounts.get('swarm:sw-rtc')).toMatchObject({
      reserved: 0,
      spent: 7,
    });
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('by the word of the holder or an operator: all sides dissolve', () => {
    const realm = helped();
    expect(
      typesOf(realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'gone' })),
    ).toStrictEqual([
      'blocker.resolved',
      'budget.settled',
      'task.cancelled',
      'budget.settled',
      'task.cancelled',
    ]);
    expect([...realm.world.governor.reservations.keys()]).toStrictEqual(['p/a']);
  });

  test('with its task: the holder’s completion dissolves the help', () => {
    const realm = helped();
    expect(typesOf(complete(realm, 'p/a'))).toStrictEqual([
      'budget.settled',
      'task.completed',
      'blocker.resolved',
      'budget.settled',
      'task.cancelled',
      'budget.settled',
      'task.cancelled',
    ]);
    expect(realm.world.governor.reservations.size).toBe(0);
  });

  test('a helper that finishes and asks for more is not given a side that ends with its word', () => {
    // A second side of the same blocker is open and would be the best of what is ready.
    const other = begun([expert('both', SIP), expert('late', WEBRTC)]);
    raise(other, { needs: [SIP, WEBRTC], waiting: ['both'], more: { quorum: 1 } });
    join(other, { id: 'able', swarm: 'sw-able', capabilities: [SIP, WEBRTC] });
    other.run('tasks.release', {
      taskId: 'p/help.b1.1',
      fence: other.fenceOf('p/help.b1.1'),
    });
    other.run('tasks.claim', { taskId: 'p/help.b1.1', sessionId: 'able' });
    const done = complete(other, 'p/help.b1.1', true);
    expect(typesOf(done)).toStrictEqual([
      'budget.settled',
      'task.completed',
      'blocker.declared',
      'blocker.resolved',
      'task.cancelled',
    ]);
    expect(worldFaults(other.world)).toStrictEqual([]);
  });
});

describe('when nobody resolves it', () => {
  const due = (realm: RealmRun): Decision =>
    realm.run('blockers.escalate', { blockerId: 'b1' }, { cred: 'realm' });

  test('a person is told when the time of the policy is over, once', () => {
    const realm = begun([expert('sip', SIP)], { escalateAfterMs: 60_000 });
    raise(realm);
    realm.at += 59_999;
    expect(due(realm)).toMatchObject({ kind: 'reject' });
    realm.at += 1;
    const [event, raised] = eventsOf(due(realm));
    expect(event).toStrictEqual({ blockerId: 'b1', type: 'blocker.escalated' });
    expect(raised).toMatchObject({
      escalationId: `esc_${realm.world.realm.size - 1}`,
      kind: 'blocker',
      severity: 'high',
      subject: 'b1',
      summary: `p/a has been blocked for too long (stuck); it needs ${SIP}; 1 help task did not lift it. Resolve it: ifab blocker resolve b1 --resolution TEXT`,
    });
    expect(due(realm)).toMatchObject({ kind: 'reject' });
  });

  test('or when that of the blocker itself is', () => {
    const realm = begun([]);
    raise(realm, { needs: [], more: { escalateAfterMs: 1_000 } });
    realm.at += 1_000;
    expect(eventsOf(due(realm))[1]).toMatchObject({
      summary: expect.stringContaining('for too long (stuck). Resolve it'),
    });
  });

  test('one that is resolved is nobody’s any more', () => {
    const realm = begun([]);
    raise(realm, { needs: [] });
    realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'gone' });
    realm.at += 900_000;
    expect(due(realm)).toMatchObject({ code: 'blocker.resolved' });
  });
});
