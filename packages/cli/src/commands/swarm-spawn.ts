/**
 * `ifab swarm spawn ID`: a swarm with its profile and budget, and sessions for its agents. What it can do is said by
 * flags or a manifest, or proposed from a repository for a person to accept. The same words again change nothing.
 */
import { resolve } from 'node:path';
import type { OutputOf, SwarmProfile } from '@infrafabric/protocol';
import type { Client } from '@infrafabric/sdk';
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { printable, printableJson } from '../plans/index.ts';
import { traceOf, withClient } from '../server/connect.ts';
import { acceptedOf, countText, proposalText, termsOf } from '../swarms/proposal.ts';
import { spawnFlags } from '../swarms/spawn-flags.ts';
import type { SpawnFlags } from '../swarms/spawn-flags.ts';
import { profileOfSpawn } from '../swarms/spawn-profile.ts';
import { openSessions } from '../swarms/spawn-sessions.ts';
import type { SpawnedSession } from '../swarms/spawn-sessions.ts';
import { definedCapabilities, sourceOf } from '../swarms/spawn-source.ts';
import type { SpawnSource } from '../swarms/spawn-source.ts';
import { sessionsInFile, tokensPath } from '../swarms/tokens-file.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';
import { callOperation } from './call.ts';

export const swarmSpawn: CommandRun = async (context) => {
  const flags = spawnFlags(context);
  const defined = await definedCapabilities(context);
  const source = await sourceOf(context, flags, defined);
  const all = source.proposal.proposed.map(({ capability }) => capability);
  // Before a person is asked: what is missing or wrong is so whatever they answer.
  const proposed = profileWith(flags, source, all);
  if (context.flags.dryRun) return sayPlan(context, flags, source, proposed);
  const accepted = flags.isAccepted ? all : await acceptedOf(context, source.proposal, proposed);
  const profile = profileWith(flags, source, accepted);
  return withClient(context, async ({ client, target }) => {
    // One trace for all calls of this command, where one was asked for.
    const trace = traceOf(context);
    const traced = { ...context, flags: { ...context.flags, trace } };
    const tokensFile =
      flags.tokensFile === undefined
        ? tokensPath(target.dataDir, profile.swarmId)
        : resolve(context.io.cwd, flags.tokensFile);
    // Before anything is sent: a file that holds something else is not found out about afterwards.
    const held = sessionsInFile(tokensFile);
    const registered = await register(traced, client, profile);
    const sessions = await openSessions(traced, client, {
      profile,
      count: flags.sessions,
      url: target.url,
      tokensFile,
    });
    say(context, { flags, profile, registered, sessions, tokensFile, source, held });
    return EXIT_DONE;
  });
};

const profileWith = (
  flags: SpawnFlags,
  { manifest, stated }: SpawnSource,
  accepted: readonly string[],
): SwarmProfile => {
  const capabilities = [...stated, ...accepted];
  if (capabilities.length > 0) return profileOfSpawn(flags, manifest, capabilities);
  throw cliError(
    'cli.input',
    'nothing says what the swarm can do: no sign was found in the repository',
    'Name it: --capabilities a,b; all of them: ifab capability list',
  );
};

const register = async (
  context: CommandContext,
  client: Client,
  profile: SwarmProfile,
): Promise<OutputOf<'swarms.register'>> => {
  const { output } = await callOperation(context, client, 'swarms.register', { profile });
  // The fabric made the output with the schema of this very operation.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return output as OutputOf<'swarms.register'>;
};

const sayPlan = (
  { out }: CommandContext,
  flags: SpawnFlags,
  source: SpawnSource,
  profile: SwarmProfile,
): number => {
  const plan = { dryRun: true, profile, sessions: flags.sessions, detected: source.detected };
  out.data(plan, (terminal) =>
    [
      proposalText(source.proposal, terminal),
      'dry run: nothing was sent; it would be swarms.register\n',
      `${printableJson(JSON.stringify({ profile }, undefined, 2))}\n`,
      `and sessions.open, ${countText(flags.sessions, 'time', 'times')}\n`,
    ].join(''),
  );
  return EXIT_DONE;
};

interface Spawned {
  readonly flags: SpawnFlags;
  readonly profile: SwarmProfile;
  readonly registered: OutputOf<'swarms.register'>;
  readonly sessions: readonly SpawnedSession[];
  readonly tokensFile: string;
  readonly source: SpawnSource;
  /** Sessions that the file had tokens of before. */
  readonly held: ReadonlySet<string>;
}

const say = ({ out }: CommandContext, spawned: Spawned): void => {
  const { flags, profile, registered, sessions, tokensFile, source, held } = spawned;
  const value = {
    swarmId: profile.swarmId,
    changed: registered.changed || sessions.some(({ isNew }) => isNew),
    profile,
    limitMicroUsd: registered.limitMicroUsd,
    detected: source.detected,
    sessions: sessions.map(({ agent, sessionId, isNew, opened }) => ({
      agent,
      sessionId,
      opened: isNew,
      ...(opened === undefined ? {} : { tokenExpiresAt: opened.tokenExpiresAt }),
      ...(opened === undefined || !flags.showTokens ? {} : { token: opened.token }),
    })),
    tokensFile,
  };
  out.data(value, () => textOf(spawned));
  for (const { agent, sessionId, isNew } of sessions) {
    if (isNew || held.has(sessionId)) continue;
    out.note(
      `${agent} is open elsewhere: its token is not in the file; for a new one: ifab session revoke ${sessionId}, and spawn again`,
    );
  }
  if (registered.changed && sessions.some(({ isNew }) => !isNew)) {
    out.note('sessions that were open before keep the capabilities that they were opened with');
  }
};

const textOf = ({ profile, registered, sessions, tokensFile }: Spawned): string => {
  const { swarmId } = profile;
  const opened = sessions.filter(({ isNew }) => isNew);
  const facts = termsOf({ ...profile, limitMicroUsd: registered.limitMicroUsd });
  if (!registered.changed && opened.length === 0) {
    const there =
      sessions.length === 0
        ? ''
        : `, its ${countText(sessions.length, 'session is', 'sessions are')} open`;
    return `swarm ${swarmId} was there already with this profile (${facts})${there}; nothing changed\n`;
  }
  const first = registered.changed
    ? `swarm ${swarmId}: ${facts}\n`
    : `swarm ${swarmId} was there already with this profile (${facts})\n`;
  if (opened.length === 0) return first;
  const rows = opened.map(({ agent, sessionId }) => `  ${agent}  ${sessionId}\n`).join('');
  return `${first}${countText(opened.length, 'session', 'sessions')} opened:\n${rows}their tokens, for your eyes alone: ${printable(tokensFile)}\n`;
};
