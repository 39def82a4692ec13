import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { beforeAll, expect, test } from 'vitest';
import { loadHeader, MemoryChannel, refusalFrame } from '../../../test/memory-channel.ts';
import { FROM_RUNNER, HOST_CALL_BYTES_MAX, TO_RUNNER } from '../frame.ts';
import type { LoadHeader } from '../words.ts';
import type { Guest, RunEnd } from './guest.ts';
import { loadGuest } from './load.ts';
import { openEngine, type QuickJs } from './quickjs-engine.ts';

let engine: QuickJs;
beforeAll(async () => {
  const require = createRequire(import.meta.url);
  engine = await openEngine(
    await readFile(require.resolve('@jitl/quickjs-wasmfile-release-sync/wasm')),
  );
});
/** As the loop does before each load and each run. */
const prepare = (pages = 1_024): Promise<void> => engine.prepare(pages);

const noMeter = (): never => {
  throw new Error('scripts are not metered');
};

const load = async (
  source: string,
  named: Partial<LoadHeader> = {},
  channel = new MemoryChannel(),
): Promise<Guest> => {
  await prepare();
  const bytes = new TextEncoder().encode(source);
  const header = loadHeader(bytes, { abi: 'js', ...named });
  const loaded = loadGuest({ header, bytes, channel, engine, meterModule: noMeter });
  if (!loaded.ok) throw new Error(loaded.reason);
  return loaded.guest;
};

const told = (end: RunEnd): string =>
  end.kind === 'ok' ? Buffer.from(end.output).toString() : `${end.kind}: ${end.message}`;

const run = async (
  loaded: Guest | Promise<Guest>,
  input: unknown = null,
  entrypoint = 'run',
  pages?: number,
): Promise<string> => {
  const guest = await loaded;
  await prepare(pages);
  return told(guest.run(entrypoint, new TextEncoder().encode(JSON.stringify(input))).end);
};

test('an export is called with the input, and what it returns is the output', async () => {
  const guest = await load('export const run = ({ words }) => ({ count: words.length });');
  expect(await run(guest, { words: ['a', 'b'] })).toBe('{"count":2}');
  expect(await run(load('export function run() {}'))).toBe('null');
});

test('a plain script works too: its functions are its entrypoints', async () => {
  expect(await run(load('function run(x) { return x * 2; }'), 21)).toBe('42');
});

test('an entrypoint may be async, and modules may await at their top', async () => {
  expect(await run(load('export const run = async (x) => { await null; return x + 1; };'), 1)).toBe(
    '2',
  );
  expect(
    await run(load('const one = await Promise.resolve(1); export const run = () => one;')),
  ).toBe('1');
  expect(await run(load('export const run = () => new Promise(() => {});'))).toBe(
    'trapped: Trap: its promise never settled',
  );
  expect(await run(load('export const run = async () => { throw new TypeError("no"); };'))).toMatch(
    /^trapped: TypeError: no/,
  );
});

