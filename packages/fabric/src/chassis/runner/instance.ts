/** An instance's exports, asked for by names that may be anything. */

export type ExportedFunction = (...words: (number | bigint)[]) => unknown;

const isFunction = (value: unknown): value is ExportedFunction => typeof value === 'function';

/** The export of that name if it is a function. V8 gives exports an object without a prototype. */
export const functionOf = (
  { exports }: WebAssembly.Instance,
  name: string,
): ExportedFunction | undefined => {
  const value = Object.hasOwn(exports, name) ? exports[name] : undefined;
  return isFunction(value) ? value : undefined;
};

export const memoryOf = ({ exports }: WebAssembly.Instance): WebAssembly.Memory | undefined => {
  const value = Object.hasOwn(exports, 'memory') ? exports['memory'] : undefined;
  return value instanceof WebAssembly.Memory ? value : undefined;
};

export const globalOf = (
  { exports }: WebAssembly.Instance,
  name: string,
): WebAssembly.Global | undefined => {
  const value = Object.hasOwn(exports, name) ? exports[name] : undefined;
  return value instanceof WebAssembly.Global ? value : undefined;
};

/**
 * What toolchains expect to be called once before anything else: `_initialize` of WASI reactors (LLVM), or the
 * constructors themselves; then Haskell's `hs_init(0, 0)`. The same order as Extism's hosts.
 */
export const initialize = (instance: WebAssembly.Instance): void => {
  (functionOf(instance, '_initialize') ?? functionOf(instance, '__wasm_call_ctors'))?.();
  functionOf(instance, 'hs_init')?.(0, 0);
};
