/**
 * The process that is killed: 64 callers always waiting, group commit, an acknowledgement on stdout only when the
 * journal has answered. Lines: `pid <pid>`, `ready <size>`, `<index> <leaf>` for each acknowledged entry, `refused <code>` when an
 * append was refused and will be tried again, `ended <code>` before an exit of its own.
 *
 *   writer.ts <folder> <seed> [durability=fsync|os] [pauseMs]
 */
import { Buffer } from 'node:buffer';
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { openFileJournal } from '../../packages/fabric/src/adapters/journal-file/journal.ts';
import { Fault } from '../../packages/fabric/src/fault.ts';
import type { Batch, Head } from '../../packages/fabric/src/ports/journal.ts';
import { GENESIS_LEAF, claimEntry, leafOf } from './entries.ts';

const IN_FLIGHT = 64;
const REFUSED_PAUSE_MS = 20;
/** sysexits.h EX_TEMPFAIL: the supervisor starts the process again. */
const EXIT_RESTART = 75;
/** The folder cannot be led by this process. */
const EXIT_REFUSED = 3;

const [folder = '', seedText = '1', durabilityText = 'fsync', pauseText = '0'] =
  process.argv.slice(2);
const pauseMs = Number(pauseText);
let random = Number(seedText);

/** Park and Miller, "Random number generators: good ones are hard to find" (1988); enough to vary batches. */
function below(limit: number): number {
  random = (random * 48_271) % 2_147_483_647;
  return random % limit;
}

function say(text: string): void {
  const bytes = Buffer.from(text);
  let done = 0;
  while (done < bytes.length) done += writeSync(1, bytes, done);
}

interface Flight {
  readonly batch: Batch;
  readonly acknowledgements: string;
}

function flightFrom(head: Head, epoch: number): Flight {
  const count = 1 + below(IN_FLIGHT);
  const parts: Buffer[] = [];
  let leaf = head.leaf;
  let acknowledgements = '';
  for (let index = head.size; index < head.size + count; index += 1) {
    const entry = claimEntry(index, leaf, epoch);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(entry.length);
    parts.push(length, entry);
    leaf = leafOf(entry);
    acknowledgements += `${index} ${leaf}\n`;
  }
  const lone = count === 1;
  return {
    batch: { epoch, count, entries: Buffer.concat(parts), lastLeaf: leaf, lone },
    acknowledgements,
  };
}

async function write(): Promise<void> {
  say(`pid ${process.pid}\n`);
  const durability = durabilityText === 'os' ? 'os' : 'fsync';
  const journal = await openFileJournal({ folder, genesisLeaf: GENESIS_LEAF, durability });
  const epoch = journal.head().epoch + 1;
  say(`ready ${journal.head().size}\n`);
  for (;;) {
    const { batch, acknowledgements } = flightFrom(journal.head(), epoch);
    try {
      const answer = await journal.append(journal.head(), batch);
      say(answer.kind === 'appended' ? acknowledgements : 'ended conflict\n');
    } catch (cause) {
      if (!(cause instanceof Fault) || !cause.transient) throw cause;
      say(`refused ${cause.code}\n`);
      await sleep(REFUSED_PAUSE_MS);
    }
    if (pauseMs > 0) await sleep(pauseMs);
  }
}

try {
  await write();
} catch (cause) {
  const code = cause instanceof Fault ? cause.code : 'internal';
  say(`ended ${code}\n`);
  if (code === 'internal') console.error(cause);
  process.exit(code === 'log.locked' || code === 'log.damaged' ? EXIT_REFUSED : EXIT_RESTART);
}
