/**
 * Modules of node that take 5 to 12 ms each to come up: they are not imported but asked for when they are needed, or
 * when the runner has told that it stands and has nothing to do.
 */
type Crypto = ReturnType<typeof process.getBuiltinModule<'node:crypto'>>;

let loaded: Crypto | undefined;

/** `node:crypto`, brought up at the first call. */
export const crypto = (): Crypto => {
  loaded ??= process.getBuiltinModule('node:crypto');
  return loaded;
};
