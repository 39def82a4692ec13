/** Snapshots where a world has what few worlds have. */
import { openedRealm } from '@infrafabric/testkit';
import type { RealmRun } from '@infrafabric/testkit';
import { expect, test } from 'vitest';
import { restoreWorld, worldSections } from '../index.ts';
import type { Section } from '../index.ts';
import { cell, eachDependency } from './columns.ts';
import type { CoordinatorState } from './state.ts';

const twinOf = ({ world }: RealmRun): CoordinatorState =>
  restoreWorld(worldSections(world)).coordinator;

const specNames = (sections: readonly Section[]): string[] =>
  sections.map(({ name }) => name).filter((name) => name.startsWith('coordinator/specs.'));

/** A plan of three tasks in a row, of which `ada` holds the first. */
const begun = (): RealmRun => {
  const realm = openedRealm();
  const tasks = [
    { key: 'a', title: 'A' },
    { key: 'b', title: 'B', dependsOn: ['a'] },
    { key: 'c', title: 'C', dependsOn: ['b'] },
  ];
  realm.run('plans.submit', { plan: { id: 'p', tasks } });
  realm.run('sessions.open', { agent: 'ada' }, { ids: ['ada'] });
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
  return realm;
};

test('a snapshot stays what it was while the world goes on', () => {
  const realm = begun();
  const sections = worldSections(realm.world);
  const before = structuredClone(sections);
  realm.run('tasks.complete', { taskId: 'p/a', fence: realm.fenceOf('p/a') });
  expect(sections).toStrictEqual(before);
  expect(worldSections(realm.world)).not.toStrictEqual(before);
});

test('specifications are cut into sections of twenty thousand, and put together in order', () => {
  expect(specNames(worldSections(openedRealm().world))).toStrictEqual([]);
  const realm = openedRealm();
  const tasks = Array.from({ length: 20_001 }, (_, i) => ({ key: `t${i}`, title: 'T' }));
  const [full, more] = [tasks.slice(0, 20_000), tasks.slice(20_000)];
  realm.run('plans.submit', { plan: { id: 'p', tasks: full } });
  expect(specNames(worldSections(realm.world))).toStrictEqual(['coordinator/specs.0']);
  realm.run('plans.edit', { planId: 'p', add: more });
  expect(specNames(worldSections(realm.world))).toStrictEqual([
    'coordinator/specs.0',
    'coordinator/specs.1',
  ]);
  const restored = twinOf(realm)
    .tasks.specs.map(({ key }) => key)
    .join(' ');
  expect(restored).toBe(tasks.map(({ key }) => key).join(' '));
});

test('sections may lie anywhere in the bytes of a snapshot', () => {
  const { world } = begun();
  const moved = worldSections(world).map(({ name, content }): Section => {
    if (typeof content === 'string') return { name, content };
    const bytes = new Uint8Array(content.length + 7);
    bytes.set(content, 3);
    return { name, content: bytes.subarray(3, 3 + content.length) };
  });
  const twin = restoreWorld(moved);
  expect(worldSections(twin)).toStrictEqual(worldSections(world));
  const links: string[] = [];
  for (const task of [0, 1, 2])
    eachDependency(twin.coordinator.tasks, twin.coordinator.edges, task, (on) =>
      links.push(`${task} on ${on}`),
    );
  expect(links).toStrictEqual(['1 on 0', '2 on 1']);
});

test('blockers that were resolved leave nothing in the notes of their tasks', () => {
  const realm = begun();
  const free = [{ key: 'x', title: 'X' }];
  realm.run('plans.submit', { plan: { id: 'q', tasks: free } });
  realm.run(
    'blockers.raise',
    { taskId: 'p/a', fence: realm.fenceOf('p/a'), kind: 'other', title: 't', waitsOn: 'q/x' },
    { ids: ['b1'] },
  );
  expect(twinOf(realm).notes).toStrictEqual(
    new Map([
      [0, { blockers: new Set(['b1']) }],
      [3, { lifts: new Set(['b1']) }],
    ]),
  );
  realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'r' });
  expect(twinOf(realm).notes).toStrictEqual(
    new Map([
      [0, {}],
      [3, {}],
    ]),
  );
});

test('a slot that nobody has now is restored as free, and an ended session is not counted as open', () => {
  const realm = begun();
  for (const id of ['bob', 'eve']) realm.run('sessions.open', { agent: id }, { ids: [id] });
  realm.run('sessions.close', { sessionId: 'bob' });
  const { coordinator } = realm.world;
  // As if `eve` had been forgotten long after she ended, which takes ten thousand sessions.
  coordinator.sessions.delete('eve');
  coordinator.slots[2] = undefined;
  coordinator.freeSlots.push(2);
  const twin = twinOf(realm);
  expect(twin.openSessions).toBe(1);
  expect(twin.slots).toStrictEqual([...twin.sessions.values(), undefined]);
  expect(twin.freeSlots).toStrictEqual([2]);
  expect(cell(twin.tasks.holder, 0)).toBe(twin.sessions.get('ada')?.slot);
});
