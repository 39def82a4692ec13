/** A language of conditions for policies of tests: one comparison, such as `matchPermille < 1000` or `task.isHelp = true`. */
import type { Conditions } from '@infrafabric/core';

export const COMPARISONS: Conditions = {
  compile: (source) => {
    const match = /^([a-zA-Z.]+) ([=<>]) (\S+)$/.exec(source);
    if (match === null) throw new Error(`"${source}" is no comparison`);
    const [, path = '', operator = '', value = ''] = match;
    return (facts) => {
      const fact = factAt(facts, path.split('.'));
      if (operator === '=') return String(fact) === value;
      if (typeof fact !== 'number') throw new Error(`${path} is no number`);
      return operator === '<' ? fact < Number(value) : fact > Number(value);
    };
  },
};

const factAt = (facts: unknown, path: readonly string[]): unknown => {
  let at = facts;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !(name in at))
      throw new Error(`there is no fact ${path.join('.')}`);
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
};
