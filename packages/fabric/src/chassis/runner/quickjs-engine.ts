/**
 * QuickJS, compiled to WebAssembly, as a guest of the runner: JavaScript that nobody trusts runs on an interpreter that
 * is itself in a sandbox. Its bytes come from the host, because the jail holds one file only.
 */
import QuickJsLoader from '@jitl/quickjs-wasmfile-release-sync/emscripten-module';
import { QuickJSFFI } from '@jitl/quickjs-wasmfile-release-sync/ffi';
import { QuickJSWASMModule } from 'quickjs-emscripten-core';
import type { EmscriptenModuleLoader, QuickJSEmscriptenModule } from 'quickjs-emscripten-core';

export interface QuickJs {
  /** The engine as it stands. */
  current(): QuickJSWASMModule;
  /** It trapped within: what lies in its memory cannot be trusted. Use `renew` before the next run. */
  spoil(): void;
  readonly spoiled: boolean;
  /** A fresh engine of the same bytes. */
  renew(): Promise<void>;
}

/** What emscripten's loader hands over, and takes back the instance by (its `instantiateWasm` hook). */
type OnInstance = (instance: WebAssembly.Instance, module: WebAssembly.Module) => unknown;
type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The package types its module as CommonJS; it is an ES module, whose default export is the loader. */
const isLoader = (imported: unknown): imported is EmscriptenModuleLoader<QuickJSEmscriptenModule> =>
  typeof imported === 'function';

/**
 * Compiles here and now: compiling in the background would need threads (`--v8-pool-size=0` leaves none) and an event
 * loop (there is none). So all that is awaited below settles in microtasks.
 */
const instantiate = async (compiled: WebAssembly.Module): Promise<QuickJSWASMModule> => {
  const imported: unknown = QuickJsLoader;
  if (!isLoader(imported)) throw new TypeError('the engine has no loader');
  const emscripten = await imported({
    instantiateWasm(imports: Imports, done: OnInstance) {
      const instance = new WebAssembly.Instance(compiled, imports);
      done(instance, compiled);
      return instance.exports;
    },
  });
  emscripten.type = 'sync';
  return new QuickJSWASMModule(emscripten, new QuickJSFFI(emscripten));
};

/** Rejects where the bytes are no such engine. */
export const openEngine = async (bytes: Uint8Array): Promise<QuickJs> => {
  const compiled = new WebAssembly.Module(bytes);
  let engine = await instantiate(compiled);
  let spoiled = false;
  return {
    current: () => engine,
    spoil() {
      spoiled = true;
    },
    get spoiled() {
      return spoiled;
    },
    async renew() {
      engine = await instantiate(compiled);
      spoiled = false;
    },
  };
};
