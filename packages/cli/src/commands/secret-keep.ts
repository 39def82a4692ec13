/** `ifab secret list`, `remove` and `rotate-key`: what the encrypted file holds, and changes to it that need no value. */
import { Fault, secretRefText } from '@infrafabric/fabric';
import { EXIT_DONE } from '../output/exit.ts';
import { cell, table } from '../output/terminal.ts';
import type { CommandRun } from '../tree/command.ts';
import { confirm } from './call.ts';
import { keeperOf, refOf } from './secret-place.ts';

export const listSecrets: CommandRun = async (context) => {
  const secrets = await keeperOf(context).list(context.io.interrupted);
  context.out.data({ secrets }, (terminal) =>
    secrets.length === 0
      ? "no secrets yet; the first one: ifab secret set 'vault://path#field'\n"
      : table(
          terminal,
          ['REFERENCE', 'VERSION'],
          secrets.map(({ ref, version }) => [cell(ref), cell(version)]),
        ),
  );
  return EXIT_DONE;
};

export const removeSecret: CommandRun = async (context) => {
  const { io, out, args, flags } = context;
  const ref = refOf(args[0] ?? '');
  const keeper = keeperOf(context, ref);
  const text = secretRefText(ref);
  const isThere = (await keeper.list(io.interrupted)).some((secret) => secret.ref === text);
  if (isThere && flags.dryRun) {
    out.data({ dryRun: true, ref: text }, () => `dry run: it would remove ${text}\n`);
    return EXIT_DONE;
  }
  if (isThere) await confirm(context);
  if (!isThere || !(await keeper.remove(ref, io.interrupted))) {
    throw new Fault('secret.not_found', { transient: false, detail: text });
  }
  out.data({ ref: text, removed: true }, () => `removed ${text}\n`);
  return EXIT_DONE;
};

export const rotateSecretsKey: CommandRun = async (context) => {
  const { io, out, flags } = context;
  const keeper = keeperOf(context);
  const { length: count } = await keeper.list(io.interrupted);
  if (flags.dryRun) {
    out.data(
      { dryRun: true, secrets: count },
      () => `dry run: it would encrypt the file for a new key (secrets: ${count})\n`,
    );
    return EXIT_DONE;
  }
  await confirm(context);
  await keeper.rotateKey(io.interrupted);
  out.data(
    { rotated: true, secrets: count },
    () => `the file is encrypted for a new key (secrets: ${count})\n`,
  );
  return EXIT_DONE;
};
