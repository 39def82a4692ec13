import { describe, expect, test } from 'vitest';
import { openedRealm, RealmRun } from '@infrafabric/testkit';
import { decide, evolve, idempotent, restoreWorld, worldSections } from '../index.ts';
import type { Entry } from '../index.ts';
import {
  answeredBy,
  createRealm,
  evolveEntry,
  IDEMPOTENCY_KEYS_MAX,
  IDEMPOTENCY_SWEEP_ENTRIES,
  IDEMPOTENCY_WINDOW_MS,
  realmSections,
  restoreRealm,
} from './state.ts';
import type { RealmState } from './state.ts';

const entry = (index: number, at: number, idem?: string): Entry => ({
  index,
  at,
  epoch: 1,
  op: 'witness.record',
  args: {},
  principal: 'p',
  ...(idem === undefined ? {} : { idem }),
  events: [],
});

/** The keys that a snapshot of the state would hold. */
const rowsOf = (state: RealmState): readonly string[] => {
  const section = realmSections(state).find(({ name }) => name === 'realm/keys');
  const rows: readonly (readonly [string, number, number])[] = JSON.parse(String(section?.content));
  return rows.map(([key]) => key);
};

describe('the realm', () => {
  test('every opening is the next epoch, and a restored realm goes on from it', () => {
    const realm = openedRealm();
    const args = {
      release: '1',
      decider: 2,
      cutBytes: 3,
      cause: 'recovery' as const,
      node: 'b',
      origin: 'x/y',
    };
    expect(realm.run('realm.open', args)).toStrictEqual({
      kind: 'accept',
      events: [
        {
          cause: 'recovery',
          cutBytes: 3,
          decider: 2,
          epoch: 2,
          node: 'b',
          origin: 'x/y',
          release: '1',
          type: 'realm.opened',
        },
      ],
    });
    const { realm: restored } = restoreWorld(worldSections(realm.world));
    expect(restored).toStrictEqual({
      size: 2,
      epoch: 2,
      at: 0,
      origin: 'x/y',
      decider: 2,
      keys: new Map(),
    });
    const { index, at, events } = realm.entries[0] ?? entry(0, 0);
    expect(() => evolve(realm.world, { ...entry(2, at), events })).toThrow(
      'an epoch that is not the next one',
    );
    expect(index).toBe(0);
  });

  test('a state hash names an entry that exists', () => {
    const realm = openedRealm();
    const hash = `sha256:${'0'.repeat(64)}`;
    expect(realm.run('realm.record_state_hash', { index: 1, hash })).toMatchObject({
      code: 'request.invalid',
      detail: 'The log has 1 entries; there is no state after index 1.',
    });
    expect(realm.run('realm.record_state_hash', { index: 0, hash })).toStrictEqual({
      kind: 'accept',
      events: [{ hash, index: 0, type: 'realm.state_hashed' }],
    });
    expect(realm.world.realm.epoch).toBe(1);
  });

  test('what the witness records is the entry itself, of severity info where none is said', () => {
    const realm = openedRealm();
    expect(realm.run('witness.record', { component: 'ci', operation: 'deploy' })).toStrictEqual({
      kind: 'accept',
      events: [
        { component: 'ci', operation: 'deploy', severity: 'info', type: 'witness.recorded' },
      ],
    });
    const params = { ok: true };
    expect(
      realm.run('witness.record', { component: 'ci', operation: 'x', severity: 'high', params }),
    ).toStrictEqual({
      kind: 'accept',
      events: [
        { component: 'ci', operation: 'x', params, severity: 'high', type: 'witness.recorded' },
      ],
    });
  });

  test('an operation that decides nothing is refused', () => {
    const realm = new RealmRun();
    const command = realm.commandOf({ op: 'realm.open', args: {} });
    expect(decide(realm.world, { ...command, op: 'tasks.show' })).toStrictEqual({
      kind: 'reject',
      code: 'request.unknown_operation',
      detail: 'There is no decision of tasks.show.',
    });
  });

  test('entries are folded one after another, and time does not go back', () => {
    const state = createRealm();
    evolveEntry(state, entry(0, 10));
    expect(() => evolveEntry(state, entry(0, 10))).toThrow('entry 0 is folded at position 1');
    expect(() => evolveEntry(state, entry(1, 9))).toThrow('time went back in the log');
    evolveEntry(state, entry(1, 10));
    expect(state).toMatchObject({ size: 2, at: 10 });
  });

  test('a snapshot without the realm is a defect', () => {
    expect(() => restoreRealm(new Map())).toThrow('a snapshot lacks the realm');
    const rest = worldSections(new RealmRun().world).find(({ name }) => name === 'realm/rest');
    expect(() => restoreRealm(new Map(rest === undefined ? [] : [['realm/rest', rest]]))).toThrow(
      'a snapshot lacks the realm',
    );
    const keys = { name: 'realm/keys', content: '[]' };
    expect(() => restoreRealm(new Map([['realm/keys', keys]]))).toThrow(
      'a snapshot lacks the realm',
    );
  });
});

