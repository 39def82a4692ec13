import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LINE_CHARS_MAX, TranscriptWriter, tailOf } from './transcript.ts';

function collect(chunks: readonly Buffer[], halfBytesMax?: number) {
  const lines: string[] = [];
  const onLine = (line: string): void => void lines.push(line);
  const writer = new TranscriptWriter(
    halfBytesMax === undefined ? { onLine } : { onLine, halfBytesMax },
  );
  for (const chunk of chunks) writer.write(chunk);
  return { transcript: writer.finish(), lines };
}

test('X3: what fits is kept byte for byte, however it is cut into chunks', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }), (parts) => {
      const chunks = parts.map((part) => Buffer.from(part));
      const { transcript } = collect(chunks);
      expect(Buffer.from(transcript.bytes)).toEqual(Buffer.concat(chunks));
      expect(transcript.leftOutBytes).toBe(0);
    }),
  );
});

test('X3: of more than fits the beginning, the end and the number of bytes between are kept', () => {
  // Property: head and tail are the stream's own, and kept plus left out is all that was written.
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 20 }),
      fc.integer({ min: 1, max: 50 }),
      (parts, half) => {
        const chunks = parts.map((part) => Buffer.from(part));
        const all = Buffer.concat(chunks);
        const { bytes, leftOutBytes } = collect(chunks, half).transcript;
        expect(leftOutBytes).toBe(Math.max(0, all.length - 2 * half));
        expect(Buffer.from(bytes.subarray(0, Math.min(half, all.length)))).toEqual(
          all.subarray(0, half),
        );
        if (leftOutBytes > 0) {
          expect(Buffer.from(bytes.subarray(-half))).toEqual(all.subarray(-half));
          expect(Buffer.from(bytes).toString('latin1')).toContain(
            `${leftOutBytes} bytes were left out`,
          );
        }
      },
    ),
  );
});

test('lines come whole across chunks, without empty ones, the last one without its end', () => {
  const { lines } = collect([Buffer.from('on'), Buffer.from('e\n\ntw'), Buffer.from('o\r\nthree')]);
  expect(lines).toEqual(['one', 'two', 'three']);
});

test('a character cut between chunks stays one, and a bar that is drawn over shows its last state', () => {
  const euro = Buffer.from('€\n');
  const { lines } = collect([
    euro.subarray(0, 1),
    euro.subarray(1),
    Buffer.from('10 %\r50 %\r100 %\n'),
  ]);
  expect(lines).toEqual(['€', '100 %']);
});

test('a line that never ends takes no more memory than a line may', () => {
  const { lines, transcript } = collect(
    Array.from({ length: 100 }, () => Buffer.alloc(1_000, 'x')),
  );
  expect(lines).toEqual(['x'.repeat(LINE_CHARS_MAX)]);
  expect(tailOf(transcript, 3)).toHaveLength(3 * LINE_CHARS_MAX);
});
