/** What a spawned swarm can do, by those who say so: flags, a manifest, a repository. */
import { resolve } from 'node:path';
import { isBuiltInCapability } from '@infrafabric/protocol';
import type { KnownCapability, OutputOf, SwarmProfile } from '@infrafabric/protocol';
import { cliError } from '../output/problem.ts';
import type { CliError } from '../output/problem.ts';
import { renderIssues } from '../plans/index.ts';
import { withClient } from '../server/connect.ts';
import type { CommandContext } from '../tree/command.ts';
import { detectCapabilities } from './detect-capabilities.ts';
import type { Detected } from './detect-capabilities.ts';
import { proposalOf } from './proposal.ts';
import { findManifest, ManifestFault, readManifest } from './read-manifest.ts';
import type { SpawnFlags } from './spawn-flags.ts';
import { refuseUnknown } from './spawn-profile.ts';

export interface SpawnSource {
  readonly manifest: SwarmProfile | undefined;
  /** Said by flag or by a manifest that the caller named: needs no question. */
  readonly stated: readonly string[];
  readonly detected: readonly Detected[];
  readonly proposal: ReturnType<typeof proposalOf>;
}

/**
 * What is stated, and what is proposed. A repository is looked at where it is named, and here where nothing is stated.
 *
 * @throws CliError for a manifest that cannot be taken, or an unknown capability.
 */
export const sourceOf = async (
  context: CommandContext,
  flags: SpawnFlags,
  defined: readonly string[],
): Promise<SpawnSource> => {
  const isKnown = (id: string): boolean => isBuiltInCapability(id) || defined.includes(id);
  if (flags.capabilities !== undefined) refuseUnknown(flags.capabilities, defined);
  try {
    const named = await namedManifest(context, flags, isKnown);
    const stated = flags.capabilities ?? named?.capabilities ?? [];
    const folder = flags.repo ?? (stated.length === 0 ? '.' : undefined);
    if (folder === undefined) {
      return { manifest: named, stated, detected: [], proposal: proposalOf([], isKnown) };
    }
    const { own, detected } = await lookInto(context, flags, folder, isKnown);
    const open = detected.filter(({ capability }) => !stated.includes(capability));
    return { manifest: named ?? own, stated, detected, proposal: proposalOf(open, isKnown) };
  } catch (cause) {
    if (cause instanceof ManifestFault) throw manifestRefusal(context, cause);
    throw cause;
  }
};

const namedManifest = async (
  { io }: CommandContext,
  flags: SpawnFlags,
  isKnown: KnownCapability,
): Promise<SwarmProfile | undefined> => {
  if (flags.manifest === undefined) return undefined;
  return swarmOf(flags, await readManifest(resolve(io.cwd, flags.manifest), isKnown));
};

const lookInto = async (
  { io, out }: CommandContext,
  flags: SpawnFlags,
  folder: string,
  known: KnownCapability,
): Promise<{
  readonly own: SwarmProfile | undefined;
  readonly detected: readonly Detected[];
}> => {
  const root = resolve(io.cwd, folder);
  const found = await findManifest(root, known);
  const own = found === undefined ? undefined : swarmOf(flags, found.profiles);
  const detected = await detectCapabilities(root, {
    searchPath: io.env['PATH'],
    swarmId: flags.swarmId,
    known,
    onCut: (what) => out.note(`${what}; the rest says nothing here`),
  });
  return { own, detected };
};

/** The swarm that is spawned, of those that a manifest has. */
const swarmOf = ({ swarmId }: SpawnFlags, profiles: readonly SwarmProfile[]): SwarmProfile => {
  const profile = profiles.find((one) => one.swarmId === swarmId);
  if (profile !== undefined) return profile;
  throw cliError(
    'cli.input',
    `the manifest has no swarm “${swarmId}”`,
    `It has: ${profiles
      .slice(0, SWARMS_NAMED_MAX)
      .map((one) => one.swarmId)
      .join(', ')}`,
  );
};

const SWARMS_NAMED_MAX = 20;
/** Wider lines of issues are harder to read, however wide the terminal is. */
const ISSUE_COLUMNS_MAX = 100;

const manifestRefusal = ({ out, io }: CommandContext, fault: ManifestFault): CliError => {
  const { issues, path } = fault;
  if (!out.isJson) {
    const width = Math.min(io.stderr.columns, ISSUE_COLUMNS_MAX);
    const named = issues.map((issue) => (issue.path === '' ? { ...issue, path } : issue));
    io.stderr.write(renderIssues(named, { width }));
  }
  const [first] = issues;
  const where = first === undefined || first.path === '' ? '' : `: ${first.path} ${first.what}`;
  return cliError(
    'cli.input',
    `${path} is no manifest that can be taken${where}`,
    first?.mend ?? '',
    {
      facts: { issues },
      cause: fault,
    },
  );
};

/** Capabilities of the realm beside the built-in ones. A dry run without a fabric knows the built-in ones alone. */
export const definedCapabilities = async (context: CommandContext): Promise<readonly string[]> => {
  try {
    return await withClient(context, async ({ client }) => {
      const ids: string[] = [];
      let after: string | undefined;
      // Ends: each page begins behind the last row of the one before it.
      do {
        const page: OutputOf<'capabilities.list'> = await client.call('capabilities.list', {
          limit: PAGE_ROWS,
          after,
        });
        for (const { id, builtIn } of page.capabilities) if (!builtIn) ids.push(id);
        after = page.next;
      } while (after !== undefined);
      return ids;
    });
  } catch (cause) {
    if (!context.flags.dryRun) throw cause;
    context.out.note('no fabric was asked: capabilities are compared with the built-in ones alone');
    return [];
  }
};

const PAGE_ROWS = 1_000;