test('what a guest throws ends the run in its own words, capped', async () => {
  expect(await run(load('export const run = () => { throw new Error("boo"); };'))).toMatch(
    /^trapped: Error: boo\n\s+at run \(guest\.js/,
  );
  expect(await run(load('export const run = () => { throw { code: 3 }; };'))).toBe(
    'trapped: thrown: {"code":3}',
  );
  expect(
    (await run(load('export const run = () => { throw new Error("x".repeat(100_000)); };'))).length,
  ).toBeLessThan(2_100);
  expect(
    await run(
      load(
        'export const run = () => { throw { toJSON() { throw 1; }, toString() { throw 2; } }; };',
      ),
    ),
  ).toBe('trapped: something was thrown that cannot be told');
});

test('case 74: nothing of one run is there in the next, in changed intrinsics neither', async () => {
  const guest = await load(`let seen = 0;
    export const run = () => {
      seen += 1;
      const before = [seen, globalThis.kept, [].polluted];
      globalThis.kept = 1;
      Array.prototype.polluted = 1;
      JSON.parse = () => 'changed';
      return before;
    };`);
  for (let round = 0; round < 3; round += 1)
    expect(await run(guest, { a: 1 })).toBe('[1,null,null]');
});

test('there is no way out: no require, no import, no process, no timers, no network', async () => {
  const names = [
    'require',
    'process',
    'fetch',
    'WebSocket',
    'setTimeout',
    'Deno',
    'std',
    'os',
    'SharedArrayBuffer',
    'Worker',
  ];
  const guest = await load(
    `export const run = (names) => names.filter((name) => typeof globalThis[name] !== 'undefined');`,
  );
  expect(
    await run(
      guest,
      names.filter((name) => name !== 'SharedArrayBuffer'),
    ),
  ).toBe('[]');
  await expect(load('import fs from "node:fs"; export const run = () => 1;')).rejects.toThrow(
    "could not load module 'node:fs'",
  );
  expect(await run(load('export const run = () => import("node:fs").then(() => 1);'))).toMatch(
    /^trapped/,
  );
});

test('a syntax error refuses the load, and says where it is known', async () => {
  await expect(load('export const run = ')).rejects.toThrow('not JavaScript: unexpected token');
  const bytes = new Uint8Array([0xff, 0xfe]);
  const options = { bytes, channel: new MemoryChannel(), engine, meterModule: noMeter };
  expect(loadGuest({ header: loadHeader(bytes, { abi: 'js' }), ...options })).toStrictEqual({
    ok: false,
    reason: 'the script is not UTF-8',
  });
  expect(
    loadGuest({ header: loadHeader(bytes, { abi: 'js', memoryPagesMax: 255 }), ...options }),
  ).toStrictEqual({ ok: false, reason: 'JavaScript needs a memory of 16 MiB or more' });
});

test('an engine that could not be prepared is told by the run that needs it', async () => {
  const guest = await load('export const run = () => 1;');
  await engine.prepare(1);
  expect(told(guest.run('run', new Uint8Array()).end)).toMatch(
    /^trapped: Trap: there is no JavaScript engine: /,
  );
  expect(await run(guest)).toBe('1');
  await expect(openEngine(new Uint8Array([0, 1, 2]))).rejects.toThrow('WebAssembly.Module');
});

test('an entrypoint that is no function is a trap', async () => {
  const guest = await load('export const run = 1;');
  expect(await run(guest)).toBe('trapped: Trap: there is no function run');
  expect(await run(guest, null, 'toString')).toBe('trapped: Trap: there is no function toString');
});

test('Q2: memory ends at the limit, and the guest may catch that', async () => {
  const guest = await load(
    `const all = [];
     export const fill = () => { for (;;) all.push(new Uint8Array(100_000)); };
     export const caught = () => { try { fill(); } catch (thrown) { const { length } = all; all.length = 0; return length; } };
     export const fine = () => 'fine';`,
  );
  expect(await run(guest, null, 'fill', 320)).toMatch(/out of memory|cannot be told/);
  // 320 pages are 20 MiB, and the engine's own stack and heap are in there.
  const kept = Number(await run(guest, null, 'caught', 320));
  expect(kept).toBeGreaterThan(100);
  expect(kept).toBeLessThan(210);
  expect(await run(guest, null, 'fine')).toBe('"fine"');
});

test('a stack that ends is an error that the guest may catch, or the end of its run', async () => {
  const guest = await load(
    `export const deep = () => deep();
     export const parse = () => JSON.parse('['.repeat(100_000));
     export const caught = () => { try { deep(); } catch (thrown) { return thrown.name; } };
     export const fine = () => 'fine';`,
  );
  expect(await run(guest, null, 'deep')).toMatch(/^trapped: InternalError: stack overflow/);
  expect(await run(guest, null, 'caught')).toBe('"InternalError"');
  expect(await run(guest, null, 'parse')).toMatch(/^trapped/);
  expect(await run(guest, null, 'fine')).toBe('"fine"');
});

test('an output beyond the limit is an end of its own', async () => {
  expect(await run(load(`export const run = () => 'x'.repeat(8 * 1024 * 1024);`))).toMatch(
    /^output: an output of 8388610 bytes/,
  );
  // Each of these characters is three bytes.
  expect(await run(load(`export const run = () => '€'.repeat(3 * 1024 * 1024);`))).toMatch(
    /^output:/,
  );
});

test('host.call asks the host, and a refusal is an error with a code that the guest may catch', async () => {
  const channel = new MemoryChannel();
  const source = `export const run = (x) => {
    try { return host.call(x); } catch (refusal) { return [refusal.code, refusal.message]; }
  };`;
  channel.answer = (_fn, request) => `{"got":${request}}`;
  expect(await run(load(source, {}, channel), { a: 1 })).toBe('{"got":{"a":1}}');
  channel.answer = () => refusalFrame('rate', 'ten a second');
  expect(await run(load(source, {}, channel))).toBe('["rate","rate: ten a second"]');
  channel.answer = () => 'no json';
  expect(await run(load(source, {}, channel))).toMatch('bad-reply');
  expect(await run(load(source, { hostFunctions: [] }, channel))).toMatch('not-granted');
});

test('F2: a host that answers with anything but a reply ends the runner, whatever the script catches', async () => {
  const channel = new MemoryChannel();
  channel.answer = () => ({ type: TO_RUNNER.call, payload: new Uint8Array() });
  const guest = await load(
    'export const run = () => { try { host.call(1); } catch {} return 1; }; export const silent = () => { host.call(1); };',
    {},
    channel,
  );
  for (const entrypoint of ['run', 'silent'])
    await expect(run(guest, null, entrypoint)).rejects.toThrow('a reply was awaited; 2 came');
});

test('host.http sends text, and gives text back; base64 both ways where that is asked for', async () => {
  const channel = new MemoryChannel();
  channel.answer = () =>
    JSON.stringify({
      status: 200,
      headers: { a: 'b' },
      body: Buffer.from('grün').toString('base64'),
    });
  const guest = await load('export const run = (request) => host.http(request);', {}, channel);
  expect(
    await run(guest, {
      alias: 'model',
      url: 'https://x/',
      method: 'POST',
      headers: { c: 'd' },
      body: 'ö',
    }),
  ).toBe('{"status":200,"headers":{"a":"b"},"body":"grün"}');
  expect(JSON.parse(channel.texts(FROM_RUNNER.hostCall, 1)[0] ?? '')).toStrictEqual({
    alias: 'model',
    url: 'https://x/',
    method: 'POST',
    headers: { c: 'd' },
    body: Buffer.from('ö').toString('base64'),
  });
  const raw = { url: 'https://x/', body: 'AAEC', encoding: 'base64' };
  expect(JSON.parse(await run(guest, raw))).toHaveProperty(
    'body',
    Buffer.from('grün').toString('base64'),
  );
  expect(JSON.parse(channel.texts(FROM_RUNNER.hostCall, 1)[1] ?? '')).toHaveProperty(
    'body',
    'AAEC',
  );
  expect(await run(guest, 'no request')).toMatch('bad-request');
  expect(await run(guest, { url: 'https://x/', body: 'x'.repeat(HOST_CALL_BYTES_MAX) })).toMatch(
    'request-too-large',
  );
});

test('case 49: a log line of a script is plain text, whatever was logged', async () => {
  const channel = new MemoryChannel();
  const source = String.raw`export const run = () => {
    console.log('\u001b[31mred', { a: [1] }, undefined, Symbol('s'));
    console.error('bad'); console.warn('w'); console.debug('d'); console.trace('t'); console.info('i');
    host.log('info', 'direct'); host.log('nonsense', 'still info');
    const circle = {}; circle.circle = circle; console.log(circle);
  };`;
  await run(load(source, {}, channel));
  expect(channel.logs()).toStrictEqual([
    'red {"a":[1]} undefined Symbol(s)',
    'bad',
    'w',
    'd',
    't',
    'i',
    'direct',
    'still info',
    '[object Object]',
  ]);
  const quiet = new MemoryChannel();
  await run(load(source, { hostFunctions: [] }, quiet));
  expect(quiet.sent).toHaveLength(0);
});

test('case 50: a script that logs more than the log holds goes on, and its log is cut', async () => {
  const channel = new MemoryChannel();
  const source = `export const run = () => { console.log('x'.repeat(1_000_000)); console.log('y'); return 1; };`;
  expect(await run(load(source, {}, channel))).toBe('1');
  expect(channel.logs()).toHaveLength(2);
  expect(channel.logs()[0]).toHaveLength(65_536);
  expect(channel.logs()[1]).toBe('log cut at 65536 bytes');
});

const DETERMINISTIC = { deterministic: { fuel: 50_000_000, seed: '07'.repeat(32) } };

test('a deterministic script has a clock that stands still and the randomness of its seed', async () => {
  const source = `export const run = () => [
    Math.random(), Date.now(), new Date().toISOString(), new Date(5).getTime(), new Date(2000, 0).getFullYear(),
    typeof Date(), new Date().constructor === Date, new Date() instanceof Date, Date.UTC(1970, 0), Date.parse('1970-01-01'),
  ];`;
  const guest = await load(source, DETERMINISTIC);
  const first = await run(guest);
  expect(first).toMatch(/^\[0\.\d+,0,"1970-01-01T00:00:00\.000Z",5,2000,"string",true,true,0,0\]$/);
  expect(await run(guest)).toBe(first);
  expect(await run(load(source))).not.toBe(first);
});

test('fuel of a script is counted in the interpreter, the same each time, and ends it', async () => {
  const guest = await load(
    `export const run = (n) => { let sum = 0; for (let i = 0; i < n; i += 1) sum += i; return sum; };
     export const spin = () => { for (;;) { try { for (;;); } catch { continue; } } };`,
    DETERMINISTIC,
  );
  const used = async (): Promise<number> => {
    await prepare();
    return guest.run('run', new TextEncoder().encode('100000')).fuelUsed;
  };
  const first = await used();
  expect(first).toBeGreaterThan(0);
  expect([await used(), await used()]).toStrictEqual([first, first]);
  await prepare();
  const { end, fuelUsed } = guest.run('spin', new Uint8Array());
  expect(told(end)).toBe('fuel: the fuel of 50000000 ran out');
  expect(fuelUsed).toBe(50_000_000);
  expect(await used()).toBe(first);
});

test('input that is not UTF-8 or not JSON is a trap; no input is null', async () => {
  const guest = await load('export const run = (x) => x;');
  const given = async (input: Uint8Array): Promise<string> => {
    await prepare();
    return told(guest.run('run', input).end);
  };
  expect(await given(new Uint8Array([0xff]))).toMatch('the input is not UTF-8');
  expect(await given(new TextEncoder().encode('{'))).toMatch(/^trapped: SyntaxError/);
  expect(await given(new Uint8Array())).toBe('null');
});
