/**
 * The contract of the journal port, as tests: one call for each adapter. L1–L4 stand at the head of fabric's
 * `ports/journal.ts`; each test names the law that it holds.
 */
import { Buffer } from 'node:buffer';
import type { Batch, Frame, Head, Journal } from '@infrafabric/fabric';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';

import {
  TEST_GENESIS_LEAF,
  appendNext,
  batchOf,
  entriesOf,
  leafOf,
  readAll,
  textEntries,
} from '../journal-batches.ts';

/** One log, and the journals that are opened over it. */
export interface JournalUnderTest {
  /** Opens the log, as a process does that starts. Journals opened before are closed or abandoned by then. */
  open(): Promise<Journal>;
  /** Ends the open journal as a crash does: what is not durable by `durability` is gone. Then `open` again. */
  crash(journal: Journal): Promise<void>;
  /** A second writer over the same log, where the adapter lets one exist at all. */
  openSecond?(): Promise<Journal>;
  dispose(): Promise<void>;
}

/** A new, empty log, opened with `TEST_GENESIS_LEAF`. */
export type JournalFactory = () => Promise<JournalUnderTest>;

/** The limits of the port, by value: a suite that imported them could not tell that they changed. */
const BATCH_BYTES_MAX = 524_288 - 60;
const ENTRY_BYTES_MAX = 65_535;
const BATCH_ENTRIES_MAX = 1_024;
const EMPTY: Head = { size: 0, leaf: TEST_GENESIS_LEAF, epoch: 0 };
const PAGE = { bytes: 65_536, frames: 100 };
const PROPERTY_RUNS = 25;

/** Declares the suite. Call it at the top of an integration test file. */
export function journalConformance(name: string, create: JournalFactory): void {
  const start = async (): Promise<{ log: JournalUnderTest; journal: Journal }> => {
    const log = await create();
    onTestFinished(() => log.dispose());
    return { log, journal: await log.open() };
  };

  describe(`journal ${name}`, () => {
    describe('L1: an append is one frame, all of its entries or none', () => {
      atomicity(start);
    });
    describe('L2: what was appended is as durable as the journal says', () => {
      durability(start);
    });
    describe('L3: an append elsewhere than at the end changes nothing', () => {
      guarding(start);
    });
    describe('L4: a reader sees durable frames, each once, in order', () => {
      reading(start);
      tailing(start);
    });
  });
}

type Start = () => Promise<{ log: JournalUnderTest; journal: Journal }>;

