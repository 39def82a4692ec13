/** The profile that a spawn registers: what flags say, over what a manifest says. */
import { BUILT_IN_CAPABILITIES, isBuiltInCapability, SwarmProfile } from '@infrafabric/protocol';
import { cliError } from '../output/problem.ts';
import { didYouMean } from '../plans/issues.ts';
import type { SpawnFlags } from './spawn-flags.ts';

/**
 * The profile of these flags, a manifest and chosen capabilities; a flag wins over the manifest.
 *
 * @throws CliError that names the flag of the first field that is missing or wrong.
 */
export const profileOfSpawn = (
  flags: SpawnFlags,
  manifest: SwarmProfile | undefined,
  capabilities: readonly string[],
): SwarmProfile => {
  const { swarmId, costPerHourMicroUsd, limitMicroUsd, model, reputationPermille, role } = flags;
  const said = { costPerHourMicroUsd, limitMicroUsd, model, reputationPermille, role };
  const wish = { ...manifest, ...withoutUndefined(said), swarmId, capabilities };
  const parsed = SwarmProfile.safeParse(wish);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const [field = '', index] = issue?.path ?? [];
  if (field === 'costPerHourMicroUsd' && !('costPerHourMicroUsd' in wish)) {
    throw cliError(
      'cli.usage',
      '--cost-per-hour is missing',
      'Write what an hour of the swarm costs in dollars: --cost-per-hour 2.00; 0 for a free model.',
    );
  }
  const where = FLAG_OF_FIELD[String(field)] ?? String(field);
  const entry = index === undefined ? '' : ` entry ${String(index)}`;
  throw cliError(
    'cli.usage',
    `${where}:${entry} ${issue?.message ?? 'is wrong'}`,
    'See all fields and limits in docs/reference/swarm.schema.json.',
  );
};

const withoutUndefined = (
  fields: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** Where each field of a profile is written. */
const FLAG_OF_FIELD: Readonly<Record<string, string>> = {
  capabilities: '--capabilities',
  costPerHourMicroUsd: '--cost-per-hour',
  limitMicroUsd: '--budget',
  reputationPermille: '--reputation',
  model: '--model',
  role: '--role',
  swarmId: 'ID',
};

/** Refuses an id that is neither built in nor defined in the realm, and names the nearest that is. */
export const refuseUnknown = (
  capabilities: readonly string[],
  defined: readonly string[],
): void => {
  const index = capabilities.findIndex((id) => !isBuiltInCapability(id) && !defined.includes(id));
  const word = capabilities[index];
  if (word === undefined) return;
  const hint = didYouMean(word, [...BUILT_IN_CAPABILITIES.map(({ id }) => id), ...defined]);
  throw cliError(
    'cli.input',
    `--capabilities: entry ${index}: nobody has defined the capability “${word}”`,
    `${hint === '' ? '' : `${hint.charAt(0).toUpperCase()}${hint.slice(1)}`}See all of them: ifab capability list`,
    { facts: { capability: word, index } },
  );
};
