import { genesisLeaf } from '@infrafabric/tlog';
import { hash } from 'node:crypto';
import { expect, test } from 'vitest';

import { acknowledged, EscalationLog, other, raised } from '../../test/escalation-log.ts';
import { openMemoryJournal } from '../adapters/journal-memory/journal.ts';
import { MemoryLog } from '../adapters/journal-memory/log.ts';
import { ManualClock } from '../engine/clock.ts';
import type { Log } from '../engine/ports.ts';
import { undelivered, type Notice, type Notifier } from '../ports/notifier.ts';
import type { CursorStore } from './cursors.ts';
import { startNotifications, type Notifications } from './notifications.ts';
import { WAITING_MAX, type Progress } from './outbox.ts';
import { ATTEMPTS_MAX, DELIVERY_MS_MAX, RETRY_MS, STOP_MS_MAX } from './retry.ts';

const GENESIS = genesisLeaf((bytes) => hash('sha256', bytes, 'base64'), {
  origin: 'test.local/ifab/main',
  vkey: 'memory',
});

/** The largest jitter: pauses are what they are at most. */
const random = { bytes: (count: number) => new Uint8Array(count).fill(255) };

/** Lets everything happen that is ready; a fixed number of turns, because nothing of the test waits for the machine. */
const settle = async (turns = 60): Promise<void> => {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

type Line = Readonly<Record<string, unknown>>;

class Lines implements Log {
  readonly all: Line[] = [];
  debug = (fields: Line): void => void this.all.push({ level: 'debug', ...fields });
  info = (fields: Line): void => void this.all.push({ level: 'info', ...fields });
  warn = (fields: Line): void => void this.all.push({ level: 'warn', ...fields });
  error = (fields: Line): void => void this.all.push({ level: 'error', ...fields });

  of(event: string): readonly Line[] {
    return this.all.filter((line) => line['event'] === event);
  }
}

class MemoryCursors implements CursorStore {
  readonly saved = new Map<string, Progress>();
  saves = 0;
  failing = false;

  load(name: string): Promise<Progress | undefined> {
    return Promise.resolve(this.saved.get(name));
  }

  save(name: string, progress: Progress): Promise<void> {
    if (this.failing) return Promise.reject(new Error('ENOSPC'));
    this.saves += 1;
    this.saved.set(name, structuredClone(progress));
    return Promise.resolve();
  }
}

/** A receiver that does what the test says and remembers what it was given. */
class Receiver implements Notifier {
  readonly name: string;
  readonly got: Notice[] = [];
  attempts = 0;
  next: (notice: Notice, signal: AbortSignal) => Promise<void> = () => Promise.resolve();

  constructor(name = 'test') {
    this.name = name;
  }

  get ids(): readonly string[] {
    return this.got.map(({ id }) => id);
  }

  async deliver(notice: Notice, signal: AbortSignal): Promise<void> {
    this.attempts += 1;
    await this.next(notice, signal);
    this.got.push(notice);
  }
}

const away = () => Promise.reject(undelivered({ transient: true, detail: 'away' }));
const never = () => new Promise<void>(() => undefined);

interface World {
  readonly memory: MemoryLog;
  readonly escalations: EscalationLog;
  readonly clock: ManualClock;
  readonly cursors: MemoryCursors;
  readonly log: Lines;
  readonly start: (...notifiers: readonly Notifier[]) => Promise<Notifications>;
}

const world = async (memory = new MemoryLog(GENESIS), cursors = new MemoryCursors()) => {
  const escalations = new EscalationLog(openMemoryJournal({ log: memory }));
  if (escalations.figures().size === 0) await escalations.append([other()]);
  const clock = new ManualClock();
  const log = new Lines();
  const start: World['start'] = (...notifiers) =>
    startNotifications({ fabric: escalations, notifiers, cursors, log, clock, random });
  return { memory, escalations, clock, cursors, log, start } satisfies World;
};

test('N1: each escalation reaches each notifier once, in the order of the log', async () => {
  const { escalations, start, clock, cursors } = await world();
  const [one, two] = [new Receiver('one'), new Receiver('two')];
  const running = await start(one, two);
  await escalations.append([raised('esc_1')], [other(), raised('esc_2.1')]);
  await escalations.raise('esc_3');
  await settle();
  expect(one.ids).toEqual(['esc_1', 'esc_2.1', 'esc_3']);
  expect(two.ids).toEqual(one.ids);
  expect(one.got[1]).toEqual({
    id: 'esc_2.1',
    realm: 'main',
    origin: 'test.local/ifab/main',
    at: 1_700_000_000_002,
    severity: 'high',
    kind: 'breaker',
    subject: 'session-4',
    summary: 'The breaker of session-4 opened (esc_2.1).',
    details: { limitMicroUsd: 5_000_000 },
    acknowledge: 'ifab escalation ack esc_2.1',
    index: 2,
  });
  expect(cursors.saved.get('one')).toEqual({ cursor: '3.0', settled: {} });
  expect(running.figures()).toEqual([
    { name: 'one', waiting: 0, delivered: 3, failed: 0, dropped: 0 },
    { name: 'two', waiting: 0, delivered: 3, failed: 0, dropped: 0 },
  ]);
  expect(clock.timers, 'nothing is due, so no timer runs').toBe(0);
  await running.stop();
  expect(escalations.readers).toBe(0);
});

test('a notifier that is new begins with the next escalation, durably', async () => {
  const { escalations, start, cursors } = await world();
  await escalations.raise('esc_1');
  const receiver = new Receiver();
  const running = await start(receiver);
  expect(cursors.saved.get('test')).toEqual({ cursor: '1', settled: {} });
  await escalations.raise('esc_2');
  await settle();
  await running.stop();
  expect(receiver.ids).toEqual(['esc_2']);
});

test('N1: what was raised while nobody listened is delivered after the next start', async () => {
  const first = await world();
  const receiver = new Receiver();
  await (await first.start(receiver)).stop();
  await first.escalations.raise('esc_1', 'esc_2');
  const second = await world(first.memory, first.cursors);
  const running = await second.start(receiver);
  await settle();
  await running.stop();
  expect(receiver.ids).toEqual(['esc_1', 'esc_2']);
});

test('N1: a crash between a delivery and its cursor delivers twice, never zero times', async () => {
  const first = await world();
  const receiver = new Receiver();
  await first.start(receiver);
  first.cursors.failing = true;
  await first.escalations.raise('esc_1');
  await settle();
  expect(receiver.ids).toEqual(['esc_1']);
  expect(first.log.of('notice.cursor_unsaved')).toHaveLength(1);

  first.cursors.failing = false;
  const second = await world(first.memory, first.cursors);
  const running = await second.start(receiver);
  await settle();
  await running.stop();
  expect(receiver.ids).toEqual(['esc_1', 'esc_1']);
});

test('a cursor that could not be saved is saved with the next notice', async () => {
  const { escalations, start, cursors } = await world();
  const running = await start(new Receiver());
  cursors.failing = true;
  await escalations.raise('esc_1');
  await settle();
  cursors.failing = false;
  await escalations.raise('esc_2');
  await settle();
  expect(cursors.saved.get('test')?.cursor).toBe('2.0');
  await running.stop();
});

test('what was raised and acknowledged while nobody listened is not sent', async () => {
  const first = await world();
  const receiver = new Receiver();
  await (await first.start(receiver)).stop();
  await first.escalations.raise('esc_1', 'esc_2');
  await first.escalations.append([acknowledged('esc_1')]);
  const second = await world(first.memory, first.cursors);
  const running = await second.start(receiver);
  await settle();
  await running.stop();
  expect(receiver.ids).toEqual(['esc_2']);
  expect(second.log.of('notice.dropped')).toMatchObject([{ escalationId: 'esc_1' }]);
  expect(running.figures()).toMatchObject([{ delivered: 1, dropped: 1 }]);
});

test('a receiver that is away is tried again with growing pauses, then given up and logged', async () => {
  const { escalations, start, clock, log, cursors } = await world();
  const receiver = new Receiver();
  receiver.next = away;
  const running = await start(receiver);
  await escalations.raise('esc_1');
  await settle();
  const pauses: number[] = [];
  for (let attempt = 1; attempt < ATTEMPTS_MAX; attempt += 1) {
    expect(receiver.attempts).toBe(attempt);
    const retryMs = Number(log.of('notice.retried').at(-1)?.['retryMs']);
    pauses.push(retryMs);
    clock.advance(retryMs - 1);
    await settle(6);
    expect(receiver.attempts, 'not before its time').toBe(attempt);
    clock.advance(1);
    await settle(12);
  }
  expect(pauses.slice(0, 10)).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000,
  ]);
  expect(receiver.attempts).toBe(ATTEMPTS_MAX);
  expect(log.of('notice.failed')).toEqual([
    {
      level: 'error',
      event: 'notice.failed',
      notifier: 'test',
      escalationId: 'esc_1',
      attempts: ATTEMPTS_MAX,
      detail: 'away',
    },
  ]);
  expect(clock.timers).toBe(0);
  expect(cursors.saved.get('test'), 'it is settled').toEqual({ cursor: '1.0', settled: {} });
  expect(running.figures()).toMatchObject([{ waiting: 0, failed: 1 }]);
  await running.stop();
});

