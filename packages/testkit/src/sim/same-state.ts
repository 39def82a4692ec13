/** One state however it was reached: the live world, the watched one and one from zero, by the hashes of their sections. */
import { evolve, type Section, type World } from '@infrafabric/core';
import { replay } from '@infrafabric/fabric';
import { createHash } from 'node:crypto';

import type { LogWatch } from './log-watch.ts';
import type { Machine } from './machine.ts';
import { SIM_GENESIS_LEAF } from './media.ts';

export interface StateParts {
  readonly machine: Machine;
  readonly watch: LogWatch;
  readonly sections: (world: World) => readonly Section[];
  readonly broken: (law: string) => never;
}

export class SameState {
  readonly #parts: StateParts;

  constructor(parts: StateParts) {
    this.#parts = parts;
  }

  /** Where one leader has decided what is in the log and no more, its memory is what the log folds to. */
  live(): void {
    const { machine, watch } = this.#parts;
    const view = machine.leader?.fabric?.leader.view();
    if (view === undefined || !('world' in view)) return;
    if (machine.former !== undefined || view.size !== watch.size) return;
    this.#same('the live world', view.world, 'the replayed one');
  }

  /** What a start would make of the log is what the leader has. */
  async replayed(): Promise<void> {
    const { machine, watch, broken } = this.#parts;
    const { leader, blobs } = machine;
    if (leader?.journal === undefined) return broken('a finished world without a leader');
    const source = { journal: leader.journal, blobs, genesisLeaf: SIM_GENESIS_LEAF };
    const { world, head } = await replay(source);
    if (head.size !== watch.size) broken(`W2: a replay sees ${head.size} entries of ${watch.size}`);
    this.#same('a world from zero', world, 'the watched one');
  }

  /** The state hash sees every room: one entry more, without any event, is another state of the realm. */
  hashCovers(): void {
    const { watch, broken } = this.#parts;
    const { world } = watch;
    const before = this.#hash(world).digest;
    const { size, at, epoch } = world.realm;
    const entry = { index: size, at, epoch, op: 'witness.record', args: {}, principal: 'nobody' };
    evolve(world, { ...entry, idem: 'never seen', events: [] });
    if (this.#hash(world).digest === before) broken('state: the hash does not see the realm');
  }

  #same(one: string, world: World, other: string): void {
    const [mine, watched] = [this.#hash(world), this.#hash(this.#parts.watch.world)];
    if (mine.digest === watched.digest) return;
    const differing = [...mine.parts].filter(
      ([name, digest]) => watched.parts.get(name) !== digest,
    );
    const names = differing.map(([name]) => name).join(', ');
    this.#parts.broken(`state: ${one} and ${other} differ in ${names}`);
  }

  #hash(world: World): SectionHashes {
    const parts = new Map<string, string>();
    const whole = createHash('sha256');
    for (const { name, content } of this.#parts.sections(world)) {
      const digest = createHash('sha256').update(content).digest('base64');
      parts.set(name, digest);
      whole.update(`${name} ${digest}\n`);
    }
    return { digest: whole.digest('base64'), parts };
  }
}

interface SectionHashes {
  readonly digest: string;
  readonly parts: ReadonlyMap<string, string>;
}
