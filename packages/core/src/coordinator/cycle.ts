/**
 * The first cycle that a depth-first search meets, as the nodes along it with the first repeated at the end, or
 * undefined. Iterative, so that a chain of a million tasks does not exhaust the stack; O(nodes + edges).
 */
export const findCycle = (
  count: number,
  next: (node: number) => readonly number[],
  from?: readonly number[],
): number[] | undefined => {
  const NEW = 0;
  const OPEN = 1;
  const DONE = 2;
  const seen = new Uint8Array(count);
  const roots = from ?? Array.from({ length: count }, (_, i) => i);
  for (const root of roots) {
    if (seen[root] !== NEW) continue;
    const path: { readonly node: number; readonly rest: number[] }[] = [];
    const enter = (node: number): void => {
      seen[node] = OPEN;
      path.push({ node, rest: next(node).toReversed() });
    };
    enter(root);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const node = top.rest.pop();
      if (node === undefined) {
        seen[top.node] = DONE;
        path.pop();
      } else if (seen[node] === OPEN) {
        const nodes = path.map((step) => step.node);
        return [...nodes.slice(nodes.indexOf(node)), node];
      } else if (seen[node] === NEW) enter(node);
    }
  }
  return undefined;
};
