/**
 * The runner's process: all that the jail holds beside node. It is bundled into one file (`../runner-file.ts`), resolves
 * nothing at run time, and speaks frames on its standard input and output.
 */
import { admitModule } from '../admission/index.ts';
import { meterModule } from '../fuel/index.ts';
import { crypto } from './builtins.ts';
import { PipeChannel, standardDescriptors } from './channel.ts';
import { probe } from './probe.ts';
import { openEngine } from './quickjs-engine.ts';
import { createRunner } from './serve.ts';
import { describeThrown } from './text.ts';

/** Exit code of a runner whose pipe or own code broke (EX_SOFTWARE of sysexits). Guests cannot cause it. */
const EXIT_BROKEN = 70;

// Nothing of ours extends them later; a guest that reached them would find them fixed.
for (const intrinsic of [Object, Array, Function, Promise, Map, Set, Uint8Array])
  Object.freeze(intrinsic.prototype);

// Standard output carries frames. What a library would print there, or to a terminal, goes nowhere.
const silent = (): undefined => undefined;
Object.assign(console, { log: silent, info: silent, debug: silent, warn: silent, error: silent });

const run = async (): Promise<void> => {
  try {
    await createRunner({
      channel: new PipeChannel(standardDescriptors),
      ready: { node: process.versions.node, v8: process.versions.v8 },
      admitModule,
      meterModule,
      openEngine,
      warm: () => void crypto(),
      probe,
    }).serve();
    process.exit(0);
  } catch (thrown) {
    process.stderr.write(`${describeThrown(thrown)}\n`);
    process.exit(EXIT_BROKEN);
  }
};

// Bundled as CommonJS, which boots 10 ms sooner and has no await of its own.
void run();