test('a permanent fault is given up at once; a mistake of an adapter is not', async () => {
  const { escalations, start, clock, log } = await world();
  const receiver = new Receiver();
  receiver.next = ({ id }) =>
    Promise.reject(
      id === 'esc_1' ? undelivered({ transient: false, detail: 'refused' }) : new TypeError('oops'),
    );
  const running = await start(receiver);
  await escalations.raise('esc_1', 'esc_2');
  await settle();
  expect(log.of('notice.failed')).toMatchObject([{ escalationId: 'esc_1', detail: 'refused' }]);
  receiver.next = () => Promise.resolve();
  clock.advance(RETRY_MS);
  await settle();
  expect(receiver.ids).toEqual(['esc_2']);
  await running.stop();
});

test('N2, O1: a notice that is tried again holds up nobody, and the cursor does not pass it', async () => {
  const first = await world();
  const receiver = new Receiver();
  receiver.next = ({ id }) => (id === 'esc_1' ? away() : Promise.resolve());
  const before = await first.start(receiver);
  await first.escalations.raise('esc_1', 'esc_2', 'esc_3');
  await settle();
  expect(receiver.ids).toEqual(['esc_2', 'esc_3']);
  expect(first.cursors.saved.get('test')).toEqual({
    cursor: '0',
    settled: { esc_2: '2.0', esc_3: '3.0' },
  });
  await before.stop();

  // O2: after a restart only the first is sent.
  receiver.next = () => Promise.resolve();
  const second = await world(first.memory, first.cursors);
  const running = await second.start(receiver);
  await settle();
  await running.stop();
  expect(receiver.ids).toEqual(['esc_2', 'esc_3', 'esc_1']);
  expect(second.cursors.saved.get('test')).toEqual({ cursor: '3.0', settled: {} });
});