function atomicity(start: Start): void {
  test('an empty log has the head of the genesis leaf', async () => {
    const { journal } = await start();
    expect(journal.head()).toEqual(EMPTY);
    expect(await journal.read(0, PAGE)).toEqual([]);
  });

  test('entries come back as one frame, in order, byte for byte', async () => {
    const { journal } = await start();
    const entries = [Buffer.from('first'), Buffer.from([0, 255, 10]), Buffer.from('x'.repeat(999))];
    const answer = await journal.append(journal.head(), batchOf(entries, { epoch: 3 }));
    const head: Head = { size: 3, leaf: leafOf(Buffer.from('x'.repeat(999))), epoch: 3 };
    expect(answer).toEqual({ kind: 'appended', head });
    expect(journal.head()).toEqual(head);
    const frames = await journal.read(0, PAGE);
    expect(frames.map(frameNote)).toEqual([
      { first: 0, count: 3, epoch: 3, previousLeaf: TEST_GENESIS_LEAF },
    ]);
    expect(frames.flatMap(entriesOf)).toEqual(entries);
  });

  test('each frame names the leaf of the entry before it', async () => {
    const { journal } = await start();
    const heads = [journal.head()];
    for (const word of ['one', 'two', 'three']) {
      heads.push(await appendNext(journal, batchOf(textEntries(word, 2))));
    }
    const links = (await readAll(journal)).map(({ previousLeaf }) => previousLeaf);
    expect(links).toEqual(heads.slice(0, 3).map(({ leaf }) => leaf));
  });

  test('a frame of the largest size and one of the most entries go in and come back', async () => {
    const { journal } = await start();
    const whole = Math.floor(BATCH_BYTES_MAX / (ENTRY_BYTES_MAX + 2));
    const rest = BATCH_BYTES_MAX - whole * (ENTRY_BYTES_MAX + 2) - 2;
    const largest = [...textEntries('large', whole, ENTRY_BYTES_MAX), Buffer.alloc(rest, 0x2e)];
    await appendNext(journal, batchOf(largest));
    await appendNext(journal, batchOf(textEntries('many', BATCH_ENTRIES_MAX)));
    const frames = await readAll(journal);
    expect(frames.map(({ count }) => count)).toEqual([largest.length, BATCH_ENTRIES_MAX]);
    expect(sameEntries(frames, [...largest, ...textEntries('many', BATCH_ENTRIES_MAX)])).toBe(true);
  });

  const broken: Readonly<Record<string, (batch: Batch) => Batch>> = {
    'no entries': (batch) => ({ ...batch, count: 0, entries: Buffer.alloc(0) }),
    'a count that is not of its entries': (batch) => ({ ...batch, count: batch.count + 1 }),
    'an entry that ends behind the batch': (batch) => ({
      ...batch,
      entries: batch.entries.subarray(0, -1),
    }),
    'bytes behind the last entry': (batch) => ({
      ...batch,
      entries: Buffer.concat([batch.entries, Buffer.from('x')]),
    }),
    'an empty entry': (batch) => ({
      ...batch,
      count: batch.count + 1,
      entries: Buffer.concat([batch.entries, Buffer.alloc(2)]),
    }),
    'a leaf that is not of its last entry': (batch) => ({ ...batch, lastLeaf: TEST_GENESIS_LEAF }),
    'more bytes than a frame takes': () =>
      batchOf(textEntries('large', 9, ENTRY_BYTES_MAX - 2).map((entry) => entry)),
    'more entries than a frame takes': () => batchOf(textEntries('many', BATCH_ENTRIES_MAX + 1)),
    'an epoch that has ended': (batch) => ({ ...batch, epoch: 1 }),
  };
  test.each(Object.entries(broken))(
    'a batch with %s is a defect, and not in the log',
    async (_, of) => {
      const { journal } = await start();
      const head = await appendNext(journal, batchOf(textEntries('good', 2), { epoch: 2 }));
      const bad = of(batchOf(textEntries('bad', 2), { epoch: 2 }));
      await expect(journal.append(head, bad)).rejects.toThrow(Error);
      expect(journal.head()).toEqual(head);
      expect(await readAll(journal)).toHaveLength(1);
      await appendNext(journal, batchOf(textEntries('next', 1), { epoch: 2 }));
    },
  );

  test('a second append while one is under way is a defect, and the first one goes on', async () => {
    const { journal } = await start();
    const head = journal.head();
    const first = journal.append(head, batchOf(textEntries('first', 1)));
    await expect(journal.append(head, batchOf(textEntries('second', 1)))).rejects.toThrow(Error);
    expect((await first).kind).toBe('appended');
    expect(journal.head().size).toBe(1);
  });
}

function durability(start: Start): void {
  test('appended frames outlive a clean stop', async () => {
    const { log, journal } = await start();
    const head = await appendNext(journal, batchOf(textEntries('kept', 3), { epoch: 2 }));
    await journal.close();
    const again = await log.open();
    expect(again.head()).toEqual(head);
    expect(sameEntries(await readAll(again), textEntries('kept', 3))).toBe(true);
  });

  test('appended frames outlive a crash, and the log goes on behind them', async () => {
    const { log, journal } = await start();
    let open = journal;
    const written: Uint8Array[] = [];
    for (let life = 1; life <= 4; life += 1) {
      for (let i = 0; i < 8; i += 1) {
        const entries = textEntries(`life ${life} batch ${i}`, 1 + i, 700);
        await appendNext(open, batchOf(entries, { epoch: life, lone: i === 0 }));
        written.push(...entries);
      }
      const head = open.head();
      await log.crash(open);
      open = await log.open();
      expect(open.head()).toEqual(head);
      expect(sameEntries(await readAll(open), written)).toBe(true);
    }
  });

  test('the journal says how durable it is', async () => {
    const { journal } = await start();
    expect(['fsync', 'os', 'memory', 'unknown']).toContain(journal.durability);
  });

  test('property: any batches come back, whatever the lives between them', async () => {
    // Property: reading returns exactly what was appended. Method: random batches, each life ended by close or crash.
    const entry = fc.uint8Array({ minLength: 1, maxLength: 3_000 });
    const batch = fc.record({
      entries: fc.array(entry, { minLength: 1, maxLength: 12 }),
      end: fc.constantFrom('none', 'none', 'none', 'close', 'crash'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { maxLength: 15 }), async (batches) => {
        const { log, journal } = await start();
        let open = journal;
        const written: Uint8Array[] = [];
        for (const { entries, end } of batches) {
          await appendNext(open, batchOf(entries));
          written.push(...entries);
          if (end === 'none') continue;
          await (end === 'close' ? open.close() : log.crash(open));
          open = await log.open();
        }
        expect(sameEntries(await readAll(open, 4_096), written)).toBe(true);
        await open.close();
      }),
      { numRuns: PROPERTY_RUNS },
    );
  });
}

