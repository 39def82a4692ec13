/**
 * A process of the demo with a few simulated agents in it. Reads one line of JSON from standard input, then writes
 * what happens to its agents as one JSON object a line; ends when its input ends.
 */
import { createInterface } from 'node:readline';
import { connect } from '../../packages/sdk/src/index.ts';
import { startSimulatedAgent } from '../../packages/testkit/src/agents.ts';
import type { SimulatedAgent, SimulatedAgentOptions } from '../../packages/testkit/src/agents.ts';

export interface ProcessOrder extends Pick<
  SimulatedAgentOptions,
  'planId' | 'leaseMs' | 'workMs' | 'againMs' | 'seed' | 'isStubborn'
> {
  readonly url: string;
  readonly token: string;
  readonly agents: readonly {
    readonly agent: string;
    readonly swarm: string;
    readonly capabilities: readonly string[];
  }[];
  readonly needs: readonly (readonly [taskId: string, waitsOn: string])[];
  readonly slow: readonly (readonly [taskId: string, workMs: number])[];
}

const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

async function main(): Promise<void> {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done === true) return;
  const order: ProcessOrder = JSON.parse(first.value);
  const { url, token, agents, needs, slow, ...work } = order;
  const client = await connect({ url, token, transport: 'ws' });
  const started: SimulatedAgent[] = await Promise.all(
    agents.map((one) =>
      startSimulatedAgent({
        ...work,
        ...one,
        client,
        needs: new Map(needs),
        slow: new Map(slow),
        onEvent: say,
      }),
    ),
  );
  say({ type: 'started', sessions: started.map(({ session }) => session.sessionId) });
  // The end of the input is the order to stop, and also what a parent that died leaves behind.
  await lines.next();
  await Promise.allSettled(started.map((one) => one.stop()));
  client.close();
}

await main();