describe('idempotency keys', () => {
  test('a key that nobody used has no answer', () => {
    const state = createRealm();
    expect(state.origin).toBe('');
    evolveEntry(state, entry(0, 0, 'k'));
    expect([answeredBy(state, 'k'), answeredBy(state, 'l')]).toStrictEqual([0, undefined]);
  });

  test('as many as there are come back from a snapshot, oldest first', () => {
    const state = createRealm();
    for (const more of [0, 1, 1_023, 1, 1_023]) {
      for (let i = 0; i < more; i += 1) {
        const index = state.keys.size;
        state.keys.set(`k${index}`, { index, at: index });
      }
      const sections = new Map(realmSections(state).map((section) => [section.name, section]));
      expect([...restoreRealm(sections).keys]).toStrictEqual([...state.keys]);
    }
    expect(state.keys.size).toBe(2_048);
  });

  test('a key is kept for its window, and gone at the instant the window ends', () => {
    const realm = new RealmRun();
    const { world } = realm;
    evolve(world, entry(0, 0, 'k'));
    evolve(world, entry(1, IDEMPOTENCY_WINDOW_MS - 1));
    expect(idempotent(world, 'k')).toBe(0);
    expect(restoreWorld(worldSections(world)).realm.keys).toStrictEqual(world.realm.keys);
    evolve(world, entry(2, IDEMPOTENCY_WINDOW_MS));
    expect(idempotent(world, 'k')).toBeUndefined();
  });

  test('a key used anew is young again and holds no older one back', () => {
    const state = createRealm();
    evolveEntry(state, entry(0, 0, 'a'));
    evolveEntry(state, entry(1, 1, 'b'));
    evolveEntry(state, entry(2, IDEMPOTENCY_WINDOW_MS - 1, 'a'));
    expect(rowsOf(state)).toStrictEqual(['b', 'a']);
    evolveEntry(state, entry(3, IDEMPOTENCY_WINDOW_MS + 1));
    expect(answeredBy(state, 'a')).toBe(2);
    expect(answeredBy(state, 'b')).toBeUndefined();
    expect(rowsOf(state)).toStrictEqual(['a']);
  });

  test('what is over is forgotten at the next sweep, and no section knew it before', () => {
    const state = createRealm();
    evolveEntry(state, entry(0, 0, '"old"'));
    for (let i = 1; i < IDEMPOTENCY_SWEEP_ENTRIES; i += 1)
      evolveEntry(state, entry(i, IDEMPOTENCY_WINDOW_MS));
    // A walk over all keys at each entry would cost more than the memory.
    expect([state.keys.size, answeredBy(state, '"old"')]).toStrictEqual([1, undefined]);
    evolveEntry(state, entry(IDEMPOTENCY_SWEEP_ENTRIES, IDEMPOTENCY_WINDOW_MS, 'new'));
    const swept = realmSections(state);
    expect([...state.keys.keys()]).toStrictEqual(['new']);
    state.keys.clear();
    state.keys.set('"old"', { index: 0, at: 0 });
    state.keys.set('new', {
      index: IDEMPOTENCY_SWEEP_ENTRIES,
      at: IDEMPOTENCY_WINDOW_MS,
    });
    expect(realmSections(state)).toStrictEqual(swept);
    state.keys.set('"young"', { index: 7, at: IDEMPOTENCY_WINDOW_MS });
    expect(rowsOf(state)).toStrictEqual(['new', '"young"']);
  });

  test('beyond their limit the oldest go first', () => {
    const state = createRealm();
    for (let i = 0; i < IDEMPOTENCY_KEYS_MAX; i += 1) state.keys.set(`k${i}`, { index: i, at: 5 });
    evolveEntry(state, entry(0, 5, 'new'));
    expect(state.keys.size).toBe(IDEMPOTENCY_KEYS_MAX);
    expect(state.keys.has('k0')).toBe(false);
    expect(state.keys.has('k1')).toBe(true);
    expect(state.keys.has('new')).toBe(true);
  });
});
