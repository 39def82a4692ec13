import { importablesOf } from '../admission/index.ts';
import { meterModule } from '../fuel/index.ts';
import { MODULE_ATTACKS, wasmOf } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import { loadHeader, MemoryChannel, refusalFrame } from '../../../test/memory-channel.ts';
import type { LoadHeader } from '../words.ts';
import type { Guest, RunEnd } from './guest.ts';
import { loadGuest, type GuestLoaded } from './load.ts';

const load = (
  bytes: Uint8Array,
  named: Partial<LoadHeader> = {},
  channel = new MemoryChannel(),
): GuestLoaded =>
  loadGuest({
    header: loadHeader(bytes, named),
    bytes,
    channel,
    engine: undefined,
    meterModule,
  });

const guestOf = async (
  text: string,
  named: Partial<LoadHeader> = {},
  channel = new MemoryChannel(),
): Promise<Guest> => {
  const loaded = load(await wasmOf(text), named, channel);
  if (!loaded.ok) throw new Error(loaded.reason);
  return loaded.guest;
};

const run = (guest: Guest, input = '', entrypoint = 'run'): RunEnd =>
  guest.run(entrypoint, new TextEncoder().encode(input)).end;

/** The output as text, or how it ended. */
const told = (end: RunEnd): string =>
  end.kind === 'ok' ? Buffer.from(end.output).toString() : `${end.kind}: ${end.message}`;

const ENV = (name: string, type: string): string =>
  `(import "extism:host/env" "${name}" (func $${name} ${type}))`;
const ECHO = `(module
  ${ENV('input_offset', '(result i64)')} ${ENV('input_length', '(result i64)')}
  ${ENV('output_set', '(param i64 i64)')}
  (func (export "run") (result i32) (call $output_set (call $input_offset) (call $input_length)) (i32.const 0)))`;

