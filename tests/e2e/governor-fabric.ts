import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { findOperation } from '@infrafabric/protocol';
import type { InputOf, OperationName, OutputOf } from '@infrafabric/protocol';
import { jsonLog } from '../../packages/cli/src/server/json-log.ts';
import { startFabric } from '../../packages/cli/src/server/start-fabric.ts';
import { Config } from '../../packages/fabric/src/index.ts';
import { bearer, send } from './surfaces-fabric.ts';
import type { Answered } from './surfaces-fabric.ts';

/** A fabric as people run it, on a data folder of its own: synced journal, witness, HTTP on a free port. */
export interface GovernedFabric {
  readonly url: string;
  readonly operatorToken: string;
  /** One request on a connection of its own. */
  post<N extends OperationName>(operation: N, input: InputOf<N>, token?: string): Promise<Answered>;
  /** The same, answered with 200 or thrown. */
  call<N extends OperationName>(
    operation: N,
    input: InputOf<N>,
    token?: string,
  ): Promise<OutputOf<N>>;
  close(): Promise<void>;
}

export async function governedFabric(): Promise<GovernedFabric> {
  const dataDir = mkdtempSync(join(tmpdir(), 'ifab-governor-'));
  const fabric = await startFabric({
    config: { ...Config.parse({ listenPort: 0 }), dataDir },
    log: jsonLog({ write: () => undefined }, 'error'),
    stderr: { write: () => undefined, isTerminal: false },
    onFatal: (fault) => {
      throw fault;
    },
  });
  const { url, operatorToken } = fabric;
  const post: GovernedFabric['post'] = (operation, input, token = operatorToken) =>
    send(url, {
      path: `/v1/${operation}`,
      headers: {
        ...bearer(token),
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
      },
      body: JSON.stringify(input),
    });
  return {
    url,
    operatorToken,
    post,
    call: async (operation, input, token) => {
      const { status, text } = await post(operation, input, token);
      if (status !== 200) throw new Error(`${operation}: ${status} ${text}`);
      // Held to its schema, the answer is of its type.
      return findOperation(operation)?.output.parse(JSON.parse(text)) as OutputOf<typeof operation>;
    },
    close: async () => {
      await fabric.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