test('an acknowledgement ends the attempts of what was not delivered yet', async () => {
  const { escalations, start, clock, log } = await world();
  const receiver = new Receiver();
  receiver.next = away;
  const running = await start(receiver);
  await escalations.raise('esc_1');
  await settle();
  await escalations.append([acknowledged('esc_1')]);
  await settle();
  expect(clock.timers).toBe(0);
  clock.advance(RETRY_MS * 10);
  await settle();
  expect(receiver.attempts).toBe(1);
  expect(log.of('notice.dropped')).toHaveLength(1);
  await running.stop();
});

test('an acknowledgement during an attempt that fails ends it too, and nothing is an error', async () => {
  const { escalations, start, clock, log } = await world();
  const receiver = new Receiver();
  const answer = Promise.withResolvers<void>();
  receiver.next = () => answer.promise;
  const running = await start(receiver);
  await escalations.raise('esc_1');
  await settle();
  await escalations.append([acknowledged('esc_1')]);
  await settle();
  answer.reject(undelivered({ transient: true, detail: 'away' }));
  await settle();
  expect(clock.timers).toBe(0);
  expect(log.of('notice.retried')).toEqual([]);
  expect(running.figures()).toMatchObject([{ waiting: 0, delivered: 0, failed: 0, dropped: 1 }]);
  await running.stop();
});

