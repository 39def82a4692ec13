/**
 * A JavaScript guest: a module whose exports, or a script whose global functions, are its entrypoints, each called with the
 * input parsed from JSON; what it returns, or its promise is fulfilled with, is the output as JSON.
 *
 * J1  Every run has an engine of its own, used once; `reuse: session` has no meaning here.
 * J2  No text of the guest's reaches the runner's own heap before its length was looked at.
 */
import type { QuickJSContext, QuickJSHandle, QuickJSRuntime } from 'quickjs-emscripten-core';
import { Scope } from 'quickjs-emscripten-core';
import { plainText } from '../plain-text.ts';
import { endOfThrown, GuestTrap, LinkRefusal, OUTPUT_BYTES_MAX, OutputOverflow } from './guest.ts';
import type { Guest, LoadContext, RunEnd } from './guest.ts';
import { JsHost } from './js-host.ts';
import { PRELUDE } from './js-prelude.ts';
import type { QuickJs } from './quickjs-engine.ts';
import { MESSAGE_BYTES_MAX } from './text.ts';

/**
 * Bytes of QuickJS's own stack: about 740 calls deep. Each takes a multiple of that of V8's stack (512 KiB), and where
 * that ends first the guest cannot catch it: the run ends.
 */
const STACK_BYTES_MAX = 128 * 1024;
/** What stack traces call it. */
const FILE_NAME = 'guest.js';
/**
 * Fuel of one call of the interrupt handler. QuickJS calls it every 10,000 loops and calls (`JS_INTERRUPT_COUNTER_INIT`);
 * it makes 2,000 (parsing JSON) to 150,000 (empty loops) of them a millisecond, which are 0.1 to 7.5 million units: as
 * many as metered WebAssembly counts (`host/module-load.ts`).
 */
const FUEL_PER_TICK = 10_000 * 50;

const decoder = new TextDecoder('utf-8', { fatal: true });

const sourceOf = (bytes: Uint8Array): string => {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new LinkRefusal('the script is not UTF-8');
  }
};

type SourceType = 'global' | 'module';

/** A guest threw: its own words. */
class GuestThrew extends Error {
  override readonly name = 'GuestThrew';
}

interface Stage {
  readonly context: QuickJSContext;
  readonly scope: Scope;
  /** The functions that the prelude keeps for the host. */
  readonly kept: QuickJSHandle;
}

const keptFunction = ({ context, scope, kept }: Stage, name: string): QuickJSHandle =>
  scope.manage(context.getProp(kept, name));

const describe = (stage: Stage, thrown: QuickJSHandle): string => {
  const { context, scope } = stage;
  const most = context.newNumber(MESSAGE_BYTES_MAX);
  const told = context.callFunction(
    keptFunction(stage, 'describe'),
    context.undefined,
    scope.manage(thrown),
    scope.manage(most),
  );
  if (told.error === undefined) return context.getString(scope.manage(told.value));
  told.error.dispose();
  // Out of memory, most likely: even telling failed.
  return 'something was thrown that cannot be told';
};

/** The value of what QuickJS did; what it threw is thrown with its words. */
const unwrap = (
  stage: Stage,
  result: ReturnType<QuickJSContext['callFunction']>,
): QuickJSHandle => {
  if (result.error !== undefined) throw new GuestThrew(describe(stage, result.error));
  return stage.scope.manage(result.value);
};

/** Runs promise jobs until none is left: a chain without an end is ended by the outer limits, or by fuel. */
const settle = (stage: Stage, runtime: QuickJSRuntime, value: QuickJSHandle): QuickJSHandle => {
  const { context, scope } = stage;
  const jobs = runtime.executePendingJobs();
  if (jobs.error !== undefined) throw new GuestThrew(describe(stage, jobs.error));
  const state = context.getPromiseState(value);
  if (state.type === 'pending') throw new GuestTrap('its promise never settled');
  if (state.type === 'rejected') throw new GuestThrew(describe(stage, state.error));
  return state.notAPromise === true ? value : scope.manage(state.value);
};

const entrypointOf = (
  { context, scope }: Stage,
  holder: QuickJSHandle,
  name: string,
): QuickJSHandle => {
  const found = scope.manage(context.getProp(holder, name));
  if (context.typeof(found) === 'function') return found;
  throw new GuestTrap(`there is no function ${plainText(name)}`);
};

