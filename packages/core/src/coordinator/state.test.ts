/** The moves on the state, where a command alone does not show them. */
import { expect, test } from 'vitest';
import { openedRealm } from '@infrafabric/testkit';

import { readyVersion } from '../index.ts';
import { bump, createCoordinator, idOf, letGo, needsOf, planAt, settle, specOf } from './state.ts';
import type { CoordinatorState } from './state.ts';

test('defect: a task is let go more often than it was held', () => {
  const realm = openedRealm();
  realm.run('plans.submit', { plan: { id: 'p', tasks: [{ key: 'a', title: 'A' }] } });
  expect(() => letGo(realm.world.coordinator, 0)).toThrow(
    'a task is let go more often than it was held',
  );
});

const MISSING: readonly (readonly [string, (empty: CoordinatorState) => unknown])[] = [
  ['a task of no plan', (empty) => planAt(empty, 0)],
  ['a task without a specification', (empty) => specOf(empty, 0)],
  ['a task without an id', (empty) => idOf(empty, 0)],
  ['needs that were not interned', (empty) => needsOf(empty, 0)],
  ['a count of no phase', (empty) => bump(empty.counts, 8, 1)],
];

test.each(MISSING)('defect: %s', (sentence, look) => {
  expect(() => look(createCoordinator())).toThrow(sentence);
});

test('a task that is ready already and may stay so wakes nobody', () => {
  const realm = openedRealm();
  realm.run('plans.submit', { plan: { id: 'p', tasks: [{ key: 'a', title: 'A' }] } });
  const before = readyVersion(realm.world);
  settle(realm.world.coordinator, 0);
  expect(readyVersion(realm.world)).toBe(before);
});

test('a plan that goes on wakes those who wait for work; one that pauses wakes nobody', () => {
  const realm = openedRealm();
  realm.run('plans.submit', { plan: { id: 'p', tasks: [{ key: 'a', title: 'A' }] } });
  const before = readyVersion(realm.world);
  realm.run('plans.pause', { planId: 'p' });
  expect(readyVersion(realm.world)).toBe(before);
  realm.run('plans.resume', { planId: 'p' });
  expect(readyVersion(realm.world)).toBe(before + 1);
});
