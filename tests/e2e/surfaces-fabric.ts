import { request } from 'node:http';
import { memoryBlobs } from '../../packages/fabric/src/engine/blob-folder.ts';
import {
  createMemoryRealm,
  openMemoryFabric,
} from '../../packages/fabric/src/engine/open-memory.ts';
import type {
  MemoryFabricOptions,
  MemoryRealm,
} from '../../packages/fabric/src/engine/open-memory.ts';
import type { LeadingFabric } from '../../packages/fabric/src/engine/open.ts';
import { startHttp } from '../../packages/fabric/src/surfaces/http/start-http.ts';
import type {
  HttpOptions,
  HttpSurface,
} from '../../packages/fabric/src/surfaces/http/start-http.ts';

/** A real fabric on the memory journal behind real sockets of this machine. */
export interface Served {
  readonly fabric: LeadingFabric;
  readonly http: HttpSurface;
  readonly url: string;
  readonly realm: MemoryRealm;
  readonly operatorToken: string;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  /** Entries of the log. */
  readonly size: () => number;
  close(): Promise<void>;
}

export async function serve(
  options: Partial<Omit<HttpOptions, 'fabric'>> & {
    /** Serves this one, which is not opened here and not closed. */
    readonly fabric?: LeadingFabric;
    readonly realm?: MemoryRealm;
    readonly engine?: MemoryFabricOptions;
  } = {},
): Promise<Served> {
  const { realm = createMemoryRealm(), engine = {}, fabric: running, ...rest } = options;
  const lines: Readonly<Record<string, unknown>>[] = [];
  const keep = (fields: Readonly<Record<string, unknown>>): void => void lines.push(fields);
  const fabric = running ?? (await openMemoryFabric(realm, engine));
  const http = await startHttp({
    fabric,
    witness: { checkpoint: async () => undefined, tile: async () => undefined },
    blobs: memoryBlobs(),
    log: { debug: () => undefined, info: keep, warn: keep, error: keep },
    port: 0,
    ...rest,
  });
  return {
    fabric,
    http,
    url: http.url,
    realm,
    operatorToken: realm.operatorToken,
    lines,
    size: () => realm.log.head.size,
    close: async () => {
      await http.close();
      if (running === undefined) await fabric.close();
    },
  };
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** One request on a connection of its own, with exactly these headers: `fetch` would correct them. */
export function send(
  url: string,
  options: {
    readonly method?: string;
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string | Uint8Array;
  },
): Promise<Answered> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        hostname,
        port,
        method: options.method ?? 'POST',
        path: options.path,
        headers: options.headers ?? {},
        agent: false,
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        );
        incoming.on('error', reject);
      },
    );
    let answered = false;
    outgoing.on('response', () => (answered = true));
    // A server that has answered may cut what is still being sent.
    outgoing.on('error', (cause) => (answered ? undefined : reject(cause)));
    outgoing.end(options.body);
  });
}

export const bearer = (token: string): { authorization: string } => ({
  authorization: `Bearer ${token}`,
});

/** Text of a WebSocket message, which ws hands over as one Buffer. */
export function textOf(data: unknown): string {
  if (!Buffer.isBuffer(data)) throw new TypeError('not a Buffer');
  return data.toString();
}
