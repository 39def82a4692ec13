/** Sessions of a spawned swarm: `ID-1`, `ID-2`, …, each of them open once, their tokens in a file. */
import type { OutputOf, SwarmProfile } from '@infrafabric/protocol';
import type { Client } from '@infrafabric/sdk';
import { callOperation } from '../commands/call.ts';
import { everyPage } from '../commands/pages.ts';
import type { CommandContext } from '../tree/command.ts';
import { openTokensFile } from './tokens-file.ts';
import type { TokenRow } from './tokens-file.ts';

export interface SpawnedSession {
  /** The swarm's id and a number. */
  readonly agent: string;
  readonly sessionId: string;
  /** Opened now; false: it was open before. */
  readonly isNew: boolean;
  readonly opened: OutputOf<'sessions.open'> | undefined;
}

export interface SessionsWish {
  readonly profile: SwarmProfile;
  readonly count: number;
  /** The fabric that takes the tokens. */
  readonly url: string;
  readonly tokensFile: string;
}

/**
 * Opens those that are not open yet. What was opened is written down even where a later one is refused.
 *
 * @throws CliError of the fabric's refusal, or where the file of tokens cannot be one.
 */
export const openSessions = async (
  context: CommandContext,
  client: Client,
  { profile, count, url, tokensFile }: SessionsWish,
): Promise<readonly SpawnedSession[]> => {
  const agents = Array.from({ length: count }, (_, index) => `${profile.swarmId}-${index + 1}`);
  const open = await openAgents(client, profile.swarmId, new Set(agents));
  if (agents.every((agent) => open.has(agent))) return agents.map((agent) => known(agent, open));
  const file = openTokensFile(tokensFile, profile.swarmId, Date.now());
  const rows: TokenRow[] = [];
  const sessions: SpawnedSession[] = [];
  try {
    for (const agent of agents) {
      if (open.has(agent)) {
        sessions.push(known(agent, open));
        continue;
      }
      const opened = await openSession(context, client, agent, profile);
      rows.push({
        agent,
        sessionId: opened.sessionId,
        token: opened.token,
        tokenExpiresAt: opened.tokenExpiresAt,
        url,
      });
      sessions.push({ agent, sessionId: opened.sessionId, isNew: true, opened });
    }
  } finally {
    if (rows.length === 0) file.discard();
    else file.write(rows);
  }
  return sessions;
};

const known = (agent: string, open: ReadonlyMap<string, string>): SpawnedSession => ({
  agent,
  sessionId: open.get(agent) ?? '',
  isNew: false,
  opened: undefined,
});

const openAgents = async (
  client: Client,
  swarmId: string,
  agents: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> => {
  const open = new Map<string, string>();
  for await (const { agent, sessionId, swarm } of everyPage.sessions(client, { status: 'open' })) {
    if (swarm === swarmId && agents.has(agent)) open.set(agent, sessionId);
  }
  return open;
};

/** Each session has a key of its own below the caller's: the same words again give the same sessions. */
const openSession = async (
  context: CommandContext,
  client: Client,
  agent: string,
  { swarmId, capabilities }: SwarmProfile,
): Promise<OutputOf<'sessions.open'>> => {
  const { key } = context.flags;
  const keyed =
    key === undefined
      ? context
      : { ...context, flags: { ...context.flags, key: `${key}/${agent}` } };
  const { output } = await callOperation(keyed, client, 'sessions.open', {
    agent,
    swarm: swarmId,
    capabilities,
  });
  // The fabric made the output with the schema of this very operation.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return output as OutputOf<'sessions.open'>;
};
