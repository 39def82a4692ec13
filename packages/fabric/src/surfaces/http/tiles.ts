import { reject } from '@infrafabric/protocol';
import { parseTilePath, TILE_WIDTH } from '@infrafabric/tlog';
import type { AppContext } from './app.ts';
import type { Parts } from './parts.ts';
import { problemResponse } from './problem.ts';

// The read side of C2SP tlog-tiles: a checkpoint that changes, and tiles that never do.

const IMMUTABLE = 'public, max-age=31536000, immutable';
/**
 * A partial tile of one width never changes either, but nobody asks for it once the log has grown
 * past it.
 */
const PARTIAL = 'public, max-age=300';

export async function serveCheckpoint(c: AppContext, { witness }: Parts): Promise<Response> {
  const note = await witness.checkpoint();
  if (note === undefined) {
    const rejection = reject('witness.unanchored', 'No checkpoint has been signed yet.');
    return problemResponse(rejection, { trace: c.env.trace });
  }
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' };
  return new Response(note, { headers });
}

export async function serveTile(c: AppContext, { witness }: Parts): Promise<Response> {
  const path = c.req.path.slice(1);
  // Only paths that C2SP writes reach the port: it may read them as names of files.
  const tile = parseTilePath(path);
  const bytes = tile === undefined ? undefined : await witness.tile(path);
  if (tile === undefined || bytes === undefined) {
    const rejection = reject('witness.no_such_entry', 'The log has no such tile.');
    return problemResponse(rejection, { trace: c.env.trace });
  }
  const width = tile.kind === 'tile' ? tile.tile.width : tile.width;
  return new Response(new Uint8Array(bytes), {
    headers: {
      'content-type': 'application/octet-stream',
      'cache-control': cacheControl(tile.kind, width),
    },
  });
}

function cacheControl(kind: 'tile' | 'bundle', width: number): string {
  const control = width === TILE_WIDTH ? IMMUTABLE : PARTIAL;
  // Entries were read with a credential: a shared cache must not give them to others.
  return kind === 'bundle' ? control.replace('public', 'private') : control;
}
