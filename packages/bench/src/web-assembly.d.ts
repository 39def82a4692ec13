/** What the measurements use of the WebAssembly JavaScript API, which is in no library that this project compiles with. */
declare namespace WebAssembly {
  interface Module {
    readonly exports: unknown;
  }
  const Module: new (bytes: Uint8Array) => Module;
  class Instance {
    constructor(module: Module);
    readonly exports: Readonly<Record<string, unknown>>;
  }
}
