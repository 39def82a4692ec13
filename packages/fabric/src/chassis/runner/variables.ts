/** The variables that a plugin keeps between calls of one session, bounded by number and bytes. */

export const VARIABLES_MAX = 1_000;
/** Bytes of all names and values, 1 MiB, as in Extism's own hosts. */
export const VARIABLE_BYTES_MAX = 1024 * 1024;

export interface Variables {
  get(name: string): Uint8Array | undefined;
  /** Keeps a copy. Throws where a bound would be crossed; what was kept stays. */
  set(name: string, value: Uint8Array): void;
  remove(name: string): void;
  clear(): void;
}

export const createVariables = (): Variables => {
  const values = new Map<string, Uint8Array>();
  let bytesKept = 0;

  const weigh = (name: string, value: Uint8Array | undefined): number =>
    value === undefined ? 0 : name.length * 2 + value.length;

  return {
    get: (name) => values.get(name),
    set(name, value) {
      const before = values.get(name);
      const bytes = bytesKept - weigh(name, before) + weigh(name, value);
      if (bytes > VARIABLE_BYTES_MAX)
        throw new RangeError(`variables of ${bytes} bytes; the limit is ${VARIABLE_BYTES_MAX}`);
      if (before === undefined && values.size >= VARIABLES_MAX)
        throw new RangeError(`${VARIABLES_MAX} variables are the limit`);
      values.set(name, value.slice());
      bytesKept = bytes;
    },
    remove(name) {
      bytesKept -= weigh(name, values.get(name));
      values.delete(name);
    },
    clear() {
      values.clear();
      bytesKept = 0;
    },
  };
};
