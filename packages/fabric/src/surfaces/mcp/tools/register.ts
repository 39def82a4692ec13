import {
  AgentName,
  CapabilityId,
  CAPABILITIES_MAX,
  SESSION_LEASES_MAX,
  SwarmId,
} from '@infrafabric/protocol';
import { z } from 'zod';
import { TOOL_LEASES_MAX } from '../limits.ts';
import { defineTool, Key, ok } from '../tool.ts';

export const registerSession = defineTool({
  name: 'register_session',
  description:
    'Register this agent with InfraFabric and join the swarm: start here. Returns the sessionId that the other tools take. ' +
    'Then call next_task.',
  entry: true,
  effect: 'write',
  args: z.strictObject({
    agent: AgentName.describe('Your lasting name, without spaces.'),
    capabilities: z
      .array(CapabilityId)
      .max(CAPABILITIES_MAX)
      .optional()
      .describe('What you can do, as domain:skill; tasks that need more are not given to you.'),
    swarm: SwarmId.optional(),
    leasesMax: z
      .int()
      .min(1)
      .max(SESSION_LEASES_MAX)
      .optional()
      .describe('Tasks held at one time; default 1.'),
    idempotencyKey: Key,
  }),
  owner: ({ agent }) => agent,
  run: async ({ agent, capabilities, swarm, leasesMax }, { call, client, session }) => {
    if (session !== undefined) {
      // The credential was made for one session: whoever launched the agent has registered it.
      const seen = await call('sessions.heartbeat', { sessionId: session });
      if (seen.kind === 'problem') return seen;
      return ok({ sessionId: session, registered: false, next: NEXT });
    }
    const opened = await call('sessions.open', {
      agent,
      leasesMax: leasesMax ?? TOOL_LEASES_MAX,
      ...(capabilities === undefined ? {} : { capabilities }),
      ...(swarm === undefined ? {} : { swarm }),
      ...(client === undefined ? {} : { label: client }),
    });
    if (opened.kind === 'problem') return opened;
    // Its token stays here: what a model has read may end up anywhere.
    return ok({ sessionId: opened.output.sessionId, registered: true, next: NEXT });
  },
});

const NEXT = 'Call next_task with this sessionId.';
