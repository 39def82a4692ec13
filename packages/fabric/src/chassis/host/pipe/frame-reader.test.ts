import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrame, FROM_RUNNER_BYTES_MAX } from '../../frame.ts';
import { FrameReader } from './frame-reader.ts';

interface Heard {
  readonly frames: { type: number; payload: string; isLast: boolean }[];
  readonly oversize: { length: number; type: number | undefined }[];
}

const listening = (): { reader: FrameReader; heard: Heard } => {
  const heard: Heard = { frames: [], oversize: [] };
  const reader = new FrameReader({
    onFrame: (type, payload, isLast) =>
      heard.frames.push({ type, payload: Buffer.from(payload).toString('hex'), isLast }),
    onOversize: (length, type) => heard.oversize.push({ length, type }),
  });
  return { reader, heard };
};

const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
};

test('frames come out as they went in, cut anywhere (property: any frames, any cuts)', () => {
  const frames = fc.array(
    fc.record({
      type: fc.integer({ min: 0, max: 255 }),
      payload: fc.uint8Array({ maxLength: 300 }),
    }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(
      frames,
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }),
      (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(({ type, payload }) => encodeFrame(type, payload)));
        const { reader, heard } = listening();
        for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
          const size = cuts[cut % cuts.length] ?? 1;
          // What was fed is used again at once: a payload is good until the listener returns.
          const piece = Uint8Array.from(bytes.subarray(at, at + size));
          reader.feed(piece);
          piece.fill(0xee);
          at += size;
        }
        expect(heard.frames.map(({ type, payload }) => ({ type, payload }))).toEqual(
          sent.map(({ type, payload }) => ({
            type,
            payload: Buffer.from(payload).toString('hex'),
          })),
        );
        expect(reader.isWithinFrame).toBe(false);
        expect(heard.oversize).toEqual([]);
      },
    ),
  );
});

test('a frame of megabytes in pieces arrives whole, and small ones behind it', () => {
  const large = new Uint8Array(3 * 1024 * 1024).fill(7);
  const bytes = Buffer.concat([encodeFrame(0x83, large), encodeFrame(0x87, Uint8Array.of(1))]);
  const { reader, heard } = listening();
  for (let at = 0; at < bytes.length; at += 65_536) reader.feed(bytes.subarray(at, at + 65_536));
  expect(heard.frames.map(({ type, payload }) => [type, payload.length / 2])).toEqual([
    [0x83, large.length],
    [0x87, 1],
  ]);
});

test('F1: case 54: a length above the limit is refused before its bytes come, and nothing is read after it', () => {
  for (const length of [FROM_RUNNER_BYTES_MAX + 1, 0xffffffff, 0]) {
    const { reader, heard } = listening();
    reader.feed(Buffer.concat([u32(length), Uint8Array.of(0x83)]));
    reader.feed(encodeFrame(0x83, new Uint8Array(9)));
    expect(heard).toEqual({ frames: [], oversize: [{ length, type: 0x83 }] });
  }
});

test('F1: a length alone is enough to be refused', () => {
  const { reader, heard } = listening();
  reader.feed(u32(0xffffffff));
  expect(heard.oversize).toEqual([{ length: 0xffffffff, type: undefined }]);
});

test('a frame that is followed by bytes is not the last one', () => {
  const { reader, heard } = listening();
  reader.feed(Buffer.concat([encodeFrame(1), encodeFrame(2), Uint8Array.of(9)]));
  expect(heard.frames.map(({ isLast }) => isLast)).toEqual([false, false]);
  expect(reader.isWithinFrame).toBe(true);
});

test('stopped within a frame, it gives out none of the rest', () => {
  const types: number[] = [];
  const reader: FrameReader = new FrameReader({
    onFrame: (type) => {
      types.push(type);
      reader.stop();
    },
    onOversize: () => undefined,
  });
  reader.feed(Buffer.concat([encodeFrame(1), encodeFrame(2)]));
  reader.feed(encodeFrame(3));
  expect(types).toEqual([1]);
});
