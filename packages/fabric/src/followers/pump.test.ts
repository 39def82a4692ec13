import { describe, expect, test } from 'vitest';

import { openMemoryJournal } from '../adapters/journal-memory/journal.ts';
import { MemoryLog } from '../adapters/journal-memory/log.ts';
import { ManualClock } from '../engine/clock.ts';
import { Fault } from '../fault.ts';
import type { Position } from '../ports/journal.ts';
import { recordSample } from '../witness/sample-log.ts';
import { sampleLogKey } from '../witness/sample-realm.ts';
import { Pump, type FrameReader, type Moved } from './pump.ts';

const key = sampleLogKey(1);
const ENTRIES = 120;

interface Follower extends Moved {
  readonly taken: number[];
  fail: (() => void) | undefined;
  failPause: (() => void) | undefined;
}

function follower(name: Moved['name'], at: Position = 0): Follower {
  let position = at;
  const one: Follower = {
    name,
    wants: name === 'tree' ? 'leaves' : 'entries',
    taken: [],
    fail: undefined,
    failPause: undefined,
    position: () => position,
    take: (frame, entries) => {
      one.fail?.();
      one.taken.push(...entries.map(({ index }) => index));
      position = frame.after.size;
    },
    paused: () => one.failPause?.(),
  };
  return one;
}

async function bench(moved: readonly Follower[], read?: FrameReader['read']) {
  const journal = openMemoryJournal({ log: new MemoryLog(key.genesisLeaf) });
  const digest = `sha256:${'0'.repeat(64)}` as never;
  await recordSample({
    journal,
    blobs: { put: () => Promise.resolve(digest), get: () => Promise.resolve(undefined) },
    origin: key.origin,
    entries: ENTRIES,
    seed: 5,
    frameEntries: 7,
  });
  const clock = new ManualClock();
  const faults: unknown[] = [];
  const stored: FrameReader['read'] = async (after, limit, upTo) =>
    (await journal.read(after, limit)).filter(({ first }) => first < upTo);
  const pump = new Pump({
    reader: { read: read ?? stored, close: () => undefined },
    readBlob: () => Promise.resolve(undefined),
    clock,
    moved,
    onFault: (name, cause) => faults.push([name, cause instanceof Fault ? cause.code : cause]),
  });
  return { pump, clock, faults, stored, size: journal.head().size };
}

const indices = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

test('U2: each follower gets the entries from where it stands, however they stand', async () => {
  const tree = follower('tree');
  const fold = follower('fold', 90);
  const index = follower('index', 93);
  const { pump, size, faults } = await bench([tree, fold, index]);
  pump.told(size);
  await pump.reached(size);
  expect(faults).toEqual([]);
  expect(fold.taken).toEqual(indices(90, size));
  expect(index.taken).toEqual(indices(93, size));
  expect([tree.position(), pump.durable]).toEqual([size, size]);
});

describe('what was said', () => {
  test('of no more than is known, or after the end, moves nobody', async () => {
    const tree = follower('tree');
    const { pump, size } = await bench([tree]);
    pump.told(0);
    await pump.reached(size);
    await pump.close();
    pump.told(size);
    await pump.drain();
    expect([tree.position(), pump.durable]).toEqual([0, 0]);
  });

  test('is what the age is counted from, until it was taken', async () => {
    const tree = follower('tree');
    const { pump, clock, size } = await bench([tree]);
    pump.told(1);
    clock.advance(500);
    pump.told(size);
    clock.advance(200);
    expect(pump.behindMs('tree')).toBe(700);
    await pump.reached(size);
    expect(pump.behindMs('tree')).toBe(0);
  });
});