describe('Extism modules', () => {
  test('what a module sets as output is its result', async () => {
    const guest = await guestOf(ECHO);
    expect(guest.exports).toStrictEqual(['run']);
    expect(told(run(guest, 'hello'))).toBe('hello');
    expect(told(run(guest, ''))).toBe('');
  });

  test('a code that is not 0 is a failure, with the message where one was set', async () => {
    const text = (set: string): string => `(module ${ENV('error_set', '(param i64)')}
      ${ENV('input_offset', '(result i64)')}
      (func (export "run") (result i32) ${set} (i32.const 7)))`;
    expect(told(run(await guestOf(text('')), 'x'))).toBe('failed: the module returned 7');
    const withError = await guestOf(text('(call $error_set (call $input_offset))'));
    expect(told(run(withError, 'it broke'))).toBe('failed: it broke');
  });

  test('traps are ends, and the next run is unaffected', async () => {
    const guest = await guestOf(`(module
      (func (export "unreachable") unreachable)
      (func (export "divide") (result i32) (i32.div_s (i32.const 1) (i32.const 0)))
      (func $deep (export "deep") (call $deep))
      (func (export "fine") (result i32) (i32.const 0)))`);
    expect(told(run(guest, '', 'unreachable'))).toBe('trapped: RuntimeError: unreachable');
    expect(told(run(guest, '', 'divide'))).toBe('trapped: RuntimeError: divide by zero');
    expect(told(run(guest, '', 'deep'))).toBe(
      'trapped: RangeError: Maximum call stack size exceeded',
    );
    expect(told(run(guest, '', 'fine'))).toBe('');
  });

  test('case 40: an entrypoint that is no function of the module is a trap, whatever it is named', async () => {
    const guest = await guestOf(
      '(module (memory (export "memory") 1) (func (export "__proto__")) (func (export "constructor")))',
    );
    expect(told(run(guest, '', '__proto__'))).toBe('');
    expect(told(run(guest, '', 'constructor'))).toBe('');
    for (const name of ['memory', 'toString', 'hasOwnProperty', 'run'])
      expect(told(run(guest, '', name))).toBe(`trapped: Trap: there is no function ${name}`);
  });

  const COUNTER = `(module
    ${ENV('alloc', '(param i64) (result i64)')} ${ENV('store_u8', '(param i64 i32)')}
    ${ENV('output_set', '(param i64 i64)')} ${ENV('var_get', '(param i64) (result i64)')}
    ${ENV('var_set', '(param i64 i64)')} ${ENV('length', '(param i64) (result i64)')}
    (memory (export "memory") 1) (global $runs (mut i32) (i32.const 0))
    (func (export "run") (result i32) (local $at i64) (local $kept i64)
      (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
      (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))
      (local.set $at (call $alloc (i64.const 3)))
      (local.set $kept (call $var_get (local.get $at)))
      (call $store_u8 (local.get $at) (i32.add (i32.const 48) (global.get $runs)))
      (call $store_u8 (i64.add (local.get $at) (i64.const 1)) (i32.add (i32.const 48) (i32.load8_u (i32.const 0))))
      (call $store_u8 (i64.add (local.get $at) (i64.const 2))
        (i32.add (i32.const 48) (i32.wrap_i64 (call $length (local.get $kept)))))
      (call $var_set (call $alloc (i64.const 3)) (local.get $at))
      (call $output_set (local.get $at) (i64.const 3)) (i32.const 0))
    (func (export "trap") unreachable))`;

  test('case 74: memory, globals and variables are new in every run', async () => {
    const guest = await guestOf(COUNTER);
    for (let round = 0; round < 3; round += 1) expect(told(run(guest))).toBe('110');
  });

  test('an instance of the session keeps them, until it traps (W2)', async () => {
    const guest = await guestOf(COUNTER, { reuse: 'session' });
    expect([told(run(guest)), told(run(guest)), told(run(guest))]).toStrictEqual([
      '110',
      '223',
      '333',
    ]);
    run(guest, '', 'trap');
    expect(told(run(guest))).toBe('110');
  });

  test('what toolchains want called first is called once an instance, in their order', async () => {
    const text = `(module ${ENV('alloc', '(param i64) (result i64)')} ${ENV('store_u8', '(param i64 i32)')}
      ${ENV('output_set', '(param i64 i64)')} (global $said (mut i32) (i32.const 0))
      (func $say (param i32) (global.set $said (i32.add (i32.mul (global.get $said) (i32.const 10)) (local.get 0))))
      (func (export "_initialize") (call $say (i32.const 1)))
      (func (export "__wasm_call_ctors") (call $say (i32.const 5)))
      (func (export "hs_init") (param i32 i32) (call $say (i32.const 2)))
      (func (export "run") (result i32) (global.get $said)))`;
    const guest = await guestOf(text, { reuse: 'session' });
    expect(told(run(guest))).toBe('failed: the module returned 12');
    expect(told(run(guest))).toBe('failed: the module returned 12');
  });

  test('an abort of AssemblyScript says what it says, whatever its pointers are', async () => {
    const text = (message: number): string => `(module
      (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
      (memory (export "memory") 1) (data (i32.const 4) "\\06\\00\\00\\00o\\00h\\00\\1b\\00")
      (func (export "run") (call $abort (i32.const ${message}) (i32.const 0) (i32.const 3) (i32.const 4))))`;
    expect(told(run(await guestOf(text(8))))).toBe('trapped: Trap: abort: oh\x1b at :3:4');
    for (const pointer of [0, 3, -1, 65_536, 70_000])
      expect(told(run(await guestOf(text(pointer))))).toMatch(
        /^trapped: Trap: abort: .* at :3:4$/s,
      );
  });

  test('a refusal of the host ends the run, and says why', async () => {
    const channel = new MemoryChannel();
    channel.answer = () => refusalFrame('not-granted', 'no grant');
    const guest = await guestOf(
      `(module ${ENV('input_offset', '(result i64)')}
        (import "infrafabric:host" "call" (func $call (param i64) (result i64)))
        (func (export "run") (drop (call $call (call $input_offset)))))`,
      {},
      channel,
    );
    expect(told(run(guest, '{}'))).toBe('trapped: HostRefusal: not-granted: no grant');
  });

  test('an output larger than a result may be is an end of its own', async () => {
    const guest = await guestOf(`(module ${ENV('alloc', '(param i64) (result i64)')}
      ${ENV('output_set', '(param i64 i64)')}
      (func (export "run") (call $output_set (call $alloc (i64.const 9000000)) (i64.const 9000000))))`);
    expect(told(run(guest))).toBe('output: an output of 9000000 bytes; the limit is 8388608');
  });
});

