/** `ifab secret set`: a value comes in, and nothing of it goes out again. */
import { SECRET_BYTES_MAX, secretRefText } from '@infrafabric/fabric';
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { isSet } from '../tree/command.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';
import { keeperOf, refOf } from './secret-place.ts';

const LF = 0x0a;
const CR = 0x0d;

export const setSecret: CommandRun = async (context) => {
  const { io, out, args, flags } = context;
  const ref = refOf(args[0] ?? '');
  const keeper = keeperOf(context, ref);
  const read = await readValue(context);
  try {
    const value = isSet(context, 'exact') ? read : withoutLineEnd(read);
    checkLength(value.length);
    if (value.length < read.length)
      out.note('the line break at the end was left out (--exact keeps it)');
    const said = { ref: secretRefText(ref), bytes: value.length };
    if (flags.dryRun) {
      out.data(
        { dryRun: true, ...said },
        () => `dry run: it would set ${said.ref}, ${said.bytes} bytes\n`,
      );
      return EXIT_DONE;
    }
    const version = await keeper.put(ref, value, io.interrupted);
    out.data(
      { ...said, version },
      () => `set ${said.ref}: version ${version}, ${said.bytes} bytes\n`,
    );
    return EXIT_DONE;
  } finally {
    read.fill(0);
  }
};

const readValue = async ({ io, flags }: CommandContext): Promise<Buffer> => {
  // A line break more than the largest value has.
  if (!io.stdinIsTerminal) return io.readStdinBytes(SECRET_BYTES_MAX + 2);
  if (flags.input) return io.askHidden('Value (it is not shown): ');
  throw cliError(
    'cli.usage',
    'the value is missing',
    'Give it on standard input: ifab secret set REF < FILE',
  );
};

const withoutLineEnd = (bytes: Buffer): Buffer => {
  if (bytes.at(-1) !== LF) return bytes;
  return bytes.subarray(0, bytes.at(-2) === CR ? -2 : -1);
};

const checkLength = (length: number): void => {
  if (length > 0 && length <= SECRET_BYTES_MAX) return;
  throw cliError(
    'cli.input',
    length === 0 ? 'the value is empty' : `the value has more than ${SECRET_BYTES_MAX} bytes`,
    length === 0
      ? 'Give it on standard input: ifab secret set REF < FILE'
      : 'Is it the right file? A secret is a token, a password or a key.',
  );
};
