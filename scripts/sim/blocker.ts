/** The blocker story of seed 002: with help, alone, and with blind help in every order; its goals, and a table. */
import {
  BLIND_ORDERS,
  blockerStory,
  type Story,
} from '../../packages/testkit/src/sim/blocker-story.ts';
import type { Result } from './seeds.ts';

/** Of all money, per mille: what helpers may spend in vain. */
const WASTE_PERMILLE_MAX = 100;

const mean = (of: readonly number[]): number =>
  of.reduce((sum, one) => sum + one, 0) / Math.max(1, of.length);

const dollars = (microUsd: number): string => `$${(microUsd / 1_000_000).toFixed(2)}`;
const percent = (permille: number): string => `${(permille / 10).toFixed(1)} %`;

interface Row {
  readonly name: string;
  readonly hours: number;
  readonly spent: number;
  readonly wasted: number;
  readonly waste: number;
}

const rowOf = (name: string, stories: readonly Story[]): Row => ({
  name,
  hours: mean(stories.map(({ unblockHours }) => unblockHours)),
  spent: mean(stories.map(({ spentMicroUsd }) => spentMicroUsd)),
  wasted: mean(stories.map(({ wastedMicroUsd }) => wastedMicroUsd)),
  waste: mean(stories.map(({ wastePermille }) => wastePermille)),
});

const print = (rows: readonly Row[]): void => {
  console.log('                              to unblock      spent   in vain    waste');
  for (const { name, hours, spent, wasted, waste } of rows) {
    const cells = [`${hours.toFixed(2)} h`.padStart(10), dollars(spent).padStart(10)];
    const rest = [dollars(wasted).padStart(9), percent(waste).padStart(8)];
    console.log(`     ${name.padEnd(25)}${[...cells, ...rest].join(' ')}`);
  }
};

export async function blocker(): Promise<Result> {
  const alone = await blockerStory('alone');
  const help = await blockerStory('help');
  const blind: Story[] = [];
  for (const order of BLIND_ORDERS) blind.push(await blockerStory('blind', order));
  print([
    rowOf('alone', [alone]),
    rowOf('with help', [help]),
    rowOf(`blind help, ${blind.length} orders`, blind),
  ]);
  for (const { agent, taskId, hours, spentMicroUsd } of help.helpers)
    console.log(
      `     ${agent} helped ${hours.toFixed(2)} h with ${taskId}: ${dollars(spentMicroUsd)}`,
    );
  const goals = {
    shorterThanAlone: help.unblockHours < alone.unblockHours,
    wasteBelowGoal: help.wastePermille < WASTE_PERMILLE_MAX,
    helpersInTheRaisesEntry: help.entriesToHelp === 0,
    nothingLeftReserved: [alone, help, ...blind].every((one) => one.reservedMicroUsd === 0),
  };
  const ok = Object.values(goals).every(Boolean);
  console.log(`${ok ? 'ok  ' : 'FAIL'} blocker: ${JSON.stringify(goals)}`);
  const { hours, waste } = rowOf('', blind);
  const figures = { blindUnblockHours: hours, blindWastePermille: Math.round(waste) };
  return { ok, figures: { scenario: 'blocker', goals, ...figures, alone, help, blind } };
}
