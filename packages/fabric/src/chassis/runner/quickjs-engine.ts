/**
 * QuickJS, compiled to WebAssembly, as a guest of the runner: JavaScript that nobody trusts runs on an interpreter that
 * is itself in a sandbox. Its bytes come from the host, because the jail holds one file only.
 *
 * Q1  Every run has an engine of its own, with a memory of zeros; it is made while no guest waits for it.
 * Q2  The engine's memory ends where the guest's limit does: its own limit (`JS_SetMemoryLimit`) counts allocations
 *     without their sizes in this build, so it would hold nothing.
 */
import QuickJsLoader from '@jitl/quickjs-wasmfile-release-sync/emscripten-module';
import { QuickJSFFI } from '@jitl/quickjs-wasmfile-release-sync/ffi';
import { QuickJSWASMModule } from 'quickjs-emscripten-core';
import type { EmscriptenModuleLoader, QuickJSEmscriptenModule } from 'quickjs-emscripten-core';
import { GuestTrap } from './guest.ts';
import { describeThrown } from './text.ts';

export interface QuickJs {
  /** Makes an engine with at most so many pages of memory, and again with as many as before. Never rejects. */
  prepare(pagesMax?: number): Promise<void>;
  /** The engine that was prepared; once. Throws a GuestTrap where there is none. */
  take(): QuickJSWASMModule;
}

/** Pages that the engine begins with, 16 MiB: emscripten's default, and the least that it can be linked with. */
export const ENGINE_PAGES_MIN = 256;

/** What emscripten's loader hands over, and takes back the instance by (its `instantiateWasm` hook). */
type OnInstance = (instance: WebAssembly.Instance, module: WebAssembly.Module) => unknown;
type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
type Loader = EmscriptenModuleLoader<QuickJSEmscriptenModule>;

/** The package types its module as CommonJS; it is an ES module, whose default export is the loader. */
const isLoader = (imported: unknown): imported is Loader => typeof imported === 'function';

/**
 * Instantiates here and now: doing so in the background would need threads (`--v8-pool-size=0` leaves none) and an event
 * loop (there is none). So all that is awaited below settles in microtasks.
 */
const instantiate = async (
  compiled: WebAssembly.Module,
  pagesMax: number,
): Promise<QuickJSWASMModule> => {
  const imported: unknown = QuickJsLoader;
  if (!isLoader(imported)) throw new TypeError('the engine has no loader');
  const emscripten = await imported({
    wasmMemory: new WebAssembly.Memory({ initial: ENGINE_PAGES_MIN, maximum: pagesMax }),
    instantiateWasm(imports: Imports, done: OnInstance) {
      const instance = new WebAssembly.Instance(compiled, imports);
      done(instance, compiled);
      return instance.exports;
    },
  });
  emscripten.type = 'sync';
  return new QuickJSWASMModule(emscripten, new QuickJSFFI(emscripten));
};

/** Compiles the engine. Rejects where the bytes are none. */
export const openEngine = async (bytes: Uint8Array): Promise<QuickJs> => {
  const compiled = new WebAssembly.Module(bytes);
  let pages = ENGINE_PAGES_MIN;
  let prepared: QuickJSWASMModule | undefined;
  let flaw = 'none was prepared';
  const prepare = async (pagesMax: number = pages): Promise<void> => {
    // The one before may go as soon as memory is short.
    prepared = undefined;
    pages = pagesMax;
    try {
      prepared = await instantiate(compiled, pages);
    } catch (thrown) {
      // No memory for it, most likely: the run that needs it is told.
      flaw = describeThrown(thrown);
    }
  };
  await prepare();
  if (prepared === undefined) throw new TypeError(flaw);
  return {
    prepare,
    take() {
      const engine = prepared;
      prepared = undefined;
      if (engine === undefined) throw new GuestTrap(`there is no JavaScript engine: ${flaw}`);
      return engine;
    },
  };
};
