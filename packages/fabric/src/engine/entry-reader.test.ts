import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { digestFrom } from '@infrafabric/protocol';
import { describe, expect, test } from 'vitest';

import type { Frame } from '../ports/journal.ts';
import { memoryBlobs } from './blob-folder.ts';
import { findEntry, frameEntries, readFrame } from './entry-reader.ts';

// Entries as bytes that no leader wrote: what is checked is what a medium may give back.

const GENESIS = hash('sha256', 'genesis', 'base64');
const OUTCOME = '{"cred":"operator","events":[],"principal":"p"}';
const CALL = '{"args":{},"op":"plans.pause"}';
const AT = '2026-11-21T08:00:00.140Z';

const leafOf = (text: string): string => hash('sha256', Buffer.from(`\0${text}`), 'base64');

const lengthOf = (text: string): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(Buffer.byteLength(text));
  return length;
};

const frameOf = (texts: readonly string[]): Frame => ({
  first: 0,
  count: texts.length,
  epoch: 7,
  previousLeaf: GENESIS,
  entries: Buffer.concat(texts.flatMap((text) => [lengthOf(text), Buffer.from(text)])),
});

/** A chain of entries with these second and third lines. */
const chain = (lines: readonly string[]): readonly string[] => {
  let previous = GENESIS;
  return lines.map((rest, index) => {
    const text = `ifab-log/1 ${index} ${previous} ${AT} 7\n${rest}`;
    previous = leafOf(text);
    return text;
  });
};

const WHOLE = `${OUTCOME}\n${CALL}\n`;
const HEAD = { size: 0, leaf: GENESIS, epoch: 0 };
const blobs = memoryBlobs();

describe('a frame that is damaged is refused with the entry that is', () => {
  test.each([
    ['it has no third line', `${OUTCOME}\n`, /entry 1: a line is missing/],
    ['it has no second line', OUTCOME, /entry 1: a line is missing/],
    [
      'its third line runs into the next entry',
      `${OUTCOME}\n${CALL}`,
      /entry 1: a line is missing/,
    ],
    ['its outcome is no JSON', `{\n${CALL}\n`, /entry 1: no JSON/],
    ['its call is no JSON', `${OUTCOME}\n[\n`, /entry 1: no JSON/],
  ])('%s', async (_what, rest, why) => {
    const frame = frameOf(chain([WHOLE, rest, WHOLE]));
    await expect(readFrame(frame, HEAD, blobs)).rejects.toThrow(why);
  });

  test('its first line is of no grammar', async () => {
    const frame = frameOf([`ifab-log/9 0 ${GENESIS} ${AT} 7\n${WHOLE}`]);
    await expect(readFrame(frame, HEAD, blobs)).rejects.toThrow(/entry 0: sequencer line/);
  });

  test('an entry ends behind it, wherever it was cut', async () => {
    const whole = frameOf(chain([WHOLE, WHOLE]));
    for (const bytes of [1, 2, 40, whole.entries.length - 1]) {
      const cut = { ...whole, entries: whole.entries.subarray(0, bytes) };
      await expect(readFrame(cut, HEAD, blobs), `${bytes} bytes`).rejects.toThrow(/log.damaged/);
    }
  });

  test('it begins behind the log', async () => {
    const frame = { ...frameOf(chain([WHOLE])), first: 3 };
    await expect(readFrame(frame, HEAD, blobs)).rejects.toThrow(/does not follow the log of 0/);
  });
});

test('a log that ends in the middle of a frame goes on behind it', async () => {
  const texts = chain([WHOLE, WHOLE, WHOLE]);
  const [first = ''] = texts;
  const head = { size: 1, leaf: leafOf(first), epoch: 7 };
  const stored = await readFrame(frameOf(texts), head, blobs);
  expect(stored.map(({ entry }) => entry.index)).toEqual([1, 2]);
  await expect(readFrame(frameOf(texts), { ...head, leaf: GENESIS }, blobs)).rejects.toThrow(
    /entry 1: the entry names another previous leaf/,
  );
});

test('one entry is found by its index, and one that the frame does not hold is not', async () => {
  const frame = frameOf(chain([WHOLE, WHOLE, WHOLE]));
  expect((await findEntry(frame, 1, blobs))?.entry.index).toBe(1);
  expect(await findEntry(frame, 3, blobs)).toBeUndefined();
  expect((await frameEntries(frame, 2, blobs)).map(({ entry }) => entry.index)).toEqual([2]);
});

test('a list that the log names and nobody has is a fault that names it', async () => {
  const bytes = Buffer.from('{"plan":1}');
  const ref = (digest: string): string => `{"blob":"${digest}","bytes":10,"count":1}`;
  const spilled = (digest: string): Frame =>
    frameOf(chain([`${OUTCOME}\n{"args":${ref(digest)},"op":"plans.submit"}\n`]));
  const kept = await blobs.put(bytes);
  const [stored] = await readFrame(spilled(kept), HEAD, blobs);
  expect(stored?.entry.args).toEqual({ plan: 1 });
  const lost = digestFrom(hash('sha256', 'lost', 'hex'));
  await expect(readFrame(spilled(lost), HEAD, blobs)).rejects.toThrow(`${lost}, named by the log`);
});
