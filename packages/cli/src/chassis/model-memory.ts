/**
 * Memory of a swarm's guests by the model that works with them, where a contract names none: larger models are given
 * larger pieces of work (seed 002: Sonnet and up 512 MiB, Haiku 256).
 */
import { RUN_MEMORY_MIB_DEFAULT, RUN_MEMORY_MIB_LARGE_MODEL } from '@infrafabric/protocol';

interface ModelMemory {
  /** Of a model's name in lower case. Words stand between signs that are no letters, so that “mini” is not in “gemini”. */
  readonly pattern: RegExp;
  readonly memoryMib: number;
}

/**
 * The first row that fits. Small siblings come first: gpt-5.4-mini is a gpt-5, and no large model. Names are those of the
 * price catalogue and of their families; who is not here has the default, as the smallest have.
 */
const ROWS: readonly ModelMemory[] = [
  {
    pattern: /(?<![a-z])(?:haiku|mini|nano|flash|lite|small|tiny|turbo|instant)(?![a-z])/,
    memoryMib: RUN_MEMORY_MIB_DEFAULT,
  },
  {
    pattern: /(?<![a-z])(?:opus|sonnet|fable|pro|max|ultra)(?![a-z])/,
    memoryMib: RUN_MEMORY_MIB_LARGE_MODEL,
  },
  { pattern: /(?<![a-z])mistral-(?:medium|large)(?![a-z])/, memoryMib: RUN_MEMORY_MIB_LARGE_MODEL },
  { pattern: /(?<![a-z])gpt-[4-9](?!\d)/, memoryMib: RUN_MEMORY_MIB_LARGE_MODEL },
  // Open weights say how many parameters they have: 70b and more.
  { pattern: /(?<![\d.a-z])(?:[7-9]\d|\d{3,4})b(?![a-z])/, memoryMib: RUN_MEMORY_MIB_LARGE_MODEL },
];

/** MiB. Models are opaque words of whoever names them; without one, the default. */
export const memoryMibOfModel = (model: string | undefined): number => {
  const name = model?.toLowerCase() ?? '';
  return ROWS.find(({ pattern }) => pattern.test(name))?.memoryMib ?? RUN_MEMORY_MIB_DEFAULT;
};