describe('linking', () => {
  test('case 39: bytes that are not those of the digest are not even looked at', async () => {
    const bytes = await wasmOf(ECHO);
    expect(load(bytes, { sha256: '0'.repeat(64) })).toStrictEqual({
      ok: false,
      reason: expect.stringMatching(/^the bytes are of sha256 [0-9a-f]{64}, not 0{64}$/),
    });
  });

  test('case 48: an import that is not offered refuses the load', async () => {
    const cases = [
      ['(import "extism:host/user" "anything" (func))', 'is not offered'],
      ['(import "extism:host/env" "__proto__" (func))', 'is not offered'],
      ['(import "constructor" "name" (func))', 'is not offered'],
      ['(import "env" "memory" (memory 1))', 'is not offered'],
      ['(import "extism:host/env" "alloc" (global i64))', 'is not offered'],
      ['(import "wasi_snapshot_preview1" "sock_open" (func))', 'is not offered'],
    ];
    for (const [text = '', reason = ''] of cases)
      expect(load(await wasmOf(`(module ${text})`))).toStrictEqual({
        ok: false,
        reason: expect.stringContaining(reason),
      });
  });

  test('case 52: http, log and call are linked where the contract lists them, and only there', async () => {
    const named = [
      ['http', ENV('http_request', '(param i64 i64) (result i64)')],
      ['log', ENV('log_info', '(param i64)')],
      ['call', '(import "infrafabric:host" "call" (func (param i64) (result i64)))'],
    ] as const;
    for (const [name, text] of named) {
      const bytes = await wasmOf(`(module ${text} (func (export "run")))`);
      expect(load(bytes, { hostFunctions: [] })).toStrictEqual({
        ok: false,
        reason: expect.stringContaining(`needs the host function ${name}`),
      });
      expect(load(bytes, { hostFunctions: [name] }).ok).toBe(true);
    }
  });

  test('everything that admission lets a module import has a function here', async () => {
    for (const abi of ['extism', 'json', 'wasi'] as const)
      for (const [module, names] of importablesOf(abi))
        for (const [name, { signature }] of names) {
          const [parameters = '', results = ''] = signature.split('->').map((part) => part.trim());
          const bytes = await wasmOf(
            `(module (import "${module}" "${name}" (func (param ${parameters}) (result ${results}))))`,
          );
          expect(load(bytes, { abi }), `${module} ${name}`).toMatchObject({ ok: true });
        }
  });

  test('bytes that are no module are refused with a reason', () => {
    expect(load(new TextEncoder().encode('not wasm'))).toStrictEqual({
      ok: false,
      reason: 'not a valid WebAssembly module',
    });
  });

  test('a script is refused where the engine was not sent', () => {
    expect(load(new TextEncoder().encode('1'), { abi: 'js' })).toStrictEqual({
      ok: false,
      reason: 'the engine of JavaScript was not sent before',
    });
  });
});

describe('deterministic modules', () => {
  const LOOP = `(module ${ENV('input_length', '(result i64)')}
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    ${ENV('output_set', '(param i64 i64)')} ${ENV('alloc', '(param i64) (result i64)')}
    ${ENV('store_u64', '(param i64 i64)')}
    (memory (export "memory") 1)
    (func (export "run") (local $left i64) (local $at i64)
      (local.set $left (call $input_length))
      (loop $l (br_if $l (i64.ne (local.tee $left (i64.sub (local.get $left) (i64.const 1))) (i64.const 0))))
      (drop (call $random (i32.const 0) (i32.const 8)))
      (local.set $at (call $alloc (i64.const 8)))
      (call $store_u64 (local.get $at) (i64.load (i32.const 0)))
      (call $output_set (local.get $at) (i64.const 8)))
    (func (export "spin") (loop $l (br $l))))`;
  const STARTED = `(module (global $n (mut i32) (i32.const 0)) (func $start (global.set $n (i32.const 9)))
    (func $spin (loop $l (br $l))) (start START)
    (func (export "run") (result i32) (global.get $n)))`;
  const deterministic = { fuel: 100_000, seed: 'ab'.repeat(32) };

  test.each(['run', 'session'] as const)(
    'fuel is counted for each run, the same each time, and ends it (reuse %s)',
    async (reuse) => {
      const guest = await guestOf(LOOP, { deterministic, reuse });
      const input = new Uint8Array(1_000);
      const first = guest.run('run', input);
      expect(first.end.kind).toBe('ok');
      expect(first.fuelUsed).toBeGreaterThan(1_000);
      expect(guest.run('run', input)).toStrictEqual(first);
      expect(guest.run('run', new Uint8Array(10)).fuelUsed).toBeLessThan(first.fuelUsed);
      const spun = guest.run('spin', input);
      expect(spun).toStrictEqual({
        end: { kind: 'fuel', message: 'the fuel of 100000 ran out' },
        fuelUsed: 100_000,
      });
      expect(guest.run('run', input)).toStrictEqual(first);
    },
  );

  test('case 44: the start function pays too, and its end is told as one of fuel', async () => {
    const named = { deterministic, allowStart: true };
    const calm = await guestOf(STARTED.replace('START', '$start'), named);
    expect(told(run(calm))).toBe('failed: the module returned 9');
    const endless = await guestOf(STARTED.replace('START', '$spin'), named);
    expect(told(run(endless))).toBe('fuel: the fuel of 100000 ran out');
  });

  test('case 41: a module that writes to a global which only the pass adds is refused, being invalid', async () => {
    const bytes = await wasmOf('(module (func (export "run")))');
    // Body of run: i64.const 0x7fff, global.set 0.
    const at = bytes.length - 4;
    const wild = new Uint8Array([
      ...bytes.subarray(0, at),
      10,
      10,
      1,
      8,
      0,
      0x42,
      0xff,
      0xff,
      1,
      0x24,
      0,
      0x0b,
    ]);
    expect(load(wild, { deterministic })).toMatchObject({ ok: false });
  });
});

