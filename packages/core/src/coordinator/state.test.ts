/** The moves on the state, where a command alone does not show them. */
import { expect, test } from 'vitest';
import { openedRealm } from '@infrafabric/testkit';

import { readyVersion } from '../index.ts';
import {
  bump,
  coverOf,
  createCoordinator,
  havesOf,
  idOf,
  internHaves,
  internNeeds,
  letGo,
  needsOf,
  planAt,
  settle,
  specOf,
} from './state.ts';
import type { CoordinatorState } from './state.ts';

const setsOf = () => createCoordinator().capabilities;

test('sets of capabilities are told apart by their members, not by their letters', () => {
  const sets = setsOf();
  const needs = [['a', 'b'], ['ab'], ['b', 'a', 'b'], []].map((list) => internNeeds(sets, list));
  expect(needs).toEqual([0, 1, 0, 2]);
  expect(sets.needs).toEqual([['a', 'b'], ['ab'], []]);
  const haves = [['a', 'b'], ['ab'], ['b', 'a']].map((list) => internHaves(sets, list));
  expect(haves).toEqual([0, 1, 0]);
});

test('what a session covers is the same whether its needs were known before it or after', () => {
  const lists = [[], ['a'], ['b'], ['a', 'b'], ['c']];
  const [before, after] = [setsOf(), setsOf()];
  for (const list of lists) internNeeds(before, list);
  for (const sets of [before, after]) internHaves(sets, ['a', 'b']);
  for (const list of lists) internNeeds(after, list);
  for (const sets of [before, after]) expect(sets.covers[0]).toEqual(new Set([0, 1, 2, 3]));
});

test('defect: a task is let go more often than it was held', () => {
  const realm = openedRealm();
  realm.run('plans.submit', { plan: { id: 'p', tasks: [{ key: 'a', title: 'A' }] } });
  expect(() => letGo(realm.world.coordinator, 0)).toThrow(
    'a task is let go more often than it was held',
  );
});

test('defect: capabilities of a session that were never interned', () => {
  const realm = openedRealm();
  realm.run('sessions.open', { agent: 'ada' }, { ids: ['ada'] });
  const session = realm.world.coordinator.sessions.get('ada');
  if (session === undefined) throw new Error('no session');
  expect(() => coverOf(setsOf(), session)).toThrow('capabilities that were not interned');
  expect(() => havesOf(createCoordinator(), session)).toThrow(
    'capabilities that were not interned',
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
