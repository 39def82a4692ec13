import { describe, expect, test } from 'vitest';
import { openedRealm } from '@infrafabric/testkit';
import type { DomainEvent } from './index.ts';
import { evolve, worldSections } from './index.ts';

describe('the fold of the world', () => {
  test('gives each room its own events, and of what only the log keeps the world holds nothing', () => {
    const realm = openedRealm();
    const rooms = () => worldSections(realm.world).filter(({ name }) => name !== 'realm/rest');
    const before = rooms();
    realm.run('witness.record', { component: 'ci', operation: 'deploy' });
    realm.run('realm.record_state_hash', { index: 0, hash: `sha256:${'0'.repeat(64)}` });
    expect(realm.entries.flatMap(({ events }) => events.map(({ type }) => type))).toStrictEqual([
      'realm.opened',
      'witness.recorded',
      'realm.state_hashed',
    ]);
    expect(rooms()).toStrictEqual(before);
    expect(realm.world.realm).toMatchObject({ size: 3, epoch: 1 });
  });

  test('does not pass over an event that no room knows', () => {
    const { world, entries } = openedRealm();
    const later: object = { type: 'comet.seen' };
    const entry = { index: 1, at: 0, epoch: 1, op: 'comets.see', args: {}, principal: 'p' };
    expect(() => evolve(world, { ...entry, events: [later as DomainEvent] })).toThrow(
      'an event in an entry of comets.see that no room folds',
    );
    expect(entries).toHaveLength(1);
  });
});
