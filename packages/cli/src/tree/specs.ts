/** The small words that tables of commands are written in. */
import type { ArgumentSpec, OptionSpec } from './command.ts';

export const FILES = { kind: 'files' } as const;
export const argument = (
  name: string,
  says: string,
  more: Partial<ArgumentSpec> = {},
): ArgumentSpec => ({
  name,
  says,
  required: true,
  ...more,
});
export const option = (
  flag: string,
  value: string | undefined,
  says: string,
  more: Partial<OptionSpec> = {},
): OptionSpec => ({ flag, says, ...(value === undefined ? {} : { value }), ...more });
export const live = (of: 'plan' | 'task' | 'session') => ({
  completion: { kind: 'live', of } as const,
});
export const words = (...all: readonly string[]) => ({
  completion: { kind: 'words', words: all } as const,
});
