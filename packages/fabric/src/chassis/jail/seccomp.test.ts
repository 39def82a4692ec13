import { expect, test } from 'vitest';
import { hasSeccompTable, seccompFilter } from './seccomp.ts';

const KILL = 0x80000000;
const EPERM = 0x00050001;
const ALLOW = 0x7fff0000;
const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const AARCH64 = 0xc00000b7;

/** What is denied: the numbers, written down a second time and by hand. */
const RECIPE = new Set([
  76, 82, 83, 84, 85, 86, 87, 88, 90, 91, 92, 93, 94, 132, 133, 188, 189, 190, 197, 198, 199, 235,
  258, 259, 260, 261, 263, 264, 265, 266, 268, 280, 316, 452, 29, 30, 64, 68, 103, 134, 135, 139,
  154, 159, 163, 164, 170, 171, 212, 227, 240, 256, 279, 300, 305, 312, 443, 447, 448, 41, 42, 43,
  44, 46, 49, 50, 101, 153, 155, 161, 165, 166, 167, 168, 169, 172, 173, 175, 176, 179, 200, 246,
  248, 249, 250, 272, 288, 297, 298, 303, 304, 308, 310, 311, 313, 320, 321, 323, 425, 426, 427,
  428, 429, 430, 431, 432, 433, 434, 438, 440, 442,
]);

/** Classic BPF as the kernel runs it on struct seccomp_data, for the four instructions that a filter may hold here. */
const run = (program: Uint8Array, { arch, nr }: { arch: number; nr: number }): number => {
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  const call = new DataView(new ArrayBuffer(64));
  call.setUint32(0, nr, true);
  call.setUint32(4, arch, true);
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; at += 1) {
    const code = view.getUint16(at * 8, true);
    const jt = view.getUint8(at * 8 + 2);
    const jf = view.getUint8(at * 8 + 3);
    const k = view.getUint32(at * 8 + 4, true);
    if (code === 0x20) accumulator = call.getUint32(k, true);
    else if (code === 0x15) at += accumulator === k ? jt : jf;
    else if (code === 0x35) at += accumulator >= k ? jt : jf;
    else if (code === 0x06) return k;
    else throw new Error(`instruction ${code} is none of the four`);
  }
  throw new Error('the program has no end');
};

const x64 = seccompFilter('x64') ?? new Uint8Array();

test('case 90: every listed call of x86-64 gets EPERM, every other one passes', () => {
  for (let nr = 0; nr < 600; nr += 1)
    expect(run(x64, { arch: X86_64, nr }), `call ${nr}`).toBe(RECIPE.has(nr) ? EPERM : ALLOW);
});

test('case 91: J1: the x32 ABI is killed, whatever the number', () => {
  for (const nr of [0, 1, 41, 59, 101, 0x3fffffff])
    expect(run(x64, { arch: X86_64, nr: (0x40000000 | nr) >>> 0 })).toBe(KILL);
  expect(run(x64, { arch: X86_64, nr: 0xffffffff })).toBe(KILL);
});

test('case 91: J1: i386 and any other architecture are killed, allowed numbers too', () => {
  for (const arch of [I386, AARCH64, 0, 0xffffffff])
    for (const nr of [0, 1, 3, 41, 102, 231]) expect(run(x64, { arch, nr })).toBe(KILL);
});

test('a filter is a whole number of instructions, and no jump leaves it', () => {
  expect(x64.length % 8).toBe(0);
  const count = x64.length / 8;
  for (let at = 0; at < count; at += 1) {
    const isJump = (x64[at * 8] ?? 0) === 0x15 || (x64[at * 8] ?? 0) === 0x35;
    if (isJump)
      expect(at + 1 + Math.max(x64[at * 8 + 2] ?? 0, x64[at * 8 + 3] ?? 0)).toBeLessThan(count);
  }
});

test('J2: an architecture without a table has no filter', () => {
  expect(hasSeccompTable('x64')).toBe(true);
  for (const arch of ['arm64', 'ia32', 'riscv64', '']) {
    expect(hasSeccompTable(arch)).toBe(false);
    expect(seccompFilter(arch)).toBeUndefined();
  }
});
