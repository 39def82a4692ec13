/** What `ifab doctor` says of the secrets: whether the file can be opened, or where else they are. None is resolved. */
import { Fault, openSecretKeeper } from '@infrafabric/fabric';
import type { LoadedConfig } from '@infrafabric/fabric';
import type { Check } from './check.ts';

const NAME = 'secrets';

const ELSEWHERE = {
  env: 'in variables',
  systemd: 'in files of systemd',
  vault: 'in Vault',
} as const;

/** The file is opened with its key, so a key that is lost is found before a run needs it. */
export const secretsCheck = async (
  { secrets, dataDir }: Pick<LoadedConfig['config'], 'secrets' | 'dataDir'>,
  signal: AbortSignal,
): Promise<Check> => {
  if (secrets.kind !== 'file') {
    const found = `kept ${ELSEWHERE[secrets.kind]}; whether one is found: ifab secret check REF`;
    return { name: NAME, state: 'ok', found };
  }
  try {
    const { length: count } = (await openSecretKeeper(secrets, { dataDir })?.list(signal)) ?? [];
    const found =
      count === 0
        ? 'none yet: ifab secret set REF'
        : `${secrets.file} holds ${count}, and its key opens it`;
    return { name: NAME, state: 'ok', found };
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    return { name: NAME, state: 'failed', found: cause.detail, mend: mendOf(cause) };
  }
};

const mendOf = ({ code }: Fault): string =>
  code === 'secret.denied'
    ? 'Give both files to their owner alone: chmod 600'
    : 'Put both files back from the same backup, or move them away and set the secrets again.';
