/** Foreign ids as task keys. Most fit as they are; the rest are made to fit, always the same way. */
import { TaskKey } from '@infrafabric/protocol';

const KEY_CHARS_MAX = 96;
const SUFFIX_CHARS = 9;

/** 32-bit FNV-1a over UTF-16 units: it only has to tell apart ids of one plan that came out alike. */
const shortHash = (text: string): string => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1)
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, '0');
};

/** @returns for each id its key. Should two come out alike after all, the plan is refused for naming one task twice. */
export const taskKeysFor = (ids: readonly string[]): ReadonlyMap<string, string> => {
  const keys = new Map<string, string>();
  const taken = new Set(ids.filter((id) => TaskKey.safeParse(id).success));
  for (const id of ids) {
    if (taken.has(id)) {
      keys.set(id, id);
      continue;
    }
    const plain = id.replaceAll(/[^A-Za-z0-9._:-]+/g, '_').replace(/^[^A-Za-z0-9]+/, '');
    // The hash is always there, not only after a clash: a key must not depend on which other rows the file holds.
    const key = `${(plain === '' ? 'id' : plain).slice(0, KEY_CHARS_MAX - SUFFIX_CHARS)}-${shortHash(id)}`;
    keys.set(id, key);
  }
  return keys;
};
