/** The variables that a plugin keeps between calls of one session, bounded by number and bytes. */

export const VARIABLES_MAX = 1_000;
/** Bytes of all names and values, 1 MiB, as in Extism's own hosts. */
export const VARIABLE_BYTES_MAX = 1024 * 1024;

const weigh = (name: string, value: Uint8Array | undefined): number =>
  value === undefined ? 0 : name.length * 2 + value.length;

export class Variables {
  readonly #values = new Map<string, Uint8Array>();
  #bytes = 0;

  get(name: string): Uint8Array | undefined {
    return this.#values.get(name);
  }

  /** Keeps a copy. Throws a RangeError where a bound would be crossed; what was kept stays. */
  set(name: string, value: Uint8Array): void {
    const before = this.#values.get(name);
    const bytes = this.#bytes - weigh(name, before) + weigh(name, value);
    if (bytes > VARIABLE_BYTES_MAX)
      throw new RangeError(`variables of ${bytes} bytes; the limit is ${VARIABLE_BYTES_MAX}`);
    if (before === undefined && this.#values.size >= VARIABLES_MAX)
      throw new RangeError(`${VARIABLES_MAX} variables are the limit`);
    this.#values.set(name, value.slice());
    this.#bytes = bytes;
  }

  remove(name: string): void {
    this.#bytes -= weigh(name, this.#values.get(name));
    this.#values.delete(name);
  }

  clear(): void {
    this.#values.clear();
    this.#bytes = 0;
  }
}
