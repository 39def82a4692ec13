/** The laws that hold of every decider (D1–D3), as one call. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

/** What the laws need of a decider and of the world that it decides over. */
export interface DeciderUnderTest<World, Command, Event> {
  readonly create: () => World;
  /** A command that makes sense in this world; the same world and seed give the same one. */
  readonly choose: (world: World, seed: number) => Command;
  /** The events to fold, empty for a rejection; anything that shows the whole decision. */
  readonly decide: (
    world: World,
    command: Command,
  ) => { readonly events: readonly Event[]; readonly shown: unknown };
  readonly fold: (world: World, command: Command, events: readonly Event[]) => void;
  /** The whole world as text: equal worlds have equal texts. */
  readonly text: (world: World) => string;
  /** The world again, from its snapshot. */
  readonly restored: (world: World) => World;
  /** Sentences, one for each invariant that is broken. */
  readonly faults: (world: World) => readonly string[];
}

export interface LawOptions {
  /** Runs of each law, and most commands of a run. */
  readonly runs?: number;
  readonly commandsMax?: number;
}

/** Runs of each law where nobody says how many; a run of 60 commands takes about 3 ms. */
const RUNS = 100;
const COMMANDS_MAX = 60;

/**
 * Property tests of D1–D3 over random histories: each seed chooses one command in the world so far, so a failing
 * history shrinks to the commands that matter.
 */
export const deciderLaws = <World, Command, Event>(
  name: string,
  decider: DeciderUnderTest<World, Command, Event>,
  { runs = RUNS, commandsMax = COMMANDS_MAX }: LawOptions = {},
): void => {
  const seeds = fc.array(fc.nat(), { minLength: 1, maxLength: commandsMax });
  const eachStep = (look: (step: Step<World, Command, Event>) => void): void => {
    fc.assert(
      fc.property(seeds, (list) => {
        const world = decider.create();
        for (const seed of list) {
          const command = decider.choose(world, seed);
          const before = decider.text(world);
          const { events, shown } = decider.decide(world, command);
          look({ world, command, before, events, shown });
          if (events.length > 0) decider.fold(world, command, events);
        }
      }),
      { numRuns: runs },
    );
  };

  describe(`the laws of ${name}`, () => {
    test('D1: a decision is pure: it touches nothing, and the same inputs give it again', () => {
      eachStep(({ world, command, before, shown }) => {
        expect(decider.text(world)).toBe(before);
        expect(decider.decide(world, command).shown).toStrictEqual(shown);
      });
    });

    test('D1: a world restored from its snapshot decides as the one that lived', () => {
      eachStep(({ world, command, before, shown }) => {
        const twin = decider.restored(world);
        expect(decider.text(twin)).toBe(before);
        expect(decider.decide(twin, command).shown).toStrictEqual(shown);
      });
    });

    test('D2: accepted events fold, leave every invariant whole, and fold alike in a twin', () => {
      eachStep(({ world, command, events }) => {
        if (events.length === 0) return;
        const twin = decider.restored(world);
        decider.fold(twin, command, events);
        expect(decider.faults(twin)).toStrictEqual([]);
        const other = decider.restored(world);
        decider.fold(other, command, events);
        expect(decider.text(other)).toBe(decider.text(twin));
      });
    });

    test('D3: a rejection folds nothing: it leaves no event and the world as it was', () => {
      let rejections = 0;
      eachStep(({ world, before, events, shown }) => {
        if (events.length > 0) return;
        rejections += 1;
        expect(shown).not.toHaveProperty('events');
        expect(decider.text(world)).toBe(before);
      });
      expect(rejections, 'the commands chosen are never refused').toBeGreaterThan(0);
    });
  });
};

interface Step<World, Command, Event> {
  readonly world: World;
  readonly command: Command;
  readonly before: string;
  readonly events: readonly Event[];
  readonly shown: unknown;
}