function guarding(start: Start): void {
  const wrong: Readonly<Record<string, (head: Head) => Head>> = {
    'an earlier size': (head) => ({ ...head, size: head.size - 1 }),
    'a later size': (head) => ({ ...head, size: head.size + 1 }),
    'another leaf': (head) => ({ ...head, leaf: TEST_GENESIS_LEAF }),
    'an earlier epoch': (head) => ({ ...head, epoch: head.epoch - 1 }),
    'the empty log': () => EMPTY,
  };
  test.each(Object.entries(wrong))('a head with %s is a conflict', async (_, of) => {
    const { log, journal } = await start();
    const head = await appendNext(journal, batchOf(textEntries('good', 2), { epoch: 5 }));
    const batch = batchOf(textEntries('late', 1), { epoch: 5 });
    expect(await journal.append(of(head), batch)).toEqual({ kind: 'conflict', head });
    expect(journal.head()).toEqual(head);
    expect((await journal.append(head, batch)).kind).toBe('appended');
    await log.crash(journal);
    const found = (await readAll(await log.open())).flatMap(entriesOf).map(String);
    expect(found).toEqual(['good 0', 'good 1', 'late 0']);
  });

  test('of two writers at one head one wins, and the other learns where the log ends', async (context) => {
    const { log, journal } = await start();
    if (log.openSecond === undefined) {
      context.skip('this adapter lets only one writer exist');
      return;
    }
    const second = await log.openSecond();
    const head = journal.head();
    const answers = await Promise.all([
      journal.append(head, batchOf(textEntries('one', 1))),
      second.append(head, batchOf(textEntries('two', 1))),
    ]);
    expect(answers.map(({ kind }) => kind).toSorted()).toEqual(['appended', 'conflict']);
    const [frame, ...more] = await readAll(journal);
    expect(more).toEqual([]);
    const winner = frame === undefined ? '' : String(entriesOf(frame)[0]);
    expect(winner).toBe(answers[0].kind === 'appended' ? 'one 0' : 'two 0');
    for (const answer of answers) expect(answer.head).toMatchObject({ size: 1 });
    await second.close();
  });
}

