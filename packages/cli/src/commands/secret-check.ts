/** `ifab secret check`: whether a run would get the secret; of its value nothing is said. */
import { openSecretStore, secretPlace, secretRefText } from '@infrafabric/fabric';
import { fitOfSecret } from '@infrafabric/fabric/chassis';
import type { SecretFit } from '@infrafabric/fabric/chassis';
import { EXIT_DONE, EXIT_NO } from '../output/exit.ts';
import { pairs } from '../output/terminal.ts';
import type { Paint } from '../output/terminal.ts';
import type { CommandRun } from '../tree/command.ts';
import { configOf, refOf } from './secret-place.ts';

/** What the broker would say of it, in words; nothing where every request can carry it. */
const WORDS: Readonly<Record<SecretFit, readonly (readonly [string, string, Paint])[]>> = {
  fits: [],
  'no-header': [
    [
      'header',
      'a header cannot carry it: it begins or ends with a space, or holds control characters; basic and query can',
      'yellow',
    ],
  ],
  'too-short': [['broker', 'refuses it: it has fewer than 8 bytes', 'red']],
  'too-long': [['broker', 'refuses it: it has more than 8,192 bytes', 'red']],
};

/** The store's no is the command's: its code, its remedy, its exit code. 1: it is there, and the broker refuses it. */
export const checkSecret: CommandRun = async (context) => {
  const { io, out, args } = context;
  const ref = refOf(args[0] ?? '');
  const { secrets, dataDir } = configOf(context);
  // A copy of the variables: this process starts no child, and who called it may ask again.
  const store = openSecretStore(secrets, { dataDir, env: { ...io.env } });
  try {
    const { bytes, version } = await store.resolve(ref, io.interrupted);
    const fit = fitOfSecret(bytes);
    const ok = fit === 'fits' || fit === 'no-header';
    const said = {
      ref: secretRefText(ref),
      ok,
      store: store.name,
      place: secretPlace(secrets, ref),
      version,
      bytes: bytes.length,
      fit,
    };
    bytes.fill(0);
    out.data(said, (terminal) =>
      pairs(terminal, [
        ok ? [said.ref, 'ok', 'green'] : [said.ref, 'no run can use it', 'red'],
        ['store', said.store],
        ['place', said.place],
        ['version', said.version],
        ['bytes', said.bytes],
        ...WORDS[fit],
      ]),
    );
    return ok ? EXIT_DONE : EXIT_NO;
  } finally {
    await store.close();
  }
};