describe('U3: a follower that fails stands still, and the others go on', () => {
  const transient = () => {
    throw new Fault('log.full', { transient: true, detail: 'scripted' });
  };
  const busy = () => {
    throw Object.assign(new Error('busy'), { code: 'EBUSY' });
  };
  const defect = () => {
    throw new TypeError('scripted');
  };

  test.each([
    ['in taking, for a fault that may pass', 'fail', transient, true],
    ['in taking, for an error of the system', 'fail', busy, true],
    ['in taking, for a defect', 'fail', defect, false],
    ['in pausing, for a fault that may pass', 'failPause', transient, true],
    ['in pausing, for a defect', 'failPause', defect, false],
  ] as const)('%s', async (_what, where, fail, passes) => {
    const tree = follower('tree');
    const index = follower('index');
    const { pump, clock, faults, size } = await bench([tree, index]);
    index[where] = fail;
    pump.told(5);
    await pump.reached(5);
    const stoodAt = index.position();
    expect([tree.position() >= 5, faults.length]).toEqual([true, 1]);
    index[where] = undefined;
    clock.advance(1_000);
    pump.told(size);
    await pump.reached(size);
    expect([tree.position(), index.position()]).toEqual([size, passes ? size : stoodAt]);
    expect(faults).toHaveLength(1);
  });

  test('after its rest it goes on from where it stood', async () => {
    const tree = follower('tree');
    const index = follower('index');
    const { pump, clock, faults, size } = await bench([tree, index]);
    index.fail = transient;
    pump.told(size);
    await pump.reached(size);
    expect([tree.position(), index.position(), faults]).toEqual([size, 0, [['index', 'log.full']]]);
    index.fail = undefined;
    clock.advance(999);
    await pump.reached(size);
    expect(index.position()).toBe(0);
    clock.advance(1);
    await pump.reached(size);
    expect(index.taken).toEqual(indices(0, size));
  });

  test('who stopped for good stays behind and grows older, the others are in step', async () => {
    const tree = follower('tree');
    const index = follower('index');
    const { pump, clock, size } = await bench([tree, index]);
    index.fail = defect;
    for (let told = 10; told < size; told += 10) {
      pump.told(told);
      await pump.drain();
      clock.advance(1_000);
    }
    expect([pump.behindMs('tree'), pump.behindMs('index')]).toEqual([0, 11_000]);
    clock.advance(5_000);
    expect([pump.behindMs('tree'), pump.behindMs('index')]).toEqual([0, 16_000]);
  });

  test('who stopped over the last that was said is behind since then', async () => {
    const tree = follower('tree');
    const { pump, clock, size } = await bench([tree]);
    pump.told(10);
    await pump.drain();
    // Within the least time between two samples.
    clock.advance(10);
    tree.fail = defect;
    pump.told(size);
    await pump.drain();
    clock.advance(7_000);
    expect(pump.behindMs('tree')).toBe(7_000);
  });

  test('after its rest it is behind until it has taken what was said meanwhile', async () => {
    const tree = follower('tree');
    const index = follower('index');
    const { pump, clock, size } = await bench([tree, index]);
    index.fail = transient;
    for (let told = 10; told <= 50; told += 10) {
      pump.told(told);
      // While the other one rests.
      await pump.reached(told);
      expect(tree.position()).toBeGreaterThanOrEqual(told);
      clock.advance(150);
    }
    expect([pump.behindMs('tree'), pump.behindMs('index')]).toEqual([0, 750]);
    index.fail = undefined;
    clock.advance(1_000);
    expect(pump.behindMs('index')).toBe(1_750);
    pump.told(size);
    await pump.reached(size);
    expect([pump.behindMs('tree'), pump.behindMs('index')]).toEqual([0, 0]);
    clock.advance(1_000);
    expect(pump.behindMs('index')).toBe(0);
  });

  test('a defect ends it: no rest helps', async () => {
    const tree = follower('tree');
    const index = follower('index');
    const { pump, clock, size } = await bench([tree, index]);
    index.fail = defect;
    pump.told(size);
    await pump.reached(size);
    index.fail = undefined;
    expect(clock.timers).toBe(0);
    clock.advance(10_000);
    await pump.reached(size);
    expect([tree.position(), index.position()]).toEqual([size, 0]);
  });
});

describe('the journal', () => {
  test('that cannot be read now is read again after a rest', async () => {
    const tree = follower('tree');
    let failing = true;
    const { pump, clock, faults, stored, size } = await bench([tree], (after, limit, upTo) =>
      failing
        ? Promise.reject(Object.assign(new Error('io'), { code: 'EIO' }))
        : stored(after, limit, upTo),
    );
    pump.told(size);
    await pump.reached(size);
    expect([tree.position(), faults.length]).toEqual([0, 1]);
    failing = false;
    clock.advance(1_000);
    await pump.reached(size);
    expect(tree.position()).toBe(size);
  });

  test('that has nothing where the leader says that it does is damaged: nobody moves any more', async () => {
    const tree = follower('tree');
    const { pump, clock, faults, size } = await bench([tree], () => Promise.resolve([]));
    pump.told(size);
    await pump.reached(size);
    expect(faults).toEqual([['journal', 'log.damaged']]);
    expect(clock.timers).toBe(0);
    pump.told(size + 1);
    await pump.drain();
    expect(faults).toHaveLength(1);
  });

  test('is left alone once the pump is closed, also in the middle of its rounds', async () => {
    const tree = follower('tree');
    const fold = follower('fold', 100);
    const reads: number[] = [];
    const { pump, stored, size } = await bench([tree, fold], async (after, limit, upTo) => {
      reads.push(after);
      void pump.close();
      return stored(after, limit, upTo);
    });
    pump.told(size);
    await pump.drain();
    expect(reads).toEqual([100]);
    expect([fold.position(), tree.position()]).toEqual([size, 0]);
  });
});
