/** What the tests of a mutation run import instead of Vitest: a list of what they register, and Vitest's `expect`. */
import { readFileSync } from 'node:fs';
import { format } from 'node:util';

import { expect as itself } from 'vitest-itself';

/** Vitest's own `toMatchFileSnapshot` needs Vitest's worker around it, and would write what is missing. */
export const expect = new Proxy(itself, {
  apply(target, self, [received, ...rest]: [unknown, ...string[]]) {
    const assertion: object = Reflect.apply(target, self, [received, ...rest]);
    const value = (path: string): void => itself(received).toBe(readFileSync(path, 'utf8'));
    return Object.defineProperty(assertion, 'toMatchFileSnapshot', { value });
  },
});

export interface WarmTest {
  readonly id: string;
  readonly name: string;
  readonly file: string;
  readonly run: () => unknown;
}

export const registered: WarmTest[] = [];
const suites: string[] = [];
let file = '';

export function startFile(path: string): void {
  file = path;
}

export function describe(name: string, body: () => void): void {
  suites.push(name);
  try {
    body();
  } finally {
    // Else a suite that a mutant broke would lend its name to all that follow.
    suites.pop();
  }
}

let finishers: (() => unknown)[] = [];

export function onTestFinished(finisher: () => unknown): void {
  finishers.push(finisher);
}

async function finished(result: Promise<unknown>): Promise<unknown> {
  try {
    return await result;
  } finally {
    await finish();
  }
}

async function finish(): Promise<void> {
  const called = finishers;
  finishers = [];
  for (const one of called.toReversed()) await one();
}

function register(title: string, run: () => unknown): void {
  const name = [...suites, title].join(' > ');
  const same = registered.filter((other) => other.file === file && other.name === name).length;
  registered.push({
    id: `${file}#${name}${same === 0 ? '' : `#${same}`}`,
    name,
    file,
    // A test that throws at once fails as one that rejects.
    run: () => finished((async () => run())()),
  });
}

function each(rows: readonly unknown[]) {
  return (title: string, run: (...row: readonly unknown[]) => unknown): void => {
    for (const row of rows) {
      const parts = Array.isArray(row) ? row : [row];
      register(format(title, ...parts), () => run(...parts));
    }
  };
}

export const test = Object.assign(
  (title: string, given: (() => unknown) | object, late?: () => unknown): void => {
    const run = typeof given === 'function' ? given : late;
    if (run === undefined) throw new Error(`a test without a body: ${title}`);
    register(title, () => run());
  },
  { each },
);
