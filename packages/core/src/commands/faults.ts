/** Invariants that hold between rooms, as a check of the whole world. */
import { chassisFaults } from '../chassis/index.ts';
import { coordinatorFaults, findTask, holderOf, NONE } from '../coordinator/index.ts';
import { governorFaults } from '../governor/index.ts';
import { must } from '../kernel/decision.ts';
import { spentInAll } from '../optimise/index.ts';
import type { World } from '../world.ts';

/** Sentences, each with the invariant it breaks first; empty when all hold. */
export const worldFaults = (world: World): string[] => [
  ...coordinatorFaults(world.coordinator),
  ...governorFaults(world.governor),
  ...chassisFaults(world.chassis),
  ...reservationFaults(world),
  ...sumFaults(world),
  ...runFaults(world),
];

/** G2: what is reserved is reserved for a lease that lives; the fence says which. */
const reservationFaults = ({ coordinator, governor }: World): string[] =>
  [...governor.reservations.values()].flatMap(({ taskId, fence, sessionId }) => {
    const task = findTask(coordinator, taskId);
    const holder = task === NONE ? undefined : holderOf(coordinator, task);
    return holder?.id === sessionId && coordinator.tasks.fence[task] === fence
      ? []
      : [`G2: ${taskId} has money reserved under fence ${fence} and no such lease`];
  });

/** H1: a run is open under a lease that lives, or its lease has ended and the run is about to. */
const runFaults = ({ coordinator, chassis }: World): string[] =>
  [...chassis.open.values()].flatMap(({ id, taskId, fence, sessionId, leaseEnded }) => {
    const task = findTask(coordinator, taskId);
    const holder = task === NONE ? undefined : holderOf(coordinator, task);
    const isHeld = holder?.id === sessionId && coordinator.tasks.fence[task] === fence;
    return isHeld === (leaseEnded === undefined)
      ? []
      : [`H1: ${id} is open under fence ${fence} of ${taskId}, and its lease is not as it knows`];
  });

/** O1: what models cost is what the realm's account has spent; what plans spent is it too. */
const sumFaults = ({ governor, optimise }: World): string[] => {
  const faults: string[] = [];
  const realm = must(governor.accounts.get('realm'), 'G5: a realm without its account');
  const spent = realm.spent + realm.overrun;
  const byModel = spentInAll(optimise);
  if (byModel !== spent) faults.push(`O1: models cost ${byModel}, and the realm spent ${spent}`);
  let byPlan = 0;
  for (const [id, account] of governor.accounts)
    if (id.startsWith('plan:')) byPlan += account.spent + account.overrun;
  if (byPlan !== spent) faults.push(`O1: plans spent ${byPlan}, and the realm ${spent}`);
  return faults;
};
