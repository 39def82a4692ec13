import { binary, MODULE_ATTACKS, PROGRAMS, wasmOf } from '@infrafabric/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { readInstruction } from '../admission/instructions.ts';
import { ByteReader } from '../admission/reader.ts';
import { writeCharge } from './charge.ts';
import { meterModule } from './meter.ts';
import { unitsOf } from './units.ts';
import { ByteWriter } from './writer.ts';

/** More than any test uses up, and exact as a number. */
const PLENTY = 1_000_000_000_000;

interface Running {
  readonly call: (name: string, ...args: readonly number[]) => unknown;
  readonly left: () => bigint;
  readonly exports: Readonly<Record<string, unknown>>;
}

const instantiate = (bytes: Uint8Array): WebAssembly.Instance =>
  new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(bytes)));

const start = (bytes: Uint8Array, fuel = PLENTY): Running => {
  expect(WebAssembly.validate(Buffer.from(bytes))).toBe(true);
  const metered = meterModule(bytes, { fuel });
  const { exports } = instantiate(metered.bytes);
  const call = (name: string, ...args: readonly number[]): unknown => {
    const fn = exports[name];
    if (typeof fn !== 'function') throw new Error(`no function ${name}`);
    return fn(...args);
  };
  const left = (): bigint => {
    const global = exports[metered.fuelExport];
    if (!(global instanceof WebAssembly.Global)) throw new Error('no count');
    const value: unknown = global.value;
    return typeof value === 'bigint' ? value : 0n;
  };
  return { call, left, exports };
};

const usedBy = (bytes: Uint8Array, name: string, ...args: readonly number[]): number => {
  const running = start(bytes);
  running.call(name, ...args);
  return PLENTY - Number(running.left());
};

/**
 * The reference: pays one unit before each instruction that costs one, whatever is around it. Five times slower, and too
 * plain to be wrong: at least so much has to be paid. Only for modules that export something.
 */
const naivelyMetered = (bytes: Uint8Array, fuel: number): Uint8Array => {
  const sections: { readonly id: number; readonly content: Uint8Array }[] = [];
  const reader = new ByteReader(bytes);
  reader.at = 8;
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const size = reader.u32();
    sections.push({ id, content: bytes.slice(reader.at, reader.at + size) });
    reader.at += size;
  }
  const own = sections.find(({ id }) => id === 6)?.content;
  const there = new ByteReader(own ?? binary.u32(0));
  const global = there.u32();
  const count = binary.concat(
    binary.bytesOf(0x7e, 1, 0x42),
    binary.signed(BigInt(fuel)),
    binary.bytesOf(0x0b),
  );
  const globals = binary.section(
    6,
    binary.u32(global + 1),
    own?.slice(there.at) ?? binary.bytesOf(),
    count,
  );
  const parts = sections.flatMap(({ id, content }) => {
    if (id === 6) return [];
    if (id === 10) return [binary.section(10, naiveBodies(content, global))];
    if (id !== 7) return [binary.section(id, content)];
    const old = new ByteReader(content);
    const exports = old.u32();
    const added = binary.exported('naive', global, 3);
    return [globals, binary.section(7, binary.u32(exports + 1), content.slice(old.at), added)];
  });
  return binary.moduleOf(...parts);
};

const naiveBodies = (content: Uint8Array, global: number): Uint8Array => {
  const reader = new ByteReader(content);
  const count = reader.u32();
  const bodies: Uint8Array[] = [];
  for (let at = 0; at < count; at += 1) {
    const size = reader.u32();
    const end = reader.at + size;
    const from = reader.at;
    for (let groups = reader.u32(); groups > 0; groups -= 1) {
      reader.u32();
      reader.skip(1);
    }
    const to = new ByteWriter(size);
    to.append(content.subarray(from, reader.at));
    while (reader.at < end) {
      const before = reader.at;
      const opcode = readInstruction(reader);
      const units = unitsOf(opcode);
      if (units > 0) writeCharge(to, global, units);
      to.append(content.subarray(before, reader.at));
    }
    bodies.push(binary.concat(binary.u32(to.length), to.written().slice()));
  }
  return binary.concat(binary.u32(count), binary.joined(bodies));
};