test('an escalation that the log holds twice is delivered once', async () => {
  const { escalations, start } = await world();
  const receiver = new Receiver();
  const running = await start(receiver);
  await escalations.raise('esc_1', 'esc_1', 'esc_2', 'esc_1');
  await settle();
  await running.stop();
  expect(receiver.ids).toEqual(['esc_1', 'esc_2']);
});

test('one notifier that hangs keeps no other waiting', async () => {
  const { escalations, start } = await world();
  const [hung, fine] = [new Receiver('hung'), new Receiver('fine')];
  hung.next = never;
  const running = await start(hung, fine);
  await escalations.raise('esc_1', 'esc_2');
  await settle();
  expect(fine.ids).toEqual(['esc_1', 'esc_2']);
  expect(hung.attempts).toBe(1);
  await running.stop();
});

test('an adapter that listens to no signal is left behind, and its notice is tried again', async () => {
  const { escalations, start, clock, log } = await world();
  const receiver = new Receiver();
  receiver.next = never;
  const running = await start(receiver);
  await escalations.raise('esc_1');
  await settle();
  receiver.next = () => Promise.resolve();
  clock.advance(DELIVERY_MS_MAX);
  await settle();
  expect(log.of('notice.retried')).toMatchObject([{ attempts: 1, retryMs: RETRY_MS }]);
  clock.advance(RETRY_MS);
  await settle();
  expect(receiver.ids).toEqual(['esc_1']);
  await running.stop();
});

test('stop ends what hangs, and it is delivered after the next start', async () => {
  const first = await world();
  const receiver = new Receiver();
  let told: AbortSignal | undefined;
  receiver.next = (_notice, signal) => {
    told = signal;
    return never();
  };
  const before = await first.start(receiver);
  await first.escalations.raise('esc_1');
  await settle();
  await before.stop();
  expect(told?.aborted).toBe(true);
  expect(first.clock.timers).toBe(0);
  for (const event of ['notice.stop_overdue', 'notice.retried', 'notice.failed']) {
    expect(first.log.of(event), 'a stop is nobody’s failure').toEqual([]);
  }
  receiver.next = () => Promise.resolve();
  const second = await world(first.memory, first.cursors);
  const running = await second.start(receiver);
  await settle();
  await running.stop();
  expect(receiver.ids).toEqual(['esc_1']);
});

test('stop does not wait longer than it says, whatever hangs', async () => {
  const { escalations, start, clock, cursors, log } = await world();
  const running = await start(new Receiver());
  cursors.save = never;
  await escalations.raise('esc_1');
  await settle();
  const stopped = running.stop();
  await settle();
  clock.advance(STOP_MS_MAX);
  await stopped;
  expect(log.of('notice.stop_overdue')).toHaveLength(1);
});

