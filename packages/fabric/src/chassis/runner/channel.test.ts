import { expect, test } from 'vitest';
import { encodeFrame, TO_RUNNER_BYTES_MAX } from '../frame.ts';
import { PipeChannel } from './channel.ts';

/** A pipe that gives at most so many bytes at once. */
const pipeOf = (incoming: Uint8Array, bytesAtOnce: number) => {
  let at = 0;
  const written: number[] = [];
  const channel = new PipeChannel({
    read(into, offset, length) {
      const part = incoming.subarray(at, at + Math.min(length, bytesAtOnce));
      into.set(part, offset);
      at += part.length;
      return part.length;
    },
    write(from, offset, length) {
      const part = from.subarray(offset, offset + Math.min(length, bytesAtOnce));
      written.push(...part);
      return part.length;
    },
  });
  return { channel, written };
};

const filled = (bytes: number, byte: number): Uint8Array => new Uint8Array(bytes).fill(byte);

test.each([1, 3, 64, 100_000])(
  'frames come out as they went in, however the pipe cuts them (%i bytes at once)',
  (bytesAtOnce) => {
    const frames = [
      { type: 2, payload: filled(10, 1) },
      { type: 3, payload: filled(0, 0) },
      { type: 1, payload: filled(70_000, 2) },
      { type: 2, payload: filled(65_531, 3) },
      { type: 6, payload: filled(65_532, 4) },
      { type: 2, payload: filled(5, 5) },
    ];
    const bytes = Buffer.concat(frames.map(({ type, payload }) => encodeFrame(type, payload)));
    const { channel } = pipeOf(bytes, bytesAtOnce);
    for (const { type, payload } of frames) {
      const frame = channel.receive();
      expect(frame?.type).toBe(type);
      expect(Buffer.from(frame?.payload ?? []).equals(payload)).toBe(true);
    }
    expect(channel.receive()).toBeUndefined();
  },
);

test.each([1, 1_000, 1_000_000])(
  'C2: a frame is written whole, however the pipe takes it (%i bytes at once)',
  (bytesAtOnce) => {
    for (const bytes of [0, 10, 70_000]) {
      const { channel, written } = pipeOf(new Uint8Array(), bytesAtOnce);
      const parts = [filled(3, 1), filled(bytes, 2)];
      channel.send(0x83, ...parts);
      expect(Buffer.from(written).equals(encodeFrame(0x83, ...parts))).toBe(true);
    }
  },
);

test('case 54: a length of 4 GiB, of nothing, or beyond the limit is refused before anything is allocated', () => {
  for (const length of [0, TO_RUNNER_BYTES_MAX + 1, 0xffff_ffff]) {
    const head = new Uint8Array(5);
    new DataView(head.buffer).setUint32(0, length, true);
    expect(() => pipeOf(head, 5).channel.receive()).toThrow('the limit is');
  }
});

test('case 55: half a frame and then the end is an error, not a frame', () => {
  const small = encodeFrame(2, filled(100, 1));
  const large = encodeFrame(1, filled(100_000, 1));
  for (const frame of [small.subarray(0, 3), small.subarray(0, 50), large.subarray(0, 80_000)])
    expect(() => pipeOf(frame, 1_000).channel.receive()).toThrow('ended within a frame');
});