const naivelyUsedBy = (bytes: Uint8Array, name: string, ...args: readonly number[]): number => {
  const { exports } = instantiate(naivelyMetered(bytes, PLENTY));
  const fn = exports[name];
  if (typeof fn !== 'function') throw new Error(`no function ${name}`);
  fn(...args);
  const global = exports['naive'];
  const value: unknown = global instanceof WebAssembly.Global ? global.value : undefined;
  return PLENTY - Number(value);
};

describe('programs', () => {
  test.each(PROGRAMS)(
    '$name gives the same result, metered',
    async ({ text, small: [n, result] }) => {
      const bytes = await wasmOf(text);
      expect(start(bytes).call('compute', n)).toBe(result);
    },
  );

  /** Pinned: a count that changes is a run that cannot be repeated. Bump ADMISSION's and the runs' versions with them. */
  const COUNTS: Readonly<Record<string, readonly [n: number, units: number]>> = {
    fib: [12, 6_975],
    sieve: [1_000, 46_600],
    sort: [100, 54_603],
    matmul: [8, 26_139],
    sha: [200, 35_195],
    interpreter: [500, 36_015],
  };
  test.each(PROGRAMS)('$name uses a count that never changes', async ({ name, text }) => {
    const [n, units] = COUNTS[name] ?? [0, 0];
    expect(usedBy(await wasmOf(text), 'compute', n)).toBe(units);
  });

  test.each(PROGRAMS)(
    'M1: $name pays at least for each instruction that ran, and not for the arms that did not',
    async ({ text, small: [n] }) => {
      const bytes = await wasmOf(text);
      const ran = naivelyUsedBy(bytes, 'compute', n);
      const paid = usedBy(bytes, 'compute', n);
      expect(paid).toBeGreaterThanOrEqual(ran);
      // 2.4 is the sieve, most of whose numbers are no primes; charged by whole loops the interpreter would be at 20.
      expect(paid / ran).toBeLessThan(3);
    },
  );

  test('the same count a hundred times', async () => {
    const [fib] = PROGRAMS;
    const bytes = await wasmOf(fib?.text ?? '');
    const counts = Array.from({ length: 100 }, () => usedBy(bytes, 'compute', 10));
    expect(new Set(counts).size).toBe(1);
  });
});

describe('what is used up', () => {
  test('case 41: a write to the global that the pass adds is a defect, not a run for nothing', async () => {
    const attack = MODULE_ATTACKS.find(({ case: number }) => number === 41);
    const bytes = (await attack?.bytes()) ?? new Uint8Array();
    expect(WebAssembly.validate(Buffer.from(bytes))).toBe(false);
    expect(() => meterModule(bytes, { fuel: 1 })).toThrow('was not validated');
    // The same without a loop: a function that its callers pay for is looked at, too.
    const small = binary.runModule(binary.bytesOf(0x42, 0x00, 0x24, 0x00));
    expect(() => meterModule(small, { fuel: 1 })).toThrow('was not validated');
    const reading = binary.runModule(binary.bytesOf(0x23, 0x05, 0x1a));
    expect(() => meterModule(reading, { fuel: 1 })).toThrow('was not validated');
  });

  test.each(
    MODULE_ATTACKS.filter(({ expects, causes }) => expects === 'fuel' && causes[0] === 'fuel'),
  )('case $case: $name ends without fuel', async ({ bytes }) => {
    const metered = meterModule(await bytes(), { fuel: 10_000_000 });
    const { exports } = instantiate(metered.bytes);
    const begin = exports[metered.startExport ?? 'run'];
    expect(() => (typeof begin === 'function' ? begin() : undefined)).toThrow(
      WebAssembly.RuntimeError,
    );
    const left = exports[metered.fuelExport];
    expect(left instanceof WebAssembly.Global && Number(left.value) < 0).toBe(true);
  });

  test('case 42: the export has a name that the module does not use', async () => {
    const text = '(module (func (export "fuel")) (global (export "fuel1") i32 (i32.const 7)))';
    const metered = meterModule(await wasmOf(text), { fuel: 5 });
    expect(metered.fuelExport).toBe('fuel2');
    expect(WebAssembly.Module.exports(new WebAssembly.Module(metered.bytes))).toEqual([
      { name: 'fuel', kind: 'function' },
      { name: 'fuel1', kind: 'global' },
      { name: 'fuel2', kind: 'global' },
    ]);
  });

  test('another trap leaves what is left', async () => {
    const running = start(await wasmOf('(module (func (export "run") (loop unreachable)))'), 100);
    expect(() => running.call('run')).toThrow('unreachable');
    expect(running.left()).toBe(98n);
  });

  test('the last unit is enough, one less is not', async () => {
    const bytes = await wasmOf('(module (func (export "run") (loop (drop (i32.const 1)))))');
    expect(usedBy(bytes, 'run')).toBe(3);
    const enough = start(bytes, 3);
    enough.call('run');
    expect(enough.left()).toBe(0n);
    const short = start(bytes, 2);
    expect(() => short.call('run')).toThrow(WebAssembly.RuntimeError);
    expect(short.left()).toBe(-1n);
  });

  test('case 44: a start function pays; it is called by name, so that its end can be told', async () => {
    const text = `(module (global $g (mut i32) (i32.const 0)) (func $s (loop (global.set $g (i32.const 5)))) (start $s)
      (func (export "get") (result i32) (global.get $g)) (func (export "start")))`;
    const metered = meterModule(await wasmOf(text), { fuel: 100 });
    expect(metered.startExport).toBe('start1');
    const { exports } = instantiate(metered.bytes);
    const { get, start1 } = exports;
    if (typeof get !== 'function' || typeof start1 !== 'function') throw new Error('no function');
    expect(get()).toBe(0);
    start1();
    expect(get()).toBe(5);
  });

  test('an amount that is none is a defect', async () => {
    const bytes = await wasmOf('(module)');
    for (const fuel of [-1, 1.5, Number.NaN, 2 ** 53])
      expect(() => meterModule(bytes, { fuel })).toThrow('no amount of fuel');
  });
});

