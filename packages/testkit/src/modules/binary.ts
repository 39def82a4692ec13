/** Writes WebAssembly binaries by hand: what no text format says, or only in more text than memory holds. */

export type Bytes = Uint8Array;

export const bytesOf = (...bytes: readonly number[]): Bytes => Uint8Array.from(bytes);

export const concat = (...parts: readonly Bytes[]): Bytes => joined(parts);

/** As `concat`, for more parts than a call has arguments. */
export const joined = (parts: readonly Bytes[]): Bytes => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

export const repeat = (part: Bytes, times: number): Bytes => {
  const repeated = new Uint8Array(part.length * times);
  for (let at = 0; at < repeated.length; at += part.length) repeated.set(part, at);
  return repeated;
};

/** Unsigned LEB128. */
export const u32 = (value: number): Bytes => {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 0x80;
    rest = Math.floor(rest / 0x80);
    bytes.push(rest === 0 ? low : low + 0x80);
  } while (rest > 0);
  return Uint8Array.from(bytes);
};

/** Signed LEB128. */
export const signed = (value: bigint): Bytes => {
  const bytes: number[] = [];
  for (let rest = value; ;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40)) {
      bytes.push(low);
      return Uint8Array.from(bytes);
    }
    bytes.push(low + 0x80);
  }
};

export const PREAMBLE: Bytes = bytesOf(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);

export const I32 = 0x7f;
export const I64 = 0x7e;

export const section = (id: number, ...parts: readonly Bytes[]): Bytes => {
  const content = concat(...parts);
  return concat(bytesOf(id), u32(content.length), content);
};

export const vector = (items: readonly Bytes[]): Bytes => concat(u32(items.length), joined(items));

export const text = (value: string): Bytes => {
  const bytes = new TextEncoder().encode(value);
  return concat(u32(bytes.length), bytes);
};

export const functionType = (
  parameters: readonly number[] = [],
  results: readonly number[] = [],
): Bytes =>
  concat(
    bytesOf(0x60),
    u32(parameters.length),
    Uint8Array.from(parameters),
    u32(results.length),
    Uint8Array.from(results),
  );

export const types = (...list: readonly Bytes[]): Bytes => section(1, vector(list));
export const functions = (...typeIndices: readonly number[]): Bytes =>
  section(3, vector(typeIndices.map((index) => u32(index))));

/** Exports a function, a table (1), a memory (2) or a global (3). */
export const exported = (name: string, index: number, kind = 0): Bytes =>
  concat(text(name), bytesOf(kind), u32(index));
export const exports = (...list: readonly Bytes[]): Bytes => section(7, vector(list));

/** A body: groups of locals, then instructions, to which the last `end` is added. */
export const body = (instructions: Bytes, locals: Bytes = u32(0)): Bytes => {
  const content = concat(locals, instructions, bytesOf(0x0b));
  return concat(u32(content.length), content);
};
export const localsOf = (count: number, type = I32): Bytes =>
  concat(u32(1), u32(count), bytesOf(type));
export const code = (...bodies: readonly Bytes[]): Bytes => section(10, vector(bodies));

export const moduleOf = (...sections: readonly Bytes[]): Bytes => concat(PREAMBLE, ...sections);

/** A module that exports one function without parameters and results as `run`. */
export const runModule = (instructions: Bytes, locals?: Bytes): Bytes =>
  moduleOf(
    types(functionType()),
    functions(0),
    exports(exported('run', 0)),
    code(body(instructions, locals)),
  );
