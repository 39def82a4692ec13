import { expect, test } from 'vitest';
import { Queue } from './queue.ts';

const quiet = { onEmpty: () => undefined, onReturn: () => undefined };

test('items come out in order, whoever waits for whom', async () => {
  const queue = new Queue<number>({ itemsMax: 10, ...quiet });
  const early = queue.next();
  queue.push(1);
  queue.push(2);
  queue.push(3);
  expect(await early).toEqual({ done: false, value: 1 });
  queue.end();
  const rest: number[] = [];
  for await (const item of queue) rest.push(item);
  expect(rest).toEqual([2, 3]);
});

test('a full queue says so, and says when it is empty again', async () => {
  let emptied = 0;
  const queue = new Queue<number>({ ...quiet, itemsMax: 2, onEmpty: () => (emptied += 1) });
  expect(queue.push(1)).toBe(true);
  expect(queue.push(2)).toBe(false);
  await queue.next();
  expect(emptied).toBe(0);
  await queue.next();
  expect(emptied).toBe(1);
});

test('a failure is thrown once, behind the items that came before it', async () => {
  const queue = new Queue<number>({ itemsMax: 10, ...quiet });
  queue.push(1);
  queue.end(new Error('broken'));
  expect(await queue.next()).toEqual({ done: false, value: 1 });
  await expect(queue.next()).rejects.toThrow('broken');
  expect(await queue.next()).toEqual({ done: true, value: undefined });
  const waiting = new Queue<number>({ itemsMax: 10, ...quiet });
  const reader = waiting.next();
  waiting.end(new Error('broken'));
  await expect(reader).rejects.toThrow('broken');
});

test('a reader that leaves is reported, and what comes later is dropped', async () => {
  let left = 0;
  const queue = new Queue<number>({ ...quiet, itemsMax: 10, onReturn: () => (left += 1) });
  queue.push(1);
  queue.push(2);
  for await (const item of queue) {
    expect(item).toBe(1);
    break;
  }
  expect(left).toBe(1);
  queue.push(3);
  expect(await queue.next()).toEqual({ done: true, value: undefined });
});