describe('case 43: work by length', () => {
  const lengths: readonly (readonly [name: string, text: string, units: number])[] = [
    ['memory.fill', '(memory.fill (i32.const 0) (i32.const 1) (local.get 0))', 125],
    ['memory.copy', '(memory.copy (i32.const 0) (i32.const 1) (local.get 0))', 125],
    ['memory.init', '(memory.init $d (i32.const 0) (i32.const 0) (local.get 0))', 125],
    ['table.fill', '(table.fill (i32.const 0) (ref.null func) (local.get 0))', 32_000],
    ['table.copy', '(table.copy (i32.const 0) (i32.const 1) (local.get 0))', 32_000],
    ['table.init', '(table.init $e (i32.const 0) (i32.const 0) (local.get 0))', 32_000],
    ['table.grow', '(drop (table.grow (ref.null func) (local.get 0)))', 32_000],
    ['memory.grow', '(drop (memory.grow (local.get 0)))', 8_192_000],
  ];
  const moduleWith = (instructions: string): Promise<Uint8Array> =>
    wasmOf(`(module (memory 1) (table 2000 funcref) (data $d "${'x'.repeat(1_000)}")
      (func $f) (elem $e func ${'$f '.repeat(1_000)})
      (func (export "run") (param i32) (local i64) ${instructions}))`);

  test.each(lengths)('%s of 1,000 costs what it works on', async (_name, instructions, units) => {
    const bytes = await moduleWith(instructions);
    const nothing = usedBy(bytes, 'run', 0);
    expect(usedBy(bytes, 'run', 1_000) - nothing).toBe(units);
  });

  test.each(lengths)('%s that cannot be paid for does not begin', async (_name, instructions) => {
    const running = start(await moduleWith(instructions), 100);
    expect(() => running.call('run', 1_000)).toThrow(WebAssembly.RuntimeError);
    expect(running.left()).toBeLessThan(0n);
  });

  test('a length of 32 bits is no negative one', async () => {
    const running = start(
      await moduleWith('(memory.fill (i32.const 0) (i32.const 1) (local.get 0))'),
    );
    expect(() => running.call('run', -1)).toThrow('out of bounds');
    expect(PLENTY - Number(running.left())).toBe(5 + 0xffff_ffff / 8 - 7 / 8);
  });

  test('what it needs to remember the length stands behind all locals of the function', async () => {
    const text = `(module (memory 1) (func (export "run") (param i32 i64) (result i32) (local i32 i32 f64)
      (local.set 2 (i32.const 21)) (local.set 3 (i32.const 21))
      (memory.fill (i32.const 0) (i32.const 1) (local.get 0)) (memory.copy (i32.const 9) (i32.const 0) (local.get 0))
      (i32.add (local.get 2) (local.get 3))))`;
    const metered = meterModule(await wasmOf(text), { fuel: 1_000 });
    const { run } = instantiate(metered.bytes).exports;
    expect(typeof run === 'function' ? run(8, 1n) : undefined).toBe(42);
  });
});