test('a signal stops them too', async () => {
  const { escalations, cursors, log, clock } = await world();
  const receiver = new Receiver();
  const controller = new AbortController();
  const { signal } = controller;
  const parts = { fabric: escalations, cursors, log, clock, random, signal };
  await startNotifications({ ...parts, notifiers: [receiver] });
  await escalations.raise('esc_1');
  await settle();
  controller.abort();
  await settle();
  expect(escalations.readers).toBe(0);
  await escalations.raise('esc_2');
  await startNotifications({ ...parts, notifiers: [new Receiver('late')] });
  await settle();
  expect(escalations.readers, 'a signal that has aborted starts nothing').toBe(0);
  expect(receiver.ids).toEqual(['esc_1']);
});

test('a long part that was missed is read in many turns: the leader shares the thread', async () => {
  const first = await world();
  await (await first.start(new Receiver())).stop();
  const entries = Array.from({ length: 1_000 }, () => [other()]);
  for (let batch = 0; batch < 4; batch += 1) await first.escalations.append(...entries);
  await first.escalations.raise('esc_4001');
  const second = await world(first.memory, first.cursors);
  let turns = 0;
  const endOfTurn = second.clock.endOfTurn.bind(second.clock);
  second.clock.endOfTurn = (fn) => {
    turns += 1;
    endOfTurn(fn);
  };
  const receiver = new Receiver();
  const running = await second.start(receiver);
  await expect.poll(() => receiver.ids).toEqual(['esc_4001']);
  await running.stop();
  expect(turns).toBeGreaterThanOrEqual(15);
});

test('a full outbox stops the reading, and room lets it go on: nothing is lost', async () => {
  const first = await world();
  const receiver = new Receiver();
  await (await first.start(receiver)).stop();
  const ids = Array.from({ length: WAITING_MAX + 300 }, (_, n) => `esc_${n + 1}`);
  const entries = ids.map((id) => [raised(id)]);
  for (let at = 0; at < entries.length; at += 200) {
    await first.escalations.append(...entries.slice(at, at + 200));
  }
  const second = await world(first.memory, first.cursors);
  const gate = Promise.withResolvers<void>();
  receiver.next = () => gate.promise;
  const running = await second.start(receiver);
  await settle();
  expect(running.figures()).toMatchObject([{ waiting: WAITING_MAX }]);
  gate.resolve();
  await expect.poll(() => receiver.ids.length).toBe(ids.length);
  await running.stop();
  expect(receiver.ids).toEqual(ids);
});

test('a backlog that does not fit is begun only as far as room is needed: what follows may end it', async () => {
  const first = await world();
  const receiver = new Receiver();
  await (await first.start(receiver)).stop();
  const ids = Array.from({ length: WAITING_MAX + 5 }, (_, n) => `esc_${n + 1}`);
  await first.escalations.append(...ids.slice(0, 1_000).map((id) => [raised(id)]));
  await first.escalations.append(...ids.slice(1_000).map((id) => [raised(id)]));
  await first.escalations.append(...ids.slice(0, 1_000).map((id) => [acknowledged(id)]));
  await first.escalations.append(...ids.slice(1_000).map((id) => [acknowledged(id)]));
  const second = await world(first.memory, first.cursors);
  const running = await second.start(receiver);
  const settled = (): number => {
    const [figures] = running.figures();
    return (figures?.delivered ?? 0) + (figures?.dropped ?? 0);
  };
  await expect.poll(settled).toBe(ids.length);
  await running.stop();
  expect(receiver.ids).toEqual(ids.slice(0, receiver.ids.length));
  expect(receiver.ids.length).toBeGreaterThanOrEqual(5);
  expect(receiver.ids.length).toBeLessThan(20);
});

test('an event of another shape is an error in the log, and the next one is delivered', async () => {
  const { escalations, start, log } = await world();
  const receiver = new Receiver();
  const running = await start(receiver);
  await escalations.append(
    [{ escalationId: 'esc_1; rm -rf ~', summary: 'x', type: 'escalation.raised' }],
    [{ type: 'escalation.acknowledged' }],
    [raised('esc_2', { severity: 'apocalyptic', details: [1], summary: 'x'.repeat(3_000) })],
  );
  await settle();
  await running.stop();
  expect(log.of('notice.unreadable')).toMatchObject([{ level: 'error', index: 1 }]);
  expect(receiver.got).toMatchObject([{ id: 'esc_2', severity: 'high', details: {} }]);
  expect(receiver.got[0]?.summary).toHaveLength(2_000);
});

