import { wasmOf } from '@infrafabric/testkit';
import { expect, test } from 'vitest';
import { loadHeader, MemoryChannel } from '../../../test/memory-channel.ts';
import { FROM_RUNNER, RESULT_STATUS, TO_RUNNER, withHeader, type Frame } from '../frame.ts';
import type { QuickJs } from './quickjs-engine.ts';
import { createRunner, type RunnerParts } from './serve.ts';

const partsOf = (channel: MemoryChannel, named: Partial<RunnerParts> = {}): RunnerParts => ({
  channel,
  ready: { node: '24.0.0', v8: '13.6' },
  warm: () => undefined,
  admitModule: (bytes, { sha256 }) => ({
    ok: false,
    code: sha256,
    reason: `${bytes.length} bytes`,
  }),
  meterModule: (bytes) => ({ bytes, fuelExport: 'fuel' }),
  openEngine: () => Promise.reject(new Error('\x1b[31mno engine')),
  probe: () => Promise.resolve([]),
  ...named,
});

/** Serves the frames to their end; what the runner said after READY. */
const serve = async (
  frames: readonly Frame[],
  named: Partial<RunnerParts> = {},
  channel = new MemoryChannel(),
): Promise<readonly Frame[]> => {
  channel.incoming.push(...frames);
  await createRunner(partsOf(channel, named)).serve();
  return channel.sent.slice(1);
};

const json = (frame: Frame | undefined): unknown =>
  JSON.parse(Buffer.from(frame?.payload ?? []).toString());

const callFrame = (entrypoint: string, input = ''): Frame => {
  const name = Buffer.from(entrypoint);
  return {
    type: TO_RUNNER.call,
    payload: Buffer.concat([Buffer.from([name.length, 0]), name, Buffer.from(input)]),
  };
};
const loadFrame = (bytes: Uint8Array, named: Parameters<typeof loadHeader>[1] = {}): Frame => ({
  type: TO_RUNNER.load,
  payload: withHeader(loadHeader(bytes, named), bytes),
});
const resultOf = ({ payload }: Frame) => ({
  status: payload[0],
  fuel: new DataView(payload.buffer, payload.byteOffset).getFloat64(1, true),
  text: Buffer.from(payload.subarray(9)).toString(),
});

const ECHO = `(module
  (import "extism:host/env" "input_offset" (func $at (result i64)))
  (import "extism:host/env" "input_length" (func $bytes (result i64)))
  (import "extism:host/env" "output_set" (func $set (param i64 i64)))
  (func (export "run") (call $set (call $at) (call $bytes)))
  (func (export "trap") unreachable))`;

test('READY is the first word, and only then is time taken to warm up', async () => {
  const channel = new MemoryChannel();
  const order: string[] = [];
  await serve([], { warm: () => void order.push(`${channel.sent.length} sent`) }, channel);
  expect(channel.sent[0]?.type).toBe(FROM_RUNNER.ready);
  expect(json(channel.sent[0])).toStrictEqual({ node: '24.0.0', v8: '13.6' });
  expect(order).toStrictEqual(['1 sent']);
});

test('R1: a module is loaded and called, each with one answer', async () => {
  const [loaded, result, trapped] = await serve([
    loadFrame(await wasmOf(ECHO)),
    callFrame('run', 'hello'),
    callFrame('trap'),
  ]);
  expect(json(loaded)).toStrictEqual({ ok: true, exports: ['run', 'trap'] });
  expect(result === undefined ? undefined : resultOf(result)).toStrictEqual({
    status: RESULT_STATUS.ok,
    fuel: 0,
    text: 'hello',
  });
  expect(trapped === undefined ? undefined : resultOf(trapped)).toStrictEqual({
    status: RESULT_STATUS.trapped,
    fuel: 0,
    text: 'RuntimeError: unreachable',
  });
});

test('a call before a load, or after one that failed, is a trap', async () => {
  const bytes = await wasmOf(ECHO);
  const frames = await serve([
    callFrame('run'),
    loadFrame(bytes),
    loadFrame(bytes, { sha256: '00' }),
    callFrame('run'),
  ]);
  for (const frame of [frames[0], frames[3]])
    expect(frame === undefined ? undefined : resultOf(frame).text).toBe('no module is loaded');
  expect(json(frames[2])).toMatchObject({ ok: false });
});

