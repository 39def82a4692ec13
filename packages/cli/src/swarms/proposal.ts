/** What was detected, shown to a person who says what of it the swarm can do. */
import type { SwarmProfile } from '@infrafabric/protocol';
import { usdText } from '../costs/money.ts';
import { cliError } from '../output/problem.ts';
import { cell, createTerminal, table, wantsColour } from '../output/terminal.ts';
import type { Terminal } from '../output/terminal.ts';
import { printable } from '../plans/index.ts';
import type { CommandContext } from '../tree/command.ts';
import type { Detected } from './detect-capabilities.ts';

/** From here on a capability is proposed; below it is only named. One import of a library is not this sure. */
export const PROPOSED_PERMILLE_MIN = 500;
/** Pieces of evidence in a table; JSON has all five. */
const EVIDENCE_SHOWN = 3;

export interface Proposal {
  readonly proposed: readonly Detected[];
  /** Too unsure, or not known in the realm. */
  readonly others: readonly Detected[];
}

export const proposalOf = (
  detected: readonly Detected[],
  isKnown: (id: string) => boolean,
): Proposal => {
  const isProposed = ({ capability, confidencePermille }: Detected): boolean =>
    confidencePermille >= PROPOSED_PERMILLE_MIN && isKnown(capability);
  return {
    proposed: detected.filter(isProposed),
    others: detected.filter((one) => !isProposed(one)),
  };
};

const percent = (permille: number): string => `${Math.floor(permille / 10)} %`;

/** A table of what is proposed, by number, with its evidence; a line of what is not. */
export const proposalText = ({ proposed, others }: Proposal, terminal: Terminal): string => {
  const rows = proposed.flatMap(({ capability, confidencePermille, evidence }, index) =>
    evidence
      .slice(0, EVIDENCE_SHOWN)
      .map((line, at) =>
        at === 0
          ? [cell(index + 1), cell(capability, 'bold'), percentCell(confidencePermille), cell(line)]
          : [cell(''), cell(''), cell(''), cell(line, 'dim')],
      ),
  );
  const unsure = others
    .map(({ capability, confidencePermille }) => `${capability} (${percent(confidencePermille)})`)
    .join(', ');
  return [
    proposed.length === 0 ? '' : table(terminal, ['#', 'capability', 'sure', 'evidence'], rows),
    unsure === '' ? '' : `not proposed: ${unsure}\n`,
  ].join('');
};

const percentCell = (permille: number) => ({ text: percent(permille), right: true });

export const countText = (count: number, one: string, more: string): string =>
  `${count} ${count === 1 ? one : more}`;

/** What a swarm costs and may spend, on one line. A manifest of the repository may have said so: a person sees it. */
export const termsOf = (profile: SwarmProfile): string => {
  const { capabilities, costPerHourMicroUsd, limitMicroUsd, reputationPermille, model } = profile;
  return [
    countText(capabilities.length, 'capability', 'capabilities'),
    `${usdText(costPerHourMicroUsd)} an hour`,
    ...(limitMicroUsd === undefined ? [] : [`limit ${usdText(limitMicroUsd)}`]),
    ...(reputationPermille === undefined ? [] : [`reputation ${reputationPermille / 1_000}`]),
    ...(model === undefined ? [] : [printable(model)]),
  ].join(', ');
};

/**
 * What of the proposal a person takes.
 *
 * @param profile what the swarm would be with all of it.
 * @throws CliError where nobody may be asked, or where the answer is no.
 */
export const acceptedOf = async (
  { io, flags }: CommandContext,
  proposal: Proposal,
  profile: SwarmProfile,
): Promise<readonly string[]> => {
  const { proposed } = proposal;
  const ids = proposed.map(({ capability }) => capability);
  if (ids.length === 0) return ids;
  if (!flags.input || !io.stdinIsTerminal) {
    throw cliError(
      'cli.confirm',
      `nobody has accepted what was detected: ${shortList(ids)}`,
      'Say --accept to take them, or name your own: --capabilities a,b',
      { facts: { detected: proposed } },
    );
  }
  const terminal = createTerminal(wantsColour(io.stderr, io.env, flags.color), io.stderr.columns);
  io.stderr.write(proposalText(proposal, terminal));
  io.stderr.write(`swarm ${profile.swarmId} with all of it: ${termsOf(profile)}\n`);
  const question = `Take ${ids.length === 1 ? 'it' : `these ${ids.length}`}? [y/N, or numbers as 1,3] `;
  return chosenBy(await io.ask(question), ids);
};

/** Ids of a sentence; `facts` has all of them. */
const IDS_SAID_MAX = 5;

const shortList = (ids: readonly string[]): string => {
  const more = ids.length - IDS_SAID_MAX;
  return `${ids.slice(0, IDS_SAID_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
};

const chosenBy = (answer: string, ids: readonly string[]): readonly string[] => {
  const text = answer.trim();
  if (/^y(es)?$/i.test(text)) return ids;
  const numbers = text.split(/[\s,]+/).filter((word) => word !== '');
  const chosen = numbers.map((word) =>
    /^\d{1,3}$/.test(word) ? ids[Number(word) - 1] : undefined,
  );
  if (numbers.length === 0 || chosen.includes(undefined)) {
    throw cliError(
      'cli.confirm',
      'nothing was done',
      `Answer y, or numbers from 1 to ${ids.length}; or name your own: --capabilities a,b`,
    );
  }
  return [...new Set(chosen.filter((id) => id !== undefined))];
};
