/** A process of a simulated world: a fabric that opens over the medium, in its own time. */
import {
  celConditions,
  openFabric,
  sha256Hex,
  type BlobStore,
  type Fabric,
  type Journal,
  type LeadingFabric,
  type Log,
  type Principal,
} from '@infrafabric/fabric';
import { RealmId } from '@infrafabric/protocol';
import { Buffer } from 'node:buffer';

import type { Random } from '../random.ts';
import type { SimCall } from './actors.ts';
import type { Doubles } from './doubles.ts';
import { SIM_GENESIS_LEAF, type Medium } from './media.ts';
import { ProcessClock } from './virtual-time.ts';

const REALM = RealmId.parse('main');
const ORIGIN = 'sim.local/ifab/main';
const SECRET = Buffer.alloc(32, 'simulated');
const SECRETS = { realm: SECRET, operatorTokenSha256: sha256Hex('ifo1.simulated') };
/** One for all worlds: it keeps nothing of them, and an environment of CEL is dear to make. */
const CONDITIONS = celConditions();
export const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };

export interface SimProcess {
  readonly clock: ProcessClock;
  /** `refused`: it did not open, and says why; `fatal`: it asks to be ended. */
  phase: 'opening' | 'open' | 'closing' | 'refused' | 'fatal' | 'dead';
  why: string;
  fabric: LeadingFabric | undefined;
  surface: Pick<Fabric, 'call'> | undefined;
  journal: Journal | undefined;
  /** Calls that came while it was stopped. */
  inbox: SimCall[];
}

/** What a process starts with. */
export interface ProcessParts {
  readonly world: { readonly nowMs: number };
  readonly medium: Medium;
  readonly blobs: BlobStore;
  readonly random: Random;
  readonly doubles: Doubles;
  readonly log: Log;
}

/** Starts one; it opens in turns that the simulator runs, and says in `phase` how that went. */
export function startProcess(parts: ProcessParts): SimProcess {
  const starting: SimProcess = {
    clock: new ProcessClock(parts.world, parts.doubles.clockLagMs),
    phase: 'opening',
    why: '',
    fabric: undefined,
    surface: undefined,
    journal: undefined,
    inbox: [],
  };
  open(starting, parts).catch((cause: unknown) => {
    if (starting.phase !== 'opening') return;
    starting.phase = 'refused';
    starting.why = String(cause);
  });
  return starting;
}

async function open(
  starting: SimProcess,
  { medium, blobs, random, doubles, log }: ProcessParts,
): Promise<void> {
  const journal = await medium.open();
  starting.journal = journal;
  const fabric = await openFabric({
    realm: REALM,
    origin: ORIGIN,
    version: '0',
    journal,
    blobs,
    secrets: SECRETS,
    genesisLeaf: SIM_GENESIS_LEAF,
    clock: starting.clock,
    random,
    log,
    conditions: CONDITIONS,
    onFatal: (fault) => {
      starting.phase = 'fatal';
      starting.why = String(fault);
    },
  });
  if (starting.phase !== 'opening') return;
  starting.fabric = fabric;
  starting.surface = doubles.surface?.(fabric, starting) ?? fabric;
  starting.phase = 'open';
}
