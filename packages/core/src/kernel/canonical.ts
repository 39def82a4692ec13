/**
 * JSON with the members of every object in the order of RFC 8785 (by UTF-16 code units), for values that the schemas
 * parsed. A leader holds what the schema made of a call, a replay what it read from the log: the same members in
 * another order. What is hashed, stored or compared is written by this function, so that the two agree.
 */
export const canonicalText = (value: object): string => JSON.stringify(inOrder(value));

/**
 * The value with its members in order. What stands in order already, as all does that was read from the log, is given
 * back as it is: it may be most of a large state, and is not copied.
 */
export const inOrder = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return itemsInOrder(value);
  const keys = Object.keys(value);
  const members: readonly unknown[] = Object.values(value);
  const ordered = itemsInOrder(members);
  if (ordered === members && isAscending(keys)) return value;
  const pairs = keys.map((key, i) => [key, ordered[i]] as const);
  return Object.fromEntries(pairs.toSorted(([a], [b]) => (a < b ? -1 : 1)));
};

const itemsInOrder = (items: readonly unknown[]): readonly unknown[] => {
  let copy: unknown[] | undefined;
  for (let i = 0; i < items.length; i += 1) {
    const ordered = inOrder(items[i]);
    if (ordered !== items[i]) (copy ??= [...items])[i] = ordered;
  }
  return copy ?? items;
};

const isAscending = (keys: readonly string[]): boolean => {
  let before = '';
  for (const key of keys) {
    if (key < before) return false;
    before = key;
  }
  return true;
};
