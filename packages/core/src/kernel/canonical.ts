/**
 * JSON with the members of every object in the order of RFC 8785 (by UTF-16 code units), for values that the schemas
 * parsed. A leader holds what the schema made of a call, a replay what it read from the log: the same members in
 * another order. What is hashed, stored or compared is written by this function, so that the two agree.
 */
export const canonicalText = (value: object): string =>
  JSON.stringify(isInOrder(value) ? value : inOrder(value));

/** As all values are that were read from the log: looked at first, since it needs no copy of what may be a large state. */
const isInOrder = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isInOrder);
  let before = '';
  for (const key of Object.keys(value)) {
    if (key < before) return false;
    before = key;
  }
  return Object.values(value).every(isInOrder);
};

/** The value itself where its members stand in order already, as all do that were read from the log. */
const inOrder = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    const ordered = items.map(inOrder);
    return ordered.every((item, i) => item === items[i]) ? items : ordered;
  }
  const members: readonly (readonly [string, unknown])[] = Object.entries(value);
  let same = true;
  let before = '';
  const ordered = members.map(([key, member]) => {
    const inner = inOrder(member);
    same &&= inner === member && before <= key;
    before = key;
    return [key, inner] as const;
  });
  if (same) return value;
  return Object.fromEntries(ordered.toSorted(([a], [b]) => (a < b ? -1 : 1)));
};
