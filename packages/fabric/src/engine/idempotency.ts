/** Known idempotency keys: the first outcome again, read from the log, so it survives a change of leader. */
import { reject } from '@infrafabric/protocol';

import { Fault } from '../fault.ts';
import type { Journal } from '../ports/journal.ts';
import { callOf, type Call, type Committed, type Outcome, type Submission } from './call.ts';
import { findEntry } from './entry-reader.ts';
import { callText } from './entry-text.ts';
import type { BlobStore } from './ports.ts';

/** What the caller said: who waited for work is the engine's own word, and another one at a repeat. */
const saidText = (call: Call): string =>
  callText(call.op === 'blockers.raise' ? { ...call, args: { ...call.args, waiting: [] } } : call);

/** The outcome of a known idempotency key: the first one, if the input is the same. */
export const repeated = (call: Submission, first: Committed): Outcome =>
  first.op === call.op && saidText(call) === saidText(callOf(first))
    ? first
    : reject('request.key_reused', 'This idempotency key was used with another input.', {
        index: first.index,
      });

/** The same from the durable log: entry `index` answered this key. */
export async function storedOutcome(at: {
  readonly journal: Journal;
  readonly blobs: BlobStore;
  readonly index: number;
  readonly call: Submission;
}): Promise<Outcome> {
  try {
    const [frame] = await at.journal.read(at.index, { bytes: 1, frames: 1 });
    const found = frame === undefined ? undefined : await findEntry(frame, at.index, at.blobs);
    if (found !== undefined) return repeated(at.call, found.entry);
    return reject(
      'log.unavailable',
      'The first reply of this idempotency key cannot be found now.',
    );
  } catch (cause) {
    const code = cause instanceof Fault ? cause.code : 'internal';
    return reject(code, 'The first reply of this idempotency key cannot be read now.');
  }
}
