import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventsOf } from './event-stream.ts';
import type { StreamEvent } from './event-stream.ts';

function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

async function readAll(chunks: readonly Uint8Array[]): Promise<readonly StreamEvent[]> {
  const events: StreamEvent[] = [];
  for await (const event of eventsOf(streamOf(chunks))) events.push(event);
  return events;
}

const TEXT =
  ': keep-alive\n\nid: 1.0\ndata: {"a":"ä→𝄞"}\n\nevent: lagging\r\ndata: one\r\ndata: two\r\n\r\ndata: cut off';
const EVENTS = [
  { event: 'message', data: '{"a":"ä→𝄞"}' },
  { event: 'lagging', data: 'one\ntwo' },
];

test('events are the same however the bytes are cut', async () => {
  const bytes = new TextEncoder().encode(TEXT);
  expect(await readAll([bytes])).toEqual(EVENTS);
  // Property: any cutting of the stream, inside characters too; fast-check prints the seed.
  const cuts = fc.array(fc.nat({ max: bytes.length }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(cuts, async (at) => {
      const ends = [...at, bytes.length].toSorted((a, b) => a - b);
      const chunks = ends.map((end, i) => bytes.slice(ends[i - 1] ?? 0, end));
      expect(await readAll(chunks)).toEqual(EVENTS);
    }),
  );
});
