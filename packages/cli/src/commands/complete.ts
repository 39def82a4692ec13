/**
 * `ifab __complete WORDS…`: what may stand in the place of the last word, a candidate a line. It is asked at every
 * press of a key, so it loads neither schemas nor a client, gives up on the fabric after 200 ms, and never says a word
 * about what went wrong.
 */
import type { Io } from '../io.ts';
import { EXIT_DONE } from '../output/exit.ts';
import { printable } from '../plans/report/printable.ts';
import { liveIds } from '../server/live-ids.ts';
import type { CommandSpec, Completion, OptionSpec } from '../tree/command.ts';
import { GLOBAL_OPTIONS } from '../tree/globals.ts';
import { commandsOf, FIRST_WORDS, groupOf, findCommand } from '../tree/tree.ts';

interface Candidate {
  readonly word: string;
  readonly says: string;
}

export const complete = async (words: readonly string[], io: Io): Promise<number> => {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const found = await candidates(before, current, io).catch(() => []);
  const lines =
    found === 'files'
      ? [':files\n']
      : found
          .filter(({ word }) => word !== '' && word.startsWith(current))
          .map(({ word, says }) => `${printable(word)}\t${printable(says)}\n`);
  io.stdout.write(lines.join(''));
  return EXIT_DONE;
};

const candidates = async (
  before: readonly string[],
  current: string,
  io: Io,
): Promise<readonly Candidate[] | 'files'> => {
  const { spec, noun, positions, waiting } = placeOf(before);
  if (waiting !== undefined) return completed(waiting.completion, { before, current }, io);
  if (current.startsWith('-')) return flags(spec);
  if (spec === undefined) return noun === undefined ? firstWords() : verbs(noun);
  const last = spec.args.at(-1);
  const argument = spec.args[positions] ?? (last?.many === true ? last : undefined);
  if (argument === undefined) return flags(spec);
  if (spec.path[0] === 'help') return firstWords();
  return completed(argument.completion, { before, current }, io);
};

interface Place {
  readonly spec: CommandSpec | undefined;
  readonly noun: string | undefined;
  /** Words by position that stand already. */
  readonly positions: number;
  /** The flag whose value comes next. */
  readonly waiting: OptionSpec | undefined;
}

const placeOf = (before: readonly string[]): Place => {
  const path: string[] = [];
  let spec: CommandSpec | undefined;
  let positions = 0;
  let waiting: OptionSpec | undefined;
  for (const word of before) {
    if (waiting !== undefined) {
      waiting = undefined;
    } else if (word.startsWith('-')) {
      const option = [...GLOBAL_OPTIONS, ...(spec?.options ?? [])].find(
        ({ flag, short }) => flag === word || short === word,
      );
      if (option?.value !== undefined && option.flag !== '--trace') waiting = option;
    } else if (spec === undefined) {
      path.push(word);
      spec = findCommand(path);
    } else positions += 1;
  }
  const [noun] = path;
  return { spec, noun: spec === undefined ? noun : undefined, positions, waiting };
};

const firstWords = (): readonly Candidate[] =>
  FIRST_WORDS.map((word) => ({
    word,
    says: groupOf(word)?.summary ?? findCommand([word])?.summary ?? '',
  }));

const verbs = (noun: string): readonly Candidate[] =>
  commandsOf(noun).map(({ path, summary }) => ({ word: path[1] ?? '', says: summary }));

const flags = (spec: CommandSpec | undefined): readonly Candidate[] =>
  [...(spec?.options ?? []), ...GLOBAL_OPTIONS].map(({ flag, says }) => ({ word: flag, says }));

const completed = async (
  completion: Completion | undefined,
  words: { readonly before: readonly string[]; readonly current: string },
  io: Io,
): Promise<readonly Candidate[] | 'files'> => {
  if (completion === undefined) return [];
  switch (completion.kind) {
    case 'files':
      return 'files';
    case 'words':
      return completion.words.map((word) => ({ word, says: '' }));
    case 'live':
      return liveIds(completion.of, words, io);
  }
};
