/** What the commands of secrets have in common: the reference, the configured store, who may change it. */
import { openSecretKeeper, readConfig, readSecretRef, secretPlace } from '@infrafabric/fabric';
import type { LoadedConfig, SecretKeeper, SecretRef } from '@infrafabric/fabric';
import { cliError } from '../output/problem.ts';
import { configInputs } from '../server/config-inputs.ts';
import type { CommandContext } from '../tree/command.ts';

/** The reference that was named. Throws a CliError where it is none. */
export const refOf = (word: string): SecretRef => {
  const ref = readSecretRef(word);
  if (ref !== undefined) return ref;
  throw cliError(
    'cli.usage',
    `“${word}” is no reference of a secret`,
    "Write vault://path#field, in quotes: 'vault://if/prod/sip-kamailio-key#token'",
  );
};

export const configOf = (context: CommandContext): LoadedConfig['config'] =>
  readConfig(configInputs(context)).config;

/**
 * What changes the secrets. Throws a CliError that names how it is done where the configured store is changed by other means.
 */
export const keeperOf = (context: CommandContext, ref?: SecretRef): SecretKeeper => {
  const { secrets, dataDir } = configOf(context);
  const keeper = openSecretKeeper(secrets, { dataDir });
  if (keeper !== undefined) return keeper;
  const where = ref === undefined ? '' : `, this one in ${secretPlace(secrets, ref)}`;
  throw cliError(
    'cli.not_available',
    `secrets are kept in another store (${secrets.kind})${where}`,
    'Set it there; ifab secret check REF says whether it is found. docs/guides/secrets.md says how.',
  );
};
