import { SESSIONS_OPEN_MAX } from '@infrafabric/protocol';
import { describe, expect, test } from 'vitest';
import { openedRealm, RealmRun } from '@infrafabric/testkit';
import { coordinatorFaults, restoreWorld, worldSections } from '../index.ts';
import { restoreCoordinator } from './sections.ts';
import { CLOSED_SESSIONS_KEPT_MAX } from './state.ts';

describe('sessions', () => {
  test('C1: of ended sessions the oldest are forgotten; a slot used anew makes no old token current', () => {
    const realm = openedRealm();
    realm.run('plans.submit', { plan: { id: 'p', tasks: [{ key: 'a', title: 'A' }] } });
    realm.run('sessions.open', { agent: 'ada' }, { ids: ['first'] });
    realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'first' });
    const old = realm.fenceOf('p/a');
    realm.run('sessions.close', { sessionId: 'first' });
    const { coordinator } = realm.world;
    const slot = coordinator.sessions.get('first')?.slot;
    for (let i = 1; i < CLOSED_SESSIONS_KEPT_MAX; i += 1) {
      realm.run('sessions.open', { agent: 'bob' }, { ids: [`s${i}`] });
      realm.run('sessions.close', { sessionId: `s${i}` });
    }
    expect(coordinator.sessions.has('first')).toBe(true);
    realm.run('sessions.open', { agent: 'bob' }, { ids: ['last'] });
    realm.run('sessions.close', { sessionId: 'last' });
    expect(coordinator.sessions.has('first')).toBe(false);
    expect(coordinator.sessions.size).toBe(CLOSED_SESSIONS_KEPT_MAX);
    expect(coordinator.freeSlots).toStrictEqual([slot]);

    // Restored here, the twin gives the freed slot to the same session.
    const twin = new RealmRun(restoreWorld(worldSections(realm.world)), realm.at);
    twin.epoch = 1;
    for (const one of [realm, twin]) {
      one.run('sessions.open', { agent: 'eve' }, { ids: ['heir'] });
      one.run('tasks.claim', { taskId: 'p/a', sessionId: 'heir' });
      expect(one.world.coordinator.sessions.get('heir')?.slot).toBe(slot);
      expect(one.run('tasks.complete', { taskId: 'p/a', fence: old })).toMatchObject({
        kind: 'reject',
        code: 'lease.stale',
      });
      expect(coordinatorFaults(one.world.coordinator)).toStrictEqual([]);
    }
    expect(worldSections(twin.world)).toStrictEqual(worldSections(realm.world));
  });

  test('leases at a time: one where nobody says how many, a thousand at most', () => {
    const realm = openedRealm();
    expect(
      realm.run('sessions.open', { agent: 'a', capabilities: ['b', 'a', 'b'] }, { ids: ['a'] }),
    ).toMatchObject({ events: [{ leasesMax: 1, capabilities: ['a', 'b'] }] });
    expect(
      realm.run('sessions.open', { agent: 'b', leasesMax: 5_000 }, { ids: ['b'] }),
    ).toMatchObject({ events: [{ leasesMax: 1_000 }] });
  });

  test('a caller that opens sessions in a loop is stopped; one that ends makes room for one', () => {
    const realm = openedRealm();
    for (let i = 0; i < SESSIONS_OPEN_MAX; i += 1)
      realm.run('sessions.open', { agent: 'mallory' }, { ids: [`s${i}`] });
    const open = (id: string) => realm.run('sessions.open', { agent: 'ada' }, { ids: [id] });
    expect(open('beyond')).toMatchObject({
      kind: 'reject',
      code: 'session.too_many',
      facts: { open: SESSIONS_OPEN_MAX },
    });
    realm.run('sessions.close', { sessionId: 's7' });
    expect(open('instead')).toMatchObject({ events: [{ sessionId: 'instead' }] });
    expect(open('again')).toMatchObject({ kind: 'reject', code: 'session.too_many' });
  });

  test('an id that was not minted is a defect of the engine', () => {
    expect(() => openedRealm().run('sessions.open', { agent: 'a' }, { ids: [] })).toThrow(
      'a session is opened without an id',
    );
  });
});

describe('snapshots', () => {
  test('one that lacks a section is a defect', () => {
    const sections = new Map(
      worldSections(openedRealm().world).map((section) => [section.name, section]),
    );
    for (const name of ['coordinator/rest', 'coordinator/tasks.phase', 'coordinator/edges.on']) {
      const lacking = new Map(sections);
      lacking.delete(name);
      expect(() => restoreCoordinator(lacking)).toThrow('a snapshot lacks');
    }
  });

  test('notes, blockers and freed things come back as they were', () => {
    const realm = openedRealm();
    const tasks = [
      { key: 'a', title: 'A' },
      { key: 'b', title: 'B' },
      { key: 'c', title: 'C', dependsOn: ['b'] },
    ];
    realm.run('plans.submit', { plan: { id: 'p', tasks } });
    realm.run('sessions.open', { agent: 'ada', leasesMax: 3 }, { ids: ['ada'] });
    realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
    const fence = realm.fenceOf('p/a');
    realm.run(
      'blockers.raise',
      { taskId: 'p/a', fence, kind: 'other', title: 't', waitsOn: 'p/b' },
      { ids: ['b1'] },
    );
    realm.run(
      'blockers.raise',
      { taskId: 'p/a', fence, kind: 'other', title: 't' },
      { ids: ['b2'] },
    );
    realm.run('blockers.resolve', { blockerId: 'b2', resolution: 'r' });
    realm.run('plans.edit', { planId: 'p', dropDependencies: [{ task: 'c', dependsOn: 'b' }] });
    const twin = restoreWorld(worldSections(realm.world)).coordinator;
    const { readyVersion: _, tasks: columns, ...rest } = twin;
    const { readyVersion: __, tasks: before, ...known } = realm.world.coordinator;
    expect(rest.notes).toStrictEqual(known.notes);
    expect({ ...rest, edges: 0 }).toStrictEqual({ ...known, edges: 0 });
    expect(rest.edges.task.subarray(0, rest.edges.count)).toStrictEqual(
      known.edges.task.subarray(0, known.edges.count),
    );
    for (const name of ['queueSlot', 'firstDependant', 'firstDependency'] as const)
      expect(columns[name].subarray(0, 3)).toStrictEqual(before[name].subarray(0, 3));
  });
});
