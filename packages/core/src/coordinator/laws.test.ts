import { restoreWorld, worldFaults, worldSections } from '@infrafabric/core';
import type { DomainEvent, World } from '@infrafabric/core';
import {
  COMPARISONS,
  deciderLaws,
  randomCommand,
  randomPauseMs,
  randomRunCommand,
  RealmRun,
} from '@infrafabric/testkit';
import type { RunCommand } from '@infrafabric/testkit';
import { decide } from '../world.ts';

interface Timed {
  readonly command: RunCommand;
  readonly at: number;
}

const run = (world: World, { at }: Timed): RealmRun => {
  const realm = new RealmRun(world, at);
  realm.epoch = world.realm.epoch;
  return realm;
};

const textOf = (world: World): string =>
  worldSections(world)
    .map(
      ({ name, content }) => `${name} ${typeof content === 'string' ? content : content.join(' ')}`,
    )
    .join('\n');

const laws = (name: string, choose: typeof randomCommand): void =>
  deciderLaws<World, Timed, DomainEvent>(name, {
    create: () => new RealmRun().world,
    choose: (world, seed) => ({
      command: choose(world, seed),
      at: world.realm.at + randomPauseMs(seed),
    }),
    decide: (world, timed) => {
      const shown = decide(world, run(world, timed).commandOf(timed.command), COMPARISONS);
      const events =
        shown.kind === 'accept' ? shown.events : shown.kind === 'refuse' ? [shown.record] : [];
      return { events, shown };
    },
    fold: (world, timed, events) => run(world, timed).fold(timed.command, events),
    text: textOf,
    restored: (world) => restoreWorld(worldSections(world)),
    faults: worldFaults,
  });

laws('the world', randomCommand);
laws('a world of runs', randomRunCommand);
