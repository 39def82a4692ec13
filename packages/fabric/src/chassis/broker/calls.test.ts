import { expect, test } from 'vitest';

import { createCallCounter } from './calls.ts';

test('case 60: dials are taken until there are none, and asking for more takes nothing', () => {
  const counter = createCallCounter(2);
  expect([counter.takeDial(), counter.takeDial(), counter.takeDial()]).toEqual([true, true, false]);
  counter.asked();
  expect(counter.use()).toMatchObject({ apiCalls: 1, networkCalls: 2 });
  expect(createCallCounter(0).takeDial()).toBe(false);
});

test('what a connection moves counts while it is open, and once when it is closed', () => {
  const counter = createCallCounter(2);
  const meter = { bytesWritten: 10, bytesRead: 0 };
  const close = counter.metered(meter);
  expect(counter.use()).toMatchObject({ sentBytes: 10, receivedBytes: 0 });
  meter.bytesRead = 500;
  expect(counter.use()).toMatchObject({ sentBytes: 10, receivedBytes: 500 });
  close();
  close();
  meter.bytesRead = 900;
  expect(counter.use()).toMatchObject({ sentBytes: 10, receivedBytes: 500 });
  counter.metered({ bytesWritten: 1, bytesRead: 1 });
  expect(counter.use()).toMatchObject({ sentBytes: 11, receivedBytes: 501 });
});
