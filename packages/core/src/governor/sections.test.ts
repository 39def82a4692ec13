/** The slice through its section: what a snapshot of the governor keeps, and what is built again from it. */
import { contractFor, openedRealm } from '@infrafabric/testkit';
import type { RealmRun } from '@infrafabric/testkit';
import { expect, test } from 'vitest';
import { governorSections, restoreGovernor } from './sections.ts';
import { createGovernor } from './state.ts';
import type { GovernorState } from './state.ts';

const twinOf = (state: GovernorState): GovernorState =>
  restoreGovernor(new Map(governorSections(state).map((one) => [one.name, one])));

/** Something of everything that the slice can hold. */
const full = (): RealmRun => {
  const realm = openedRealm();
  realm.run('capabilities.define', { id: 'my:skill', description: 'd' });
  for (const swarmId of ['s', 't', 'u'])
    realm.run('swarms.register', {
      profile: { swarmId, capabilities: ['my:skill'], costPerHourMicroUsd: 2_000_000 },
    });
  realm.run('contracts.accept', { contract: contractFor() });
  for (const id of ['ada', 'bob'])
    realm.run('sessions.open', { agent: id, swarm: 's' }, { ids: [id] });
  realm.run('sessions.open', { agent: 'eve', swarm: 'unregistered' }, { ids: ['eve'] });
  const tasks = ['a', 'b'].map((key) => ({ key, title: key }));
  realm.run('plans.submit', { plan: { id: 'p', tasks } });
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
  realm.run('usage.record', { taskId: 'p/a', fence: realm.fenceOf('p/a'), microUsd: 5 });
  realm.run('tasks.claim', { taskId: 'p/b', sessionId: 'bob' });
  realm.run('tasks.fail', { taskId: 'p/b', fence: realm.fenceOf('p/b'), reason: 'r' });
  for (const swarmId of ['s', 't', 'u']) realm.run('breakers.trip', { swarmId, reason: 'r' });
  const [first = ''] = realm.world.governor.escalations.keys();
  realm.submit({ op: 'escalations.acknowledge', args: { escalationId: first, note: 'n' } });
  realm.submit({
    op: 'policies.set',
    args: {
      policy: {
        format: 'ifab-policy/1',
        governs: ['budget.set'],
        resource: { minMatchPermille: 500 },
        rules: [],
      },
    },
  });
  realm.run('budgets.set', { account: 'realm', limitMicroUsd: 1 });
  return realm;
};

test('an empty slice and a full one are restored whole', () => {
  expect(twinOf(createGovernor())).toStrictEqual(createGovernor());
  const { governor } = full().world;
  // Nothing of the slice stands empty, or this would show less than it says.
  for (const [name, part] of Object.entries(governor))
    if (part instanceof Map) expect([name, part.size > 0]).toStrictEqual([name, true]);
  expect(governor).toMatchObject({ openEscalations: 2, denials: { count: 1 } });
  expect(twinOf(governor)).toStrictEqual(governor);
});

test('a snapshot stays what it was while the slice goes on', () => {
  const realm = full();
  const sections = governorSections(realm.world.governor);
  const before = structuredClone(sections);
  realm.run('sessions.close', { sessionId: 'ada' });
  expect(sections).toStrictEqual(before);
  expect(governorSections(realm.world.governor)).not.toStrictEqual(before);
});

test('the same slice gives the same bytes, whatever the order of members in what was registered', () => {
  const [one, other] = [openedRealm(), openedRealm()];
  const profile = { swarmId: 's', capabilities: ['cli:design'], costPerHourMicroUsd: 1 };
  const turned = Object.fromEntries(Object.entries(profile).toReversed());
  one.submit({ op: 'swarms.register', args: { profile } });
  other.submit({ op: 'swarms.register', args: { profile: turned } });
  expect(governorSections(one.world.governor)).toStrictEqual(
    governorSections(other.world.governor),
  );
});

test('figures that are later than the first logs stand in the section where they are not the default', () => {
  const realm = openedRealm();
  const content = (): string => String(governorSections(realm.world.governor)[0]?.content);
  expect(content()).not.toMatch(/minLevel|secretsMinLevel/i);
  const set = (resource: object): void => {
    const policy = { format: 'ifab-policy/1', governs: [], resource, rules: [] };
    realm.submit({ op: 'policies.set', args: { policy } });
  };
  set({ minLevel: 1 });
  expect(content()).toMatch(/"resource":\{[^}]*"minLevel":1/u);
  expect(content()).not.toContain('secretsMinLevel');
  expect(twinOf(realm.world.governor)).toStrictEqual(realm.world.governor);
  set({ secretsMinLevel: 3 });
  expect(content()).toContain('"secretsMinLevel":3');
  expect(twinOf(realm.world.governor)).toStrictEqual(realm.world.governor);
});

test('a snapshot without the section is no snapshot', () => {
  expect(() => restoreGovernor(new Map())).toThrow('a snapshot lacks the section of the governor');
});