describe('modules with alloc and JSON', () => {
  const JSON_MODULE = `(module (memory (export "memory") 1) (global $freed (mut i32) (i32.const 0))
    (func (export "alloc") (param i32) (result i32) (i32.const 1024))
    (func (export "dealloc") (param i32 i32) (global.set $freed (local.get 1)))
    (func (export "echo") (param i32 i32) (result i64)
      (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1))))
    (func (export "fail") (param i32 i32) (result i64)
      (i64.or (i64.const 0x8000000000000000)
        (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))))
    (func (export "outside") (param i32 i32) (result i64) (i64.const 0x0000fff000000100))
    (func (export "narrow") (param i32 i32) (result i32) (i32.const 0)))`;

  test('the result is what the packed pointer and length name', async () => {
    const guest = await guestOf(JSON_MODULE, { abi: 'json' });
    expect(told(run(guest, '{"a":1}', 'echo'))).toBe('{"a":1}');
    expect(told(run(guest, '', 'echo'))).toBe('');
  });

  test('a negative result is a failure with its message', async () => {
    const guest = await guestOf(JSON_MODULE, { abi: 'json' });
    expect(told(run(guest, 'it broke', 'fail'))).toBe('failed: it broke');
  });

  test('a result outside of the memory, of another type, or an alloc without room is a trap', async () => {
    const guest = await guestOf(JSON_MODULE, { abi: 'json' });
    expect(told(run(guest, '', 'outside'))).toBe(
      'trapped: Trap: the result at 65520 of 256 bytes is outside of the memory',
    );
    expect(told(run(guest, '', 'narrow'))).toMatch('returns i64');
    expect(told(run(guest, '', 'none'))).toMatch('there is no function none');
    expect(told(run(guest, 'x'.repeat(65_000), 'echo'))).toMatch('has no room for 65000 bytes');
    const bare = await guestOf('(module (func (export "run")))', { abi: 'json' });
    expect(told(run(bare))).toMatch('needs the exports memory and alloc');
  });
});

describe('WASI commands', () => {
  const CAT = `(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (loop $more
        (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 512))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        (i32.store (i32.const 4) (i32.load (i32.const 8)))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
        (br_if $more (i32.load (i32.const 8))))
      (call $exit (i32.const 0)))
    (func (export "leave") (call $exit (i32.const 3))))`;

  test('input goes in at standard input, and output comes out at standard output', async () => {
    const guest = await guestOf(CAT, { abi: 'wasi' });
    const text = 'line\n'.repeat(1_000);
    expect(told(run(guest, text, '_start'))).toBe(text);
    expect(told(run(guest, 'again', '_start'))).toBe('again');
  });

  test('an exit code that is not 0 is a failure', async () => {
    const guest = await guestOf(CAT, { abi: 'wasi' });
    expect(told(run(guest, '', 'leave'))).toBe('failed: the module returned 3');
  });
});

/** Those about what is linked. What is killed, or limited by flags of the process, needs a process of its own. */
const HERE = MODULE_ATTACKS.filter(
  ({ case: number, abi, expects, deterministic }) =>
    number >= 40 &&
    abi !== 'js' &&
    !deterministic &&
    (expects === 'completed' || expects === 'trapped'),
);

describe('attacks that are modules', () => {
  test('there are some', () => {
    expect(HERE.length).toBeGreaterThan(5);
  });

  test.each(HERE.map((attack) => [attack.case, attack.name, attack] as const))(
    'case %i: %s',
    async (_number, _name, attack) => {
      const channel = new MemoryChannel();
      channel.answer = () => refusalFrame('not-granted', 'no grant');
      const { abi, hostFunctions, allowStart, entrypoint, causes } = attack;
      const header = { abi, hostFunctions, allowStart, entrypoints: [entrypoint] };
      const loaded = load(await attack.bytes(), header, channel);
      if (!loaded.ok) throw new Error(loaded.reason);
      const { kind } = run(loaded.guest, '', entrypoint);
      expect(causes).toContain(kind === 'ok' ? 'completed' : kind);
      // No control character of the guest's is in the log.
      expect(channel.logs().join('')).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
    },
  );
});
