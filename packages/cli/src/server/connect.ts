/** A client of the fabric that a command talks to. */
import { randomBytes } from 'node:crypto';
import { connect } from '@infrafabric/sdk';
import type { Client } from '@infrafabric/sdk';
import { cliError } from '../output/problem.ts';
import type { CommandContext } from '../tree/command.ts';
import { findTarget } from './target.ts';
import type { Target } from './target.ts';

/** How long a wire that is refused is tried again: a fabric that restarts is back by then, and a person waits. */
const UNREACHABLE_MS = 1_000;

export interface Connected {
  readonly client: Client;
  readonly target: Target;
}

/** `http` for a call or two; `auto` holds one socket for many calls and streams. */
export const connectTarget = async (
  { flags, io }: Pick<CommandContext, 'flags' | 'io'>,
  transport: 'http' | 'auto' = 'http',
): Promise<Connected> => {
  const target = findTarget(flags, io);
  if (!URL.canParse(target.url)) {
    throw cliError('cli.usage', `“${target.url}” is no URL`, 'Write it as http://127.0.0.1:7070');
  }
  const { url, token } = target;
  const client = await connect({ url, token, transport, unreachableMs: UNREACHABLE_MS });
  return { client, target };
};

/** Connects, works and closes, whatever came of it. */
export const withClient = async <T>(
  context: Pick<CommandContext, 'flags' | 'io'>,
  work: (connected: Connected) => Promise<T>,
  transport: 'http' | 'auto' = 'http',
): Promise<T> => {
  const connected = await connectTarget(context, transport);
  try {
    return await work(connected);
  } finally {
    connected.client.close();
  }
};

const TRACE_BYTES = 16;

/** The trace id of this call, said aloud where it was asked for. Undefined: nobody wants to follow it. */
export const traceOf = ({ flags, out }: CommandContext): string | undefined => {
  if (flags.trace !== undefined && flags.trace !== 'new') return flags.trace;
  if (flags.trace === undefined && !flags.why) return undefined;
  const trace = randomBytes(TRACE_BYTES).toString('hex');
  if (flags.trace === 'new') out.note(`trace ${trace}`);
  return trace;
};
