/**
 * `ifab witness verify URL`: the log of a fabric somewhere, from its public files alone. Every entry is fetched and
 * hashed, the tree over them must have the checkpoint's root, and the checkpoint must extend the one that was seen here
 * last. The key is the one that is named, or the one that was seen first (trust on first use), never a new one.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { nodePrimitives } from '@infrafabric/fabric';
import { createCheckpointKeeper, httpLogReads, ProofError } from '@infrafabric/sdk';
import type { CheckpointStore, KeptCheckpoint, LogReads } from '@infrafabric/sdk';
import { bundlePath, decodeBundle, leafHash, TILE_WIDTH, Tree } from '@infrafabric/tlog';
import type { Checkpoint } from '@infrafabric/tlog';
import type { Io } from '../io.ts';
import { EXIT_DONE, EXIT_NO } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { pairs } from '../output/terminal.ts';
import { withClient } from '../server/connect.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandContext } from '../tree/command.ts';
import { originOf } from './witness-verify.ts';

interface Known {
  readonly vkey: string;
  readonly checkpoint?: KeptCheckpoint;
}

type KnownLogs = Readonly<Record<string, Known>>;

export const verifyUrl = async (context: CommandContext, url: string): Promise<number> => {
  const path = knownLogsPath(context.io);
  const known = readKnown(path);
  const { vkey, how } = await keyOf(context, url, known);
  const origin = originOf(vkey);
  const reads = httpLogReads(url);
  const keep = (checkpoint: KeptCheckpoint): void =>
    writeKnown(path, { ...readKnown(path), [origin]: { vkey, checkpoint } });
  const store: CheckpointStore = {
    get: async () => known[origin]?.checkpoint,
    put: async (_origin, checkpoint) => keep(checkpoint),
  };
  try {
    const keeper = createCheckpointKeeper({
      reads,
      origin,
      vkey,
      store,
      primitives: nodePrimitives,
    });
    const checkpoint = await keeper.refresh();
    const computed = await rootOfEntries(reads, checkpoint);
    const ok = computed.root === checkpoint.root;
    const report = { ok, url, origin, key: how, ...computed, checkpoint };
    context.out.data(report, (terminal) =>
      pairs(terminal, [
        ['answer', ok ? 'the log holds' : 'THE LOG DOES NOT HOLD', ok ? 'green' : 'red'],
        ['log', origin],
        ['entries', computed.size],
        ['root', computed.root],
        ['checkpoint', ok ? 'has this root' : `has another root: ${checkpoint.root}`],
        ['key', KEY_WORDS[how]],
        [
          'seen before',
          known[origin]?.checkpoint &&
            `at ${known[origin].checkpoint.size} entries; it grew from there`,
        ],
      ]),
    );
    return ok ? EXIT_DONE : EXIT_NO;
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause;
    const report = {
      ok: false,
      url,
      origin,
      key: how,
      reason: cause.reason,
      detail: cause.message,
    };
    context.out.data(report, (terminal) =>
      pairs(terminal, [
        ['answer', 'THE LOG DOES NOT HOLD', 'red'],
        ['why', `${cause.message} (${cause.reason})`],
        ['log', origin],
      ]),
    );
    return EXIT_NO;
  }
};

type How = 'named' | 'seen before' | 'first use';
const KEY_WORDS: Readonly<Record<How, string>> = {
  named: 'the one that you named',
  'seen before': 'the one that was seen here before',
  'first use': 'taken on first use; name the one that you know with --key',
};

const keyOf = async (
  context: CommandContext,
  url: string,
  known: KnownLogs,
): Promise<{ readonly vkey: string; readonly how: How }> => {
  const named = optionOf(context, 'key');
  if (named !== undefined) return { vkey: named, how: 'named' };
  // The checkpoint's first line is the origin, under which the key of a log that was seen before is kept.
  const note = await httpLogReads(url).checkpoint();
  const seen = note === undefined ? undefined : known[note.split('\n', 1)[0] ?? ''];
  if (seen !== undefined) return { vkey: seen.vkey, how: 'seen before' };
  const flags = { ...context.flags, url };
  return withClient({ ...context, flags }, async ({ client }) => {
    const { key } = await client.call('witness.checkpoint', {});
    return { vkey: key, how: 'first use' };
  });
};

/** The root over all entries as they are served. Constant memory; one request a 256 entries. */
const rootOfEntries = async (
  reads: LogReads,
  { size }: Checkpoint,
): Promise<{ readonly size: number; readonly root: string }> => {
  const { sha256 } = nodePrimitives;
  const tree = new Tree({ sha256 });
  for (let index = 0; index * TILE_WIDTH < size; index += 1) {
    const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH);
    const path = bundlePath({ index, width });
    const bytes = await reads.tile(path);
    const entries = bytes && decodeBundle(bytes, width);
    if (entries === undefined) throw new ProofError('missing', `The log does not show ${path}.`);
    for (const entry of entries) tree.append(leafHash(sha256, entry));
  }
  return { size: tree.size, root: tree.root() };
};

const knownLogsPath = ({ env }: Io): string => {
  const state = env['XDG_STATE_HOME'];
  const base =
    state?.startsWith('/') === true ? state : join(env['HOME'] ?? homedir(), '.local', 'state');
  return join(base, 'infrafabric', 'known-logs.json');
};

const readKnown = (path: string): KnownLogs => {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // The first log that is looked at from here.
    return {};
  }
  try {
    const known: KnownLogs = JSON.parse(text);
    return known;
  } catch (cause) {
    throw cliError(
      'cli.input',
      `${path} cannot be read: it keeps the keys of the logs that you have seen`,
      'Mend it or move it away; then the next look at a log is the first.',
      { cause },
    );
  }
};

const writeKnown = (path: string, known: KnownLogs): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(known, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
};
