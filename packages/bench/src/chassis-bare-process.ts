/**
 * The same calls in a process of its own, which was started with the flags of a runner and has no jail: the part of the
 * overhead that is V8's, for its explicit bounds checks. Argument: `{name, times, turns, warm}[]`. Prints the least CPU of
 * a turn of each, ms, as one line of JSON.
 */
import { PROGRAMS } from '@infrafabric/testkit';
import { computeOf, turnMs } from './chassis-bare.ts';

interface Asked {
  readonly name: string;
  readonly times: number;
  readonly turns: number;
  readonly warm: number;
}

const asked: readonly Asked[] = JSON.parse(process.argv[2] ?? '[]');
const least: Record<string, number> = {};
for (const { name, times, turns, warm } of asked) {
  const program = PROGRAMS.find((one) => one.name === name);
  if (program === undefined) throw new Error(`there is no program ${name}`);
  const compute = await computeOf(program);
  const n = program.large;
  const result = Number(compute(n));
  let best = Number.POSITIVE_INFINITY;
  for (let turn = -warm; turn < turns; turn += 1) {
    const ms = turnMs(compute, { n, result, times });
    if (turn >= 0) best = Math.min(best, ms);
  }
  least[name] = best;
}
process.stdout.write(`${JSON.stringify(least)}\n`);
