/** `ifab secret check`: whether a run would get the secret; of its value nothing is said. */
import { openSecretStore, secretPlace, secretRefText } from '@infrafabric/fabric';
import { EXIT_DONE } from '../output/exit.ts';
import { pairs } from '../output/terminal.ts';
import type { CommandRun } from '../tree/command.ts';
import { configOf, refOf } from './secret-place.ts';

/** The store's no is the command's: its code, its remedy, its exit code. */
export const checkSecret: CommandRun = async (context) => {
  const { io, out, args } = context;
  const ref = refOf(args[0] ?? '');
  const { secrets, dataDir } = configOf(context);
  // A copy of the variables: this process starts no child, and who called it may ask again.
  const store = openSecretStore(secrets, { dataDir, env: { ...io.env } });
  try {
    const { bytes, version } = await store.resolve(ref, io.interrupted);
    const said = {
      ref: secretRefText(ref),
      ok: true,
      store: store.name,
      place: secretPlace(secrets, ref),
      version,
      bytes: bytes.length,
    };
    bytes.fill(0);
    out.data(said, (terminal) =>
      pairs(terminal, [
        [said.ref, 'ok', 'green'],
        ['store', said.store],
        ['place', said.place],
        ['version', said.version],
        ['bytes', said.bytes],
      ]),
    );
    return EXIT_DONE;
  } finally {
    await store.close();
  }
};