describe('where it pays', () => {
  const points = (bytes: Uint8Array): number => {
    // Every point has exactly one `i64.const c; i64.sub; global.set` of the count.
    const module = meterModule(bytes, { fuel: 1 }).bytes;
    let found = 0;
    for (let at = 0; at + 4 < module.length; at += 1)
      if (module[at] === 0x7d && module[at + 1] === 0x24 && module[at + 3] === 0x23) found += 1;
    return found;
  };

  test('a small function that calls nobody is paid by its callers', async () => {
    const text = `(module (func $small (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
      (func (export "run") (drop (call $small (i32.const 1))) (drop (call $small (i32.const 1)))))`;
    const bytes = await wasmOf(text);
    expect(points(bytes)).toBe(1);
    // Entry 1, then twice: two constants and drops, a call, and its entry with three instructions.
    expect(usedBy(bytes, 'run')).toBe(1 + 2 * (3 + 1 + 3));
  });

  test('a call through a table pays for the largest of them', async () => {
    const text = `(module (type $t (func)) (table 1 funcref) (elem (i32.const 0) $none)
      (func $none) (func $some (drop (i32.const 1)) (drop (i32.const 1)))
      (func (export "run") (loop (call_indirect (type $t) (i32.const 0)))))`;
    expect(usedBy(await wasmOf(text), 'run')).toBe(1 + 2 + 5);
  });

  test('a loop pays at each turn, and what is behind it does not', async () => {
    const text = `(module (func (export "run") (param i32)
      (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (drop (i32.const 1))))`;
    const bytes = await wasmOf(text);
    expect(points(bytes)).toBe(2);
    expect(usedBy(bytes, 'run', 1)).toBe(3 + 5);
    expect(usedBy(bytes, 'run', 100)).toBe(3 + 100 * 5);
  });

  test('small arms are paid together, large ones by themselves', async () => {
    const arm = (times: number): string => '(drop (i32.const 1))'.repeat(times);
    const text = (times: number): string =>
      `(module (func (export "run") (param i32) (loop
        (if (local.get 0) (then ${arm(times)}) (else ${arm(times)})))))`;
    const small = await wasmOf(text(10));
    expect(usedBy(small, 'run', 1)).toBe(1 + 2 + 20 + 20);
    const large = await wasmOf(text(40));
    expect(points(large)).toBe(4);
    expect(usedBy(large, 'run', 1)).toBe(1 + 2 + 80);
    expect(usedBy(large, 'run', 0)).toBe(1 + 2 + 80);
  });

  test('code behind a block that was left is not paid twice, nor for nothing', async () => {
    const text = `(module (func (export "run") (param i32)
      (block $out (block $in (br_if $out (local.get 0)) ${'(drop (i32.const 1))'.repeat(40)})
        ${'(drop (i32.const 1))'.repeat(40)})))`;
    const bytes = await wasmOf(text);
    expect(usedBy(bytes, 'run', 1)).toBe(1 + 2);
    expect(usedBy(bytes, 'run', 0)).toBe(1 + 2 + 80 + 80);
  });

  test('loops with parameters, and code that nothing reaches, stay valid', async () => {
    const text = `(module (memory 1) (func (export "run") (result i32)
      (i32.const 3) (i32.const 4)
      (loop $l (param i32 i32) (result i32) (i32.add))
      (return)
      (loop (unreachable) (memory.fill) (br 0)) (unreachable) (if (then (br 0)))
      (memory.grow) (drop) (memory.copy)))`;
    expect(start(await wasmOf(text)).call('run')).toBe(7);
  });
});