test('a call frame whose name is cut off names what is there of it', async () => {
  const payload = Buffer.from([200, 0, 0x72, 0x75, 0x6e]);
  const [, result] = await serve([
    loadFrame(await wasmOf(ECHO)),
    { type: TO_RUNNER.call, payload },
  ]);
  expect(result === undefined ? undefined : resultOf(result).status).toBe(RESULT_STATUS.ok);
  const [empty] = await serve([{ type: TO_RUNNER.call, payload: new Uint8Array() }]);
  expect(empty?.type).toBe(FROM_RUNNER.result);
});

test('admission gets the header and the bytes, and its verdict goes back', async () => {
  const [verdict, broken] = await serve([
    { type: TO_RUNNER.admit, payload: withHeader({ sha256: 'abc' }, new Uint8Array(3)) },
    { type: TO_RUNNER.admit, payload: new Uint8Array([9, 0, 0, 0]) },
  ]);
  expect(json(verdict)).toStrictEqual({ ok: false, code: 'abc', reason: '3 bytes' });
  expect(json(broken)).toStrictEqual({ ok: false, code: 'no-header', reason: 'no header' });
});

test('a header that is no JSON refuses the load', async () => {
  const payload = Buffer.concat([
    Buffer.from([2, 0, 0, 0]),
    Buffer.from('{]'),
    Buffer.from('rest'),
  ]);
  const [loaded] = await serve([{ type: TO_RUNNER.load, payload }]);
  expect(json(loaded)).toStrictEqual({ ok: false, reason: 'not JSON in UTF-8' });
});

test('an engine that cannot be made is told as text', async () => {
  const [failed] = await serve([{ type: TO_RUNNER.engine, payload: new Uint8Array([1]) }]);
  expect(json(failed)).toStrictEqual({ ok: false, reason: 'Error: no engine' });
});

test('Q1: an engine is prepared for the load of a script and for each run, and for no module', async () => {
  const prepared: (number | undefined)[] = [];
  const engine: QuickJs = {
    prepare: (pages) => {
      prepared.push(pages);
      return Promise.resolve();
    },
    take: () => {
      throw new Error('no engine here');
    },
  };
  const script = new TextEncoder().encode('export const run = 1;');
  const frames = await serve(
    [
      { type: TO_RUNNER.engine, payload: new Uint8Array([1]) },
      loadFrame(await wasmOf(ECHO)),
      callFrame('run'),
      loadFrame(script, { abi: 'js', memoryPagesMax: 300 }),
      callFrame('run'),
    ],
    { openEngine: () => Promise.resolve(engine) },
  );
  expect(json(frames[3])).toStrictEqual({ ok: false, reason: 'Error: no engine here' });
  expect(prepared).toStrictEqual([300, undefined, undefined]);
});

test('the probe is told whom to try to signal, where the host says so', async () => {
  const asked: (number | undefined)[] = [];
  const probe: RunnerParts['probe'] = (pid) => {
    asked.push(pid);
    return Promise.resolve([{ name: 'read', outcome: 'denied', detail: 'EPERM' }]);
  };
  const payload = new Uint8Array([0x39, 0x30, 0, 0]);
  const [probed] = await serve(
    [
      { type: TO_RUNNER.probe, payload },
      { type: TO_RUNNER.probe, payload: new Uint8Array() },
    ],
    { probe },
  );
  expect(asked).toStrictEqual([12_345, undefined]);
  expect(json(probed)).toStrictEqual({
    attempts: [{ name: 'read', outcome: 'denied', detail: 'EPERM' }],
  });
});

test('F2: a frame that nobody asked for ends the runner', async () => {
  await expect(serve([{ type: TO_RUNNER.reply, payload: new Uint8Array(1) }])).rejects.toThrow(
    'a frame of type 3 came unasked',
  );
});

test('F2: anything but a reply to a host call ends the runner, whatever the guest would catch', async () => {
  const text = `(module (import "infrafabric:host" "call" (func $call (param i64) (result i64)))
    (func (export "run") (drop (call $call (i64.const 0)))))`;
  const channel = new MemoryChannel();
  channel.answer = () => ({ type: TO_RUNNER.call, payload: new Uint8Array() });
  await expect(
    serve([loadFrame(await wasmOf(text)), callFrame('run')], {}, channel),
  ).rejects.toThrow('a reply was awaited; 2 came');
});
