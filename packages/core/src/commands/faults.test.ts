/** Invariants between rooms, each broken by hand. */
import { openedRealm } from '@infrafabric/testkit';
import { expect, test } from 'vitest';
import type { World } from '../index.ts';
import { worldFaults } from './faults.ts';

/** A lease with two dollars set aside, of which five micro-dollars are spent. */
const whole = (): World => {
  const realm = openedRealm();
  realm.run('swarms.register', {
    profile: { swarmId: 's', capabilities: ['cli:design'], costPerHourMicroUsd: 1_000_000 },
  });
  realm.run('sessions.open', { agent: 'ada', swarm: 's' }, { ids: ['ada'] });
  realm.run('plans.submit', { plan: { id: 'p', tasks: [{ key: 'a', title: 'A' }] } });
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
  realm.run('usage.record', { taskId: 'p/a', fence: realm.fenceOf('p/a'), microUsd: 5 });
  return realm.world;
};

const broken = (breakIt: (world: World) => void): string[] => {
  const world = whole();
  breakIt(world);
  return worldFaults(world);
};

test('a whole world has no fault', () => {
  expect(worldFaults(whole())).toStrictEqual([]);
});

test('G2: money reserved for another fence, another session, or no task at all', () => {
  const faulty = (change: object, taskId = 'p/a') =>
    broken(({ governor }) => {
      const known = governor.reservations.get('p/a');
      if (known === undefined) throw new Error('defect: nothing is reserved');
      governor.reservations.clear();
      governor.reservations.set(taskId, { ...known, ...change });
    });
  expect(faulty({ fence: 2 })).toStrictEqual([
    'G2: p/a has money reserved under fence 2 and no such lease',
  ]);
  expect(faulty({ sessionId: 'bob' })).toContain(
    'G2: p/a has money reserved under fence 1 and no such lease',
  );
  expect(faulty({ taskId: 'p/z' }, 'p/z')).toContain(
    'G2: p/z has money reserved under fence 1 and no such lease',
  );
});

test('O1: models cost something else than the realm has spent, or plans did', () => {
  expect(broken(({ optimise }) => void optimise.spent.set('m', 1))).toStrictEqual([
    'O1: models cost 6, and the realm spent 5',
  ]);
  expect(
    broken(({ governor }) => {
      const plan = governor.accounts.get('plan:p');
      if (plan !== undefined) plan.spent = 4;
    }),
  ).toStrictEqual(['O1: plans spent 4, and the realm 5']);
});

test('a world without its realm’s account has lost the root of all', () => {
  expect(() => broken(({ governor }) => void governor.accounts.delete('realm'))).toThrow(
    'G5: a root without a limit',
  );
});
