import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Section } from '@infrafabric/core';

export interface StateHash {
  /** `sha256:<64 hex>` */
  readonly digest: string;
  /** Slice hash of each room, hex: tells which room differs. */
  readonly rooms: ReadonlyMap<string, string>;
}

/**
 * The hash of a whole state: SHA-256 over `<room> <slice hash>⏎` in room order; a slice hash is SHA-256 over
 * `<section> <bytes>⏎<content>` of the room's sections in the order of their names. Sections are named `room/part`.
 */
export function stateHash(sections: readonly Section[]): StateHash {
  const byRoom = Map.groupBy(
    sections.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    ({ name }) => name.slice(0, name.indexOf('/')),
  );
  const rooms = new Map<string, string>();
  const whole = createHash('sha256');
  for (const [room, slices] of [...byRoom].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const slice = createHash('sha256');
    for (const { name, content } of slices) {
      slice.update(`${name} ${Buffer.byteLength(content)}\n`).update(content);
    }
    const hex = slice.digest('hex');
    rooms.set(room, hex);
    whole.update(`${room} ${hex}\n`);
  }
  return { digest: `sha256:${whole.digest('hex')}`, rooms };
}
