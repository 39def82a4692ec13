/**
 * A WebAssembly module, compiled once; an instance a run, or one for all runs of the session where the contract says so.
 *
 * W1  A fresh instance shares nothing with the one before: memory, globals and variables are new.
 * W2  An instance that trapped is not used again, whatever the contract says: its memory may be half written.
 */
import { plainText } from '../plain-text.ts';
import { endOfThrown, GuestExit, GuestTrap, LinkRefusal, OUTPUT_BYTES_MAX } from './guest.ts';
import type { Guest, LoadContext, RunEnd } from './guest.ts';
import { functionOf, globalOf, initialize, memoryOf } from './instance.ts';
import { callJson } from './json-abi.ts';
import { linkImports } from './links.ts';
import { PdkKernel } from './pdk-kernel.ts';
import { Wasi } from './wasi.ts';

interface Compiled {
  readonly module: WebAssembly.Module;
  /** The global that counts down, where the module is metered. */
  readonly meter?: Meter;
}

interface Meter {
  readonly name: string;
  readonly fuel: number;
  readonly start: string | undefined;
}

const compile = ({ header: { deterministic }, bytes, meterModule }: LoadContext): Compiled => {
  // Before any rewriting: the pass may turn an invalid module into a valid one (CHASSIS §11, case 41).
  if (!WebAssembly.validate(bytes)) throw new LinkRefusal('not a valid WebAssembly module');
  if (deterministic === undefined) return { module: new WebAssembly.Module(bytes) };
  const { fuel } = deterministic;
  const { bytes: metered, fuelExport: name, startExport: start } = meterModule(bytes, { fuel });
  return { module: new WebAssembly.Module(metered), meter: { name, fuel, start } };
};

/** How an Extism entrypoint or a WASI command ended: by returning a code, or by leaving. */
const endOfCode = (code: unknown, output: Uint8Array, message: string | undefined): RunEnd => {
  if (code === 0 || code === undefined || code === 0n)
    return message === undefined ? { kind: 'ok', output } : { kind: 'failed', message };
  return { kind: 'failed', message: message ?? `the module returned ${Number(code)}` };
};

const callCode = (instance: WebAssembly.Instance, entrypoint: string): unknown => {
  const run = functionOf(instance, entrypoint);
  if (run === undefined) throw new GuestTrap(`there is no function ${plainText(entrypoint)}`);
  try {
    return run();
  } catch (thrown) {
    if (thrown instanceof GuestExit) return thrown.code;
    throw thrown;
  }
};

interface Machine {
  readonly kernel: PdkKernel;
  readonly wasi: Wasi;
}

const callGuest = (
  { header: { abi } }: LoadContext,
  { kernel, wasi }: Machine,
  instance: WebAssembly.Instance,
  { entrypoint, input }: { readonly entrypoint: string; readonly input: Uint8Array },
): RunEnd => {
  if (abi === 'json') {
    const end = callJson(instance, entrypoint, input);
    wasi.finish();
    return end;
  }
  const code = callCode(instance, entrypoint);
  const written = wasi.finish();
  return abi === 'wasi'
    ? endOfCode(code, written, undefined)
    : endOfCode(code, kernel.output(), kernel.error());
};

const bounded = (end: RunEnd): RunEnd =>
  end.kind === 'ok' && end.output.length > OUTPUT_BYTES_MAX
    ? {
        kind: 'output',
        message: `an output of ${end.output.length} bytes; the limit is ${OUTPUT_BYTES_MAX}`,
      }
    : end;

/** Compiles and links; nothing of the module runs. Throws LinkRefusal, or what V8 throws for a module it cannot compile. */
export const loadWasm = (context: LoadContext): Guest => {
  const { header, link, ambient } = context;
  const { module, meter } = compile(context);
  const kernel = new PdkKernel(link, header.config);
  const wasi = new Wasi(link, ambient, header.abi === 'wasi' ? 'command' : 'library');
  let current: WebAssembly.Instance | undefined;
  const imports = linkImports(module, context, {
    kernel,
    wasi,
    memory: () => (current === undefined ? undefined : memoryOf(current)),
  });

  const fuelUsed = (): number => {
    if (meter === undefined || current === undefined) return 0;
    const left = globalOf(current, meter.name)?.value;
    return typeof left === 'bigint' ? meter.fuel - Number(left) : 0;
  };

  const stand = (): WebAssembly.Instance => {
    const kept = current;
    if (kept !== undefined && header.reuse === 'session') {
      const global = meter === undefined ? undefined : globalOf(kept, meter.name);
      if (global !== undefined && meter !== undefined) global.value = BigInt(meter.fuel);
      bindMemory(wasi, kept);
      return kept;
    }
    current = undefined;
    kernel.forgetVariables();
    const fresh = new WebAssembly.Instance(module, imports);
    current = fresh;
    bindMemory(wasi, fresh);
    if (meter?.start !== undefined) functionOf(fresh, meter.start)?.();
    // A command has its own beginning, in the entrypoint.
    if (header.abi !== 'wasi') initialize(fresh);
    return fresh;
  };

  return {
    exports: WebAssembly.Module.exports(module).map(({ name }) => name),
    run(entrypoint, input) {
      ambient.restart();
      link.restart();
      kernel.begin(input);
      wasi.begin(input);
      let end: RunEnd;
      let fuel: number;
      try {
        end = bounded(callGuest(context, { kernel, wasi }, stand(), { entrypoint, input }));
        fuel = fuelUsed();
      } catch (thrown) {
        end = endOfThrown(thrown);
        wasi.finish();
        fuel = fuelUsed();
        if (meter !== undefined && fuel > meter.fuel)
          end = { kind: 'fuel', message: `the fuel of ${meter.fuel} ran out` };
        current = undefined;
      }
      // Its memory is free to go while nothing runs (W1).
      if (header.reuse === 'run') current = undefined;
      return { end, fuelUsed: meter === undefined ? 0 : Math.min(fuel, meter.fuel) };
    },
  };
};

const bindMemory = (wasi: Wasi, instance: WebAssembly.Instance): void => {
  const memory = memoryOf(instance);
  if (memory !== undefined) wasi.bind(memory);
};
