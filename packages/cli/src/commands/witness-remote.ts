/**
 * `ifab witness verify URL`: the log of a fabric somewhere, from what it serves. With a credential every entry is fetched
 * and hashed, without one the hashes that everybody may read; the tree over them must have the checkpoint's root, and
 * the checkpoint must extend the one that was seen here last. The key is the one that is named, or the one that was
 * seen first (trust on first use), never a new one.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { nodePrimitives } from '@infrafabric/fabric';
import { createCheckpointKeeper, httpLogReads, ProofError } from '@infrafabric/sdk';
import type { CheckpointStore, KeptCheckpoint, LogReads } from '@infrafabric/sdk';
import {
  bundlePath,
  decodeBundle,
  HASH_BYTES,
  leafHash,
  TILE_WIDTH,
  tilePath,
  Tree,
} from '@infrafabric/tlog';
import type { Checkpoint, Hash } from '@infrafabric/tlog';
import type { Io } from '../io.ts';
import { EXIT_DONE, EXIT_NO } from '../output/exit.ts';
import { CliError, cliError } from '../output/problem.ts';
import { pairs } from '../output/terminal.ts';
import type { Terminal } from '../output/terminal.ts';
import { withClient } from '../server/connect.ts';
import { findTarget } from '../server/target.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandContext } from '../tree/command.ts';
import { originOf } from './log-key.ts';

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
    const token = credentialFor(context, url);
    const over: RemoteReport['over'] = token === undefined ? 'hashes' : 'entries';
    const leaves = token === undefined ? tileLeaves(reads) : bundleLeaves(url, token);
    const computed = await rootOf(leaves, checkpoint);
    const ok = computed.root === checkpoint.root;
    const before = known[origin]?.checkpoint?.size;
    const report = { ok, url, origin, key: how, over, ...computed, checkpoint, before };
    context.out.data(report, (terminal) => reportText(report, terminal));
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

interface RemoteReport {
  readonly ok: boolean;
  readonly origin: string;
  readonly key: How;
  readonly over: 'entries' | 'hashes';
  readonly size: number;
  readonly root: string;
  readonly checkpoint: Checkpoint;
  /** Entries that the log had when it was seen last. */
  readonly before: number | undefined;
}

const reportText = (report: RemoteReport, terminal: Terminal): string => {
  const { ok, origin, key, over, size, root, checkpoint, before } = report;
  return pairs(terminal, [
    ['answer', ok ? 'the log holds' : 'THE LOG DOES NOT HOLD', ok ? 'green' : 'red'],
    ['log', origin],
    [over, size],
    ['without', over === 'hashes' ? 'the entries themselves: they need a credential' : undefined],
    ['root', root],
    ['checkpoint', ok ? 'has this root' : `has another root: ${checkpoint.root}`],
    ['key', KEY_WORDS[key]],
    ['seen before', before === undefined ? undefined : `at ${before} entries; it grew from there`],
  ]);
};

type How = 'named' | 'seen before' | 'first use';
const KEY_WORDS: Readonly<Record<How, string>> = {
  named: 'the one that you named',
  'seen before': 'the one that was seen here before',
  'first use': 'taken on first use; name the one that you know with --log-key',
};

const keyOf = async (
  context: CommandContext,
  url: string,
  known: KnownLogs,
): Promise<{ readonly vkey: string; readonly how: How }> => {
  const named = optionOf(context, 'log-key');
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

/** The leaf hashes of up to 256 entries, in their order. Throws a ProofError where the log does not show them. */
type Leaves = (bundle: {
  readonly index: number;
  readonly width: number;
}) => Promise<readonly Hash[]>;

const { sha256 } = nodePrimitives;
const missing = (path: string): ProofError =>
  new ProofError('missing', `The log does not show ${path}.`);

const bundleLeaves =
  (url: string, token: string): Leaves =>
  async (bundle) => {
    const path = bundlePath(bundle);
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${url.replace(/\/+$/, '')}/${path}`, { headers });
    const bytes = response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
    const entries = bytes && decodeBundle(bytes, bundle.width);
    if (entries === undefined) throw missing(path);
    return entries.map((entry) => leafHash(sha256, entry));
  };

const tileLeaves =
  (reads: LogReads): Leaves =>
  async (bundle) => {
    const path = tilePath({ level: 0, ...bundle });
    const bytes = await reads.tile(path);
    if (bytes === undefined || bytes.length < bundle.width * HASH_BYTES) throw missing(path);
    return Array.from({ length: bundle.width }, (_, at) =>
      Buffer.from(bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES)).toString('base64'),
    );
  };

/** The root over all leaves as they are served. Constant memory; one request a 256 entries. */
const rootOf = async (
  leaves: Leaves,
  { size }: Checkpoint,
): Promise<{ readonly size: number; readonly root: string }> => {
  const tree = new Tree({ sha256 });
  for (let index = 0; index * TILE_WIDTH < size; index += 1) {
    const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH);
    for (const leaf of await leaves({ index, width })) tree.append(leaf);
  }
  return { size: tree.size, root: tree.root() };
};

/** Undefined where there is none: everybody may verify the hashes. */
const credentialFor = ({ flags, io }: CommandContext, url: string): string | undefined => {
  try {
    return findTarget({ ...flags, url }, io).token;
  } catch (cause) {
    if (cause instanceof CliError && cause.problem.code === 'cli.not_signed_in') return undefined;
    throw cause;
  }
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
