/**
 * From task id to index: open addressing over a table of indexes, with FNV-1a over the id's code units. It holds four
 * bytes a slot and no second copy of the ids; a `Map` of a million strings takes five times as much.
 */
import { must } from '../kernel/decision.ts';
import { cell } from './columns.ts';

export interface TaskIndex {
  table: Int32Array;
  count: number;
}

const EMPTY = 0;

const idAt = (ids: readonly string[], at: number): string => must(ids[at], 'an index of no task');

export const createTaskIndex = (): TaskIndex => ({ table: new Int32Array(64), count: 0 });

const hashOf = (id: string): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i += 1) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return hash ^ (hash >>> 15);
};

/** Index of the id, or -1. */
export const lookUp = (index: TaskIndex, ids: readonly string[], id: string): number => {
  const mask = index.table.length - 1;
  for (let slot = hashOf(id) & mask; ; slot = (slot + 1) & mask) {
    const stored = cell(index.table, slot);
    if (stored === EMPTY) return -1;
    if (ids[stored - 1] === id) return stored - 1;
  }
};

/** Adds `ids[at]`, which must not be in the table. Grows at three quarters full, so a probe stays short. */
export const addToIndex = (index: TaskIndex, ids: readonly string[], at: number): void => {
  if ((index.count + 1) * 4 > index.table.length * 3) {
    const old = index.table;
    index.table = new Int32Array(old.length * 2);
    for (const stored of old)
      if (stored !== EMPTY) place(index.table, idAt(ids, stored - 1), stored);
  }
  index.count += 1;
  place(index.table, idAt(ids, at), at + 1);
};

const place = (table: Int32Array, id: string, stored: number): void => {
  const mask = table.length - 1;
  let slot = hashOf(id) & mask;
  while (table[slot] !== EMPTY) slot = (slot + 1) & mask;
  table[slot] = stored;
};