function reading(start: Start): void {
  const filled = async (): Promise<Journal> => {
    const { journal } = await start();
    for (let i = 0; i < 30; i += 1) {
      await appendNext(journal, batchOf(textEntries(`batch ${i}`, 10, 100)));
    }
    return journal;
  };

  test('a read begins with the frame that holds the position', async () => {
    const journal = await filled();
    for (const after of [0, 1, 9, 10, 155, 299]) {
      const [frame] = await journal.read(after, { bytes: 1, frames: 1 });
      expect(frame?.first).toBe(Math.floor(after / 10) * 10);
    }
    expect(await journal.read(300, PAGE)).toEqual([]);
    expect(await journal.read(10_000, PAGE)).toEqual([]);
  });

  test('limits of frames and bytes hold, and a frame above the bytes still comes', async () => {
    const journal = await filled();
    expect(await journal.read(0, { bytes: 1e6, frames: 3 })).toHaveLength(3);
    const frameBytes = 10 * 102;
    expect(await journal.read(0, { bytes: frameBytes * 2, frames: 99 })).toHaveLength(2);
    expect(await journal.read(0, { bytes: frameBytes * 2 + 1, frames: 99 })).toHaveLength(2);
    expect(await journal.read(0, { bytes: 1, frames: 99 })).toHaveLength(1);
  });

  test('reads beside an append see the frame whole or not at all', async () => {
    const { journal } = await start();
    for (let i = 0; i < 20; i += 1) {
      const before = journal.head().size;
      const append = appendNext(journal, batchOf(textEntries(`batch ${i}`, 20, 2_000)));
      const frames = await readAll(journal);
      await append;
      const size = frames.reduce((sum, { count }) => sum + count, 0);
      expect([before, before + 20]).toContain(size);
    }
  });

  test('what was read does not change when the log goes on', async () => {
    const { journal } = await start();
    await appendNext(journal, batchOf(textEntries('early', 2)));
    const [early] = await readAll(journal);
    for (let i = 0; i < 50; i += 1)
      await appendNext(journal, batchOf(textEntries('late', 50, 500)));
    expect(early === undefined ? [] : entriesOf(early).map(String)).toEqual(['early 0', 'early 1']);
  });
}

function tailing(start: Start): void {
  test('a tail gives what is there, waits, and gives what comes', async () => {
    const { journal } = await start();
    await appendNext(journal, batchOf(textEntries('before', 4)));
    const stop = new AbortController();
    const seen: number[] = [];
    const reader = (async () => {
      for await (const frame of journal.tail(0, stop.signal)) {
        seen.push(frame.first);
        if (frame.first + frame.count === 24) stop.abort();
      }
    })();
    for (let i = 0; i < 10; i += 1) await appendNext(journal, batchOf(textEntries('after', 2)));
    await reader;
    expect(seen).toEqual([0, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22]);
  });

  test('a tail resumes by position, and several read on their own', async () => {
    const { journal } = await start();
    for (let i = 0; i < 10; i += 1) await appendNext(journal, batchOf(textEntries('x', 3)));
    const firsts = await Promise.all([0, 3, 13, 27].map((after) => firstFrames(journal, after)));
    expect(firsts.map(([first]) => first)).toEqual([0, 3, 12, 27]);
    expect(firsts.map(({ length }) => length)).toEqual([10, 9, 6, 1]);
  });

  test('a tail is pulled: a reader that stops is owed nothing', async () => {
    const { journal } = await start();
    for (let i = 0; i < 5; i += 1) await appendNext(journal, batchOf(textEntries('x', 1)));
    for await (const frame of journal.tail(0, new AbortController().signal)) {
      expect(frame.first).toBe(0);
      break;
    }
    await appendNext(journal, batchOf(textEntries('x', 1)));
    expect(journal.head().size).toBe(6);
  });

  test('a waiting tail ends when its signal aborts', async () => {
    const { journal } = await start();
    const stop = new AbortController();
    const next = journal.tail(0, stop.signal)[Symbol.asyncIterator]().next();
    stop.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test('a waiting tail ends when the journal closes', async () => {
    const { journal } = await start();
    const next = journal.tail(0, new AbortController().signal)[Symbol.asyncIterator]().next();
    await journal.close();
    expect(await next).toEqual({ done: true, value: undefined });
  });
}

async function firstFrames(journal: Journal, after: number): Promise<readonly number[]> {
  const stop = new AbortController();
  const firsts: number[] = [];
  for await (const frame of journal.tail(after, stop.signal)) {
    firsts.push(frame.first);
    if (frame.first + frame.count === journal.head().size) stop.abort();
  }
  return firsts;
}

const frameNote = ({ first, count, epoch, previousLeaf }: Frame) => ({
  first,
  count,
  epoch,
  previousLeaf,
});

/** Compares without printing: a diff of half a megabyte helps nobody. */
function sameEntries(frames: readonly Frame[], expected: readonly Uint8Array[]): boolean {
  const found = frames.flatMap(entriesOf);
  return (
    found.length === expected.length &&
    found.every((entry, i) => entry.equals(expected[i] ?? EMPTY_BYTES))
  );
}

const EMPTY_BYTES = new Uint8Array();
