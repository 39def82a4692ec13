import type { IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { Rejection } from '@infrafabric/protocol';
import type { Fabric, Principal } from '../../engine/fabric.ts';

/**
 * How long a stream or connection believes a credential before it asks again, ms. Shorter: a look
 * for nearly every call of a busy connection. Longer: a revoked session reads on for as long.
 * Writes are checked by the decision too.
 */
const BELIEVED_MS = 1_000;

export type Known = { readonly kind: 'ok'; readonly principal: Principal } | Rejection;

/** A credential that stays in use: checked now, and again when it was believed for long enough. */
export function createCredential(fabric: Fabric, bearer: string | undefined): () => Known {
  let known = fabric.authenticate(bearer);
  let checkedAt = performance.now();
  return () => {
    const now = performance.now();
    if (now - checkedAt >= BELIEVED_MS) {
      known = known.kind === 'ok' ? fabric.recheck(known.principal) : fabric.authenticate(bearer);
      checkedAt = now;
    }
    return known;
  };
}

/**
 * The credential of an `Authorization: Bearer` header; the scheme's case does not matter (RFC
 * 9110 §11.1).
 */
export function bearerOf(incoming: IncomingMessage): string | undefined {
  const match = /^bearer +(\S+) *$/i.exec(incoming.headers.authorization ?? '');
  return match?.[1];
}
