/** `ifab cost savings`: what a cheaper model for part of the work saves, with the formula. Needs no server. */
import { centsText, countText, parseUsd, usdText } from '../costs/money.ts';
import { savingsOf, TOKENS_MAX } from '../costs/savings.ts';
import type { Savings, SavingsInputs } from '../costs/savings.ts';
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { pairs } from '../output/terminal.ts';
import type { Terminal } from '../output/terminal.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';

/** The figures of 002: its ten phases in sequence, its rate of tokens, its split, and what it takes models to cost. */
const SEED_002 = {
  hours: '290',
  tokensPerHour: '50000',
  cheapShare: '70',
  cheapPrice: '0.25',
  strongPrice: '3',
};
/** The dearest price that is reckoned with, micro-dollars/MTok. */
const PRICE_MAX = 1_000_000_000;

export const explainSavings: CommandRun = async (context) => {
  const inputs: SavingsInputs = {
    hours: countIn(context, 'hours', SEED_002.hours, 1_000_000),
    tokensPerHour: countIn(context, 'tokens-per-hour', SEED_002.tokensPerHour, 1_000_000_000),
    cheapPercent: countIn(context, 'cheap-share', SEED_002.cheapShare, 100),
    cheapMicroUsdPerMTok: priceIn(context, 'cheap-price', SEED_002.cheapPrice),
    strongMicroUsdPerMTok: priceIn(context, 'strong-price', SEED_002.strongPrice),
  };
  if (inputs.hours * inputs.tokensPerHour > TOKENS_MAX) {
    throw cliError(
      'cli.usage',
      `that is more than ${countText(TOKENS_MAX)} tokens`,
      'Reckon with fewer hours or fewer tokens an hour.',
    );
  }
  const savings = savingsOf(inputs);
  context.out.data({ ...inputs, ...savings }, (terminal) => savingsText(inputs, savings, terminal));
  return EXIT_DONE;
};

const savingsText = (inputs: SavingsInputs, savings: Savings, terminal: Terminal): string => {
  const cheap = usdText(inputs.cheapMicroUsdPerMTok);
  const strong = usdText(inputs.strongMicroUsdPerMTok);
  const { savedMicroUsd, savedPercent } = savings;
  const saved =
    savedMicroUsd < 0
      ? `nothing: the split costs ${centsText(-savedMicroUsd)} more`
      : `${centsText(savedMicroUsd)} (${savedPercent} %)`;
  return `${pairs(terminal, [
    [
      'tokens',
      `${countText(inputs.hours)} h × ${countText(inputs.tokensPerHour)} tokens/h = ${countText(savings.tokens)}`,
    ],
    [
      'all strong',
      `${inMTok(savings.tokens)} MTok × ${strong} = ${centsText(savings.allStrongMicroUsd)}`,
    ],
    [
      'cheap part',
      `${inputs.cheapPercent} %: ${inMTok(savings.cheapTokens)} MTok × ${cheap} = ${centsText(savings.cheapMicroUsd)}`,
    ],
    [
      'strong part',
      `${100 - inputs.cheapPercent} %: ${inMTok(savings.strongTokens)} MTok × ${strong} = ${centsText(savings.strongMicroUsd)}`,
    ],
    ['together', centsText(savings.splitMicroUsd)],
    ['saved', saved, savedMicroUsd < 0 ? 'red' : 'green'],
  ])}
cost = hours × tokens an hour ÷ 1,000,000 × price of a million tokens
One price stands for input and output. What was really spent: ifab cost report --by model
`;
};

const countIn = (context: CommandContext, flag: string, fallback: string, most: number): number => {
  const word = optionOf(context, flag) ?? fallback;
  const count = /^\d{1,12}$/.test(word) ? Number(word) : Number.NaN;
  if (count <= most) return count;
  throw cliError(
    'cli.usage',
    `“${word}” is no ${flag}`,
    `Write a whole number up to ${countText(most)}.`,
  );
};

const priceIn = (context: CommandContext, flag: string, fallback: string): number => {
  const word = optionOf(context, flag) ?? fallback;
  const price = parseUsd(word);
  if (price !== undefined && price <= PRICE_MAX) return price;
  throw cliError(
    'cli.usage',
    `“${word}” is no price`,
    `Write --${flag} in dollars a million tokens, up to 1000: 0.25, 3.`,
  );
};

/** Millions of tokens with the digits that say something: 14.5. */
const inMTok = (tokens: number): string => String(tokens / 1_000_000);
