/** The first outcome out of the log, where the log does not give it: a typed no, never another entry's answer. */
import { describe, expect, test } from 'vitest';

import { Fault } from '../fault.ts';
import type { Journal } from '../ports/journal.ts';
import { memoryBlobs } from './blob-folder.ts';
import type { Submission } from './call.ts';
import { storedOutcome } from './idempotency.ts';

const call: Submission = {
  op: 'capabilities.define',
  args: { id: 'a:b', description: 'x' } as never,
  cred: 'operator',
  principal: 'operator',
};
const outcomeFrom = (read: Journal['read']) =>
  storedOutcome({ journal: { read } as Journal, blobs: memoryBlobs(), index: 7, call });

describe('a stored outcome that cannot be had', () => {
  test('since the journal faults, is that fault', async () => {
    const fault = new Fault('log.damaged', { transient: false, detail: 'a frame' });
    expect(await outcomeFrom(() => Promise.reject(fault))).toMatchObject({
      kind: 'reject',
      code: 'log.damaged',
    });
  });

  test('since something else broke, is internal', async () => {
    expect(await outcomeFrom(() => Promise.reject(new TypeError('x')))).toMatchObject({
      code: 'internal',
    });
  });

  test('since the log does not reach so far, is to be asked for again', async () => {
    expect(await outcomeFrom(async () => [])).toMatchObject({ code: 'log.unavailable' });
  });
});