test('a feed that fails is read on from where it stood', async () => {
  const { escalations, start, clock, log } = await world();
  let failures = 2;
  const feed = escalations.feed.bind(escalations);
  escalations.feed = (filter, signal) => {
    if (failures === 0) return feed(filter, signal);
    failures -= 1;
    throw undelivered({ transient: true, detail: 'no journal' });
  };
  const receiver = new Receiver();
  const running = await start(receiver);
  await escalations.raise('esc_1');
  await settle();
  clock.advance(RETRY_MS);
  await settle();
  clock.advance(2 * RETRY_MS);
  await settle();
  expect(log.of('notice.feed_failed')).toMatchObject([{ retryMs: 1_000 }, { retryMs: 2_000 }]);
  expect(receiver.ids).toEqual(['esc_1']);
  await running.stop();
});

test('a reader that falls behind resumes and loses nothing', async () => {
  const { escalations, start, log } = await world();
  const receiver = new Receiver();
  const gate = Promise.withResolvers<void>();
  receiver.next = () => gate.promise;
  const running = await start(receiver);
  // More than the outbox and the buffer of the feed hold together.
  const ids = Array.from({ length: 6_000 }, (_, n) => `esc_${n + 1}`);
  for (let at = 0; at < ids.length; at += 100) {
    await escalations.append(...ids.slice(at, at + 100).map((id) => [raised(id)]));
    await settle(2);
  }
  gate.resolve();
  await expect.poll(() => receiver.ids.length).toBe(ids.length);
  await running.stop();
  expect(receiver.ids).toEqual(ids);
  expect(log.of('notice.feed_failed')).toMatchObject([{ retryMs: 0 }]);
});

test('a cursor beyond the log, or one that cannot be read, starts with the next escalation and says so', async () => {
  const { escalations, cursors, start, log } = await world();
  cursors.saved.set('test', { cursor: '900.0', settled: {} });
  const receiver = new Receiver();
  const running = await start(receiver);
  await escalations.raise('esc_1');
  await settle();
  await running.stop();
  expect(receiver.ids).toEqual(['esc_1']);
  expect(log.of('notice.cursor_beyond_log')).toMatchObject([{ level: 'error', startsAfter: 0 }]);

  const damaged: CursorStore = {
    load: () => Promise.resolve('damaged'),
    save: (name, progress) => cursors.save(name, progress),
  };
  const parts = { fabric: escalations, notifiers: [receiver], cursors: damaged, log };
  await (await startNotifications(parts)).stop();
  expect(log.of('notice.cursor_damaged')).toHaveLength(1);
  expect(cursors.saved.get('test')).toEqual({ cursor: '1', settled: {} });
});

test('a fabric that does not know its end yet takes the cursor at its word', async () => {
  const { escalations, cursors, start } = await world();
  await escalations.raise('esc_1', 'esc_2');
  cursors.saved.set('test', { cursor: '1.0', settled: {} });
  escalations.figures = () => ({ size: 0 });
  const receiver = new Receiver();
  const running = await start(receiver);
  await settle();
  await running.stop();
  expect(receiver.ids).toEqual(['esc_2']);
});

test('what the witness writes now and then moves the cursor on', async () => {
  const { escalations, start, cursors } = await world();
  const running = await start(new Receiver());
  await escalations.append(
    [other()],
    [{ hash: 'sha256:00', index: 1, type: 'realm.state_hashed' }],
  );
  await settle();
  expect(cursors.saved.get('test')?.cursor).toBe('2.0');
  await running.stop();
});
