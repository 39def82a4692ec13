/** Verifies a realm's folder at the levels that its reader asks for. */
import {
  formatVkey,
  genesisLeaf,
  parsePolicy,
  parseVkey,
  verifyLog,
  type Policy,
  type PublicKey,
  type VerifyOptions,
  type VerifyReport,
} from '@infrafabric/tlog';

import { Fault } from '../fault.ts';
import { nodeFollowerDisk } from '../followers/follower-disk.ts';
import { nodePrimitives, nodeSha256 } from '../followers/node-crypto.ts';
import type { Disk } from '../ports/disk.ts';
import { folderSource } from './folder-source.ts';
import type { ReplayReport } from './replay.ts';

/**
 * 0 frames, chain, tree, tiles, checkpoint · 1 all checkpoints, witnesses · 5 every decision again. 2 to 4 (signed
 * calls, completeness, payloads) do not exist yet.
 */
export type VerifyLevel = 0 | 1 | 5;

export interface VerifyFolderOptions {
  /** Default 0 and 1. 5 brings 0. */
  readonly levels?: readonly VerifyLevel[];
  /** Whom the caller trusts: the realm's origin and the log's verifying keys, the first being the one it began with. */
  readonly log?: { readonly origin: string; readonly vkeys: readonly string[] };
  /** Checkpoints that the caller kept. */
  readonly heldCheckpoints?: readonly string[];
  /** The text of a C2SP policy file. */
  readonly policy?: string;
  readonly require?: VerifyOptions['require'];
  readonly tiles?: VerifyOptions['tiles'];
  readonly mode?: 'replay' | 'falsify';
  readonly disk?: Disk;
}

export interface FolderReport {
  readonly ok: boolean;
  /** V0 and V1. */
  readonly log: VerifyReport;
  /** V5; absent where it was not asked for, or where V0 has refused the log. */
  readonly replay: ReplayReport | undefined;
}

/**
 * Verifies the folder; hostile bytes give a report, never an exception. Memory is bounded for V0 and V1; V5 holds the
 * world. Faults: `config.invalid` for a key or a policy that is none; the disk's own errors as they are.
 */
export async function verifyFolder(
  dataFolder: string,
  options: VerifyFolderOptions = {},
): Promise<FolderReport> {
  const { levels = [0, 1], disk = nodeFollowerDisk, mode = 'replay' } = options;
  const log = options.log && { origin: options.log.origin, keys: keysOf(options.log.vkeys) };
  const asked = verifyOptionsOf(options, levels);
  const report = await verifyLog(folderSource(disk, dataFolder), nodePrimitives, {
    ...asked,
    ...(log === undefined ? {} : { log }),
  });
  if (!report.ok || !levels.includes(5)) return { ok: report.ok, log: report, replay: undefined };
  const genesis =
    log && genesisLeaf(nodeSha256, { origin: log.origin, vkey: formatVkey(log.keys[0]) });
  const start = genesis === undefined ? {} : { genesisLeaf: genesis };
  // Who only reads does not pay for the decisions.
  const { replayFolder } = await import('./replay.ts');
  const replay = await replayFolder(dataFolder, { size: report.size, mode, ...start }, disk);
  return { ok: replay.ok, log: report, replay };
}

function verifyOptionsOf(
  { heldCheckpoints, policy, require, tiles }: VerifyFolderOptions,
  levels: readonly VerifyLevel[],
): VerifyOptions {
  return {
    level: levels.includes(1) ? 1 : 0,
    ...(heldCheckpoints === undefined ? {} : { held: heldCheckpoints }),
    ...(policy === undefined ? {} : { policy: policyOf(policy) }),
    ...(require === undefined ? {} : { require }),
    ...(tiles === undefined ? {} : { tiles }),
  };
}

function keysOf(vkeys: readonly string[]): readonly [PublicKey, ...PublicKey[]] {
  const keys = vkeys.map((vkey) => {
    const key = parseVkey(nodeSha256, vkey);
    if (key?.use !== 'note') throw invalid(`${vkey} is no verifying key of a log`);
    return key;
  });
  const [first, ...rest] = keys;
  if (first === undefined) throw invalid('no verifying key');
  return [first, ...rest];
}

function policyOf(text: string): Policy {
  const parsed = parsePolicy(nodePrimitives, text);
  if (parsed.kind === 'policy') return parsed.policy;
  throw invalid(`policy, line ${parsed.line}: ${parsed.reason}`);
}

const invalid = (detail: string): Fault =>
  new Fault('config.invalid', { transient: false, detail });