const outputOf = (stage: Stage, value: QuickJSHandle): Uint8Array => {
  const { context, scope } = stage;
  const json = unwrap(
    stage,
    context.callFunction(keptFunction(stage, 'result'), context.undefined, value),
  );
  // A character is a byte at least (J2).
  const chars = context.getNumber(scope.manage(context.getProp(json, 'length')));
  if (chars > OUTPUT_BYTES_MAX) throw new OutputOverflow(chars);
  const output = Buffer.from(context.getString(json));
  if (output.length > OUTPUT_BYTES_MAX) throw new OutputOverflow(output.length);
  return output;
};

interface JsRun {
  readonly source: string;
  readonly type: SourceType;
  readonly entrypoint: string;
  readonly input: Uint8Array;
}

const evaluate = (
  runtime: QuickJSRuntime,
  host: JsHost,
  { source, type, entrypoint, input }: JsRun,
): Uint8Array =>
  Scope.withScope((scope) => {
    const context = scope.manage(runtime.newContext());
    const kept = host.install(context, scope, PRELUDE);
    const stage = { context, scope, kept };
    const namespace = settle(
      stage,
      runtime,
      unwrap(stage, context.evalCode(source, FILE_NAME, { type })),
    );
    const holder = type === 'module' ? namespace : context.global;
    const fn = entrypointOf(stage, holder, entrypoint);
    const json = scope.manage(context.newString(input.length === 0 ? 'null' : textOf(input)));
    const invoke = keptFunction(stage, 'invoke');
    const returned = unwrap(stage, context.callFunction(invoke, context.undefined, fn, json));
    return outputOf(stage, settle(stage, runtime, returned));
  });

const textOf = (input: Uint8Array): string => {
  try {
    return decoder.decode(input);
  } catch {
    throw new GuestTrap('the input is not UTF-8');
  }
};

/** What is wrong with the source as that kind; undefined where nothing is. Compiles, and runs nothing. */
const flawOf = (context: QuickJSContext, source: string, type: SourceType): string | undefined => {
  const result = context.evalCode(source, FILE_NAME, { type, compileOnly: true });
  if (result.error === undefined) {
    result.value.dispose();
    return undefined;
  }
  const message = context.getProp(result.error, 'message');
  const words = plainText(context.getString(message)).slice(0, MESSAGE_BYTES_MAX);
  message.dispose();
  result.error.dispose();
  return words;
};

/** A script where it reads as one, else a module: whose flaw is the one to tell. Throws LinkRefusal. */
const sourceTypeOf = (engine: QuickJs, source: string): SourceType => {
  const context = engine.take().newContext();
  if (flawOf(context, source, 'global') === undefined) return 'global';
  const flaw = flawOf(context, source, 'module');
  if (flaw === undefined) return 'module';
  throw new LinkRefusal(`not JavaScript: ${flaw}`);
};

/** Takes an engine; the next run needs another. Throws LinkRefusal where the source is not JavaScript in UTF-8. */
export const loadJs = ({ header, bytes, link, ambient }: LoadContext, engine: QuickJs): Guest => {
  const source = sourceOf(bytes);
  const type = sourceTypeOf(engine, source);
  const fuel = header.deterministic?.fuel;

  return {
    exports: header.entrypoints,
    run(entrypoint, input) {
      ambient.restart();
      link.restart();
      let ticks = 0;
      const outOfFuel = (): boolean => fuel !== undefined && ticks * FUEL_PER_TICK > fuel;
      const host = new JsHost(link, ambient, { seeded: fuel !== undefined });
      let end: RunEnd;
      try {
        const runtime = engine.take().newRuntime();
        runtime.setMaxStackSize(STACK_BYTES_MAX);
        runtime.setInterruptHandler(() => {
          ticks += 1;
          return outOfFuel();
        });
        end = { kind: 'ok', output: evaluate(runtime, host, { source, type, entrypoint, input }) };
      } catch (thrown) {
        end =
          thrown instanceof GuestThrew
            ? { kind: 'trapped', message: thrown.message }
            : endOfThrown(thrown);
      }
      // A guest that caught it does not keep a runner going whose host is gone.
      const gone = host.broken();
      if (gone !== undefined) throw gone;
      if (fuel === undefined) return { end, fuelUsed: 0 };
      if (outOfFuel()) end = { kind: 'fuel', message: `the fuel of ${fuel} ran out` };
      return { end, fuelUsed: Math.min(ticks * FUEL_PER_TICK, fuel) };
    },
  };
};