/** Text of random programs that end: every loop counts down, and all count the same variable. */
const randomPrograms = (): fc.Arbitrary<string> => {
  const { expression } = fc.letrec<{ expression: string }>((tie) => ({
    expression: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.integer({ min: -9, max: 99 }).map((value) => `(i32.const ${value})`),
      fc.nat(3).map((local) => `(local.get ${local})`),
      fc
        .tuple(
          fc.constantFrom('add', 'sub', 'mul', 'xor', 'lt_s', 'rotl'),
          tie('expression'),
          tie('expression'),
        )
        .map(([op, one, other]) => `(i32.${op} ${one} ${other})`),
      tie('expression').map((argument) => `(call $small ${argument})`),
      fc
        .tuple(tie('expression'), tie('expression'))
        .map(([one, other]) => `(call $large ${one} ${other})`),
      tie('expression').map((argument) => `(call_indirect (type $t) ${argument} (i32.const 0))`),
    ),
  }));
  const assignment = fc
    .tuple(fc.nat(3), expression)
    .map(([local, value]) => `(local.set ${local} ${value})`);
  const { body } = fc.letrec<{ body: string; statement: string }>((tie) => ({
    body: fc.array(tie('statement'), { maxLength: 4 }).map((statements) => statements.join(' ')),
    statement: fc.oneof(
      { depthSize: 'small', maxDepth: 4 },
      assignment,
      fc
        .tuple(fc.integer({ min: 1, max: 30 }), assignment)
        .map(([times, one]) => one.repeat(times)),
      expression.map(
        (length) => `(memory.fill (i32.const 0) (i32.const 1) (i32.and ${length} (i32.const 255)))`,
      ),
      expression.map((condition) => `(if ${condition} (then (return (local.get 0))))`),
      fc
        .tuple(expression, tie('body'), tie('body'))
        .map(
          ([condition, then, otherwise]) => `(if ${condition} (then ${then}) (else ${otherwise}))`,
        ),
      fc
        .tuple(tie('body'), expression, tie('body'))
        .map(([before, condition, behind]) => `(block ${before} (br_if 0 ${condition}) ${behind})`),
      fc
        .tuple(expression, tie('body'), tie('body'), tie('body'))
        .map(
          ([index, one, two, three]) =>
            `(block (block (block (br_table 0 1 2 ${index})) ${one} (br 1)) ${two}) ${three}`,
        ),
      fc.tuple(fc.integer({ min: 1, max: 5 }), tie('body')).map(
        ([turns, inner]) =>
          `(global.set $turns (i32.const ${turns})) (loop ${inner}
             (global.set $turns (i32.sub (global.get $turns) (i32.const 1)))
             (br_if 0 (i32.gt_s (global.get $turns) (i32.const 0))))`,
      ),
    ),
  }));
  return body.map(
    (statements) => `(module (type $t (func (param i32) (result i32))) (memory 1)
      (table 1 funcref) (elem (i32.const 0) $small) (global $turns (mut i32) (i32.const 0))
      (func $small (param i32) (result i32) (i32.rotl (local.get 0) (i32.const 3)))
      (func $large (param i32 i32) (result i32) (local i32) (loop
        (local.set 2 (i32.add (local.get 2) (local.get 0)))
        (local.set 1 (i32.shr_u (local.get 1) (i32.const 5))) (br_if 0 (local.get 1))) (local.get 2))
      (func (export "run") (param i32) (result i32) (local i32 i32 i32) ${statements}
        (i32.xor (local.get 1) (i32.xor (local.get 2) (local.get 3)))))`,
  );
};

// Property: a program computes the same, metered, and pays for at least each instruction that ran. Method: random
// structured programs; the reference pays before every single instruction.
test('M1: random programs compute the same and pay for what they run', async () => {
  await fc.assert(
    fc.asyncProperty(randomPrograms(), fc.integer({ min: -5, max: 5 }), async (text, argument) => {
      const bytes = await wasmOf(text);
      const plain = instantiate(bytes).exports['run'];
      const running = start(bytes);
      expect(running.call('run', argument)).toBe(
        typeof plain === 'function' ? plain(argument) : undefined,
      );
      const paid = PLENTY - Number(running.left());
      expect(paid).toBeGreaterThanOrEqual(naivelyUsedBy(bytes, 'run', argument));
    }),
    { numRuns: 400 },
  );
});
