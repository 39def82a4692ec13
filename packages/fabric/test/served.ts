/** A fabric in memory behind its HTTP surface on a free port, for tests. */
import { memoryBlobs } from '../src/engine/blob-folder.ts';
import type { Clock } from '../src/engine/clock.ts';
import { createMemoryRealm, openMemoryFabric } from '../src/engine/open-memory.ts';
import type { LeadingFabric } from '../src/engine/open.ts';
import { silentLog } from '../src/engine/ports.ts';
import { startHttp } from '../src/surfaces/http/start-http.ts';
import { mountMcp } from '../src/surfaces/mcp/mount.ts';

export interface ServedOptions {
  readonly clock?: Clock;
  /** With MCP at its path. */
  readonly mcp?: true;
}

export async function served({ clock, mcp }: ServedOptions = {}) {
  const realm = createMemoryRealm();
  const fabric = await openMemoryFabric(realm, clock === undefined ? {} : { clock });
  const mounts = mcp === undefined ? [] : [mountMcp(fabric, { log: silentLog })];
  const none = (): Promise<undefined> => Promise.resolve(undefined);
  const http = await startHttp({
    fabric,
    witness: { checkpoint: none, tile: none },
    blobs: memoryBlobs(),
    log: silentLog,
    port: 0,
    mounts,
  });
  const end = async (): Promise<void> => {
    for (const mount of mounts) await mount.close();
    await http.close();
    await fabric.close();
  };
  return { realm, fabric, url: http.url, end };
}

/** The token of a session that an operator opens. */
export async function sessionToken(fabric: LeadingFabric, agent: string): Promise<string> {
  const principal = { cred: 'operator', name: 'operator', role: 'operator' } as const;
  const opened = await fabric.call('sessions.open', { agent }, { principal });
  if (opened.kind === 'reject') throw new Error(opened.detail);
  return String(Reflect.get(Object(opened.output), 'token'));
}
