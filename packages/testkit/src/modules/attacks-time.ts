/** Cases 1–12: modules that want time. */
import { attack, type ModuleAttack, scriptAttack, SPIN_LIMITS, watAttack } from './attack.ts';
import * as bombs from './bombs.ts';

const SPIN = '(loop $l (br $l))';

/** A body with so many locals that calls itself. */
const deepFrames = (locals: number): string =>
  `(module (func $f (export "run") (local ${'i64 '.repeat(locals)}) (call $f)))`;

const dispatcher = (): string => {
  const cases = 64;
  const blocks = Array.from({ length: cases }, (_, at) => `(block $b${at}`).join(' ');
  const targets = Array.from({ length: cases }, (_, at) => `$b${at}`).join(' ');
  const ends = Array.from(
    { length: cases },
    () => ') (local.set 0 (i32.and (i32.add (local.get 0) (i32.const 7)) (i32.const 63))) (br $l)',
  ).join(' ');
  return `(module (func (export "run") (local i32) (loop $l ${blocks}
    (br_table ${targets} (local.get 0)) ${ends})))`;
};

export const TIME_ATTACKS: readonly ModuleAttack[] = [
  watAttack(1, 'a loop without end', `(module (func (export "run") ${SPIN}))`, 'killed', {
    causes: ['cpu'],
  }),
  scriptAttack(
    1,
    'a loop without end, in JavaScript',
    'export const run = () => { while (true) {} };',
    'killed',
    { causes: ['cpu'] },
  ),
  scriptAttack(
    1,
    'a regular expression that tries everything',
    'export const run = () => /^(a+)+$/.test("a".repeat(40) + "b");',
    'killed',
    { causes: ['cpu'] },
  ),
  scriptAttack(
    1,
    'promises without end',
    'export const run = async () => { const next = () => Promise.resolve().then(next); await next(); };',
    'killed',
    { causes: ['cpu', 'wall', 'memory', 'trapped'] },
  ),
  watAttack(
    2,
    'a start function without end, which the contract does not allow',
    `(module (func $s ${SPIN}) (start $s) (func (export "run")))`,
    'refused',
    { code: 'start-function' },
  ),
  watAttack(
    2,
    'a start function without end, allowed',
    `(module (func $s ${SPIN}) (start $s) (func (export "run")))`,
    'killed',
    { allowStart: true, causes: ['cpu'] },
  ),
  watAttack(
    3,
    'a loop of memory.fill over 512 MiB, each turn longer than a clock tick',
    `(module (memory 8192) (func (export "run") (loop $l
      (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x20000000)) (br $l))))`,
    'killed',
    { limits: { ...SPIN_LIMITS, memoryMibMax: 512 } },
  ),
  watAttack(
    3,
    'a loop of memory.fill over 64 MiB',
    `(module (memory 1024) (func (export "run") (loop $l
      (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x4000000)) (br $l))))`,
    'killed',
  ),
  watAttack(
    3,
    'a loop of memory.copy over 64 MiB',
    `(module (memory 1024) (func (export "run") (loop $l
      (memory.copy (i32.const 1) (i32.const 0) (i32.const 0x3ffffff)) (br $l))))`,
    'killed',
  ),
  watAttack(
    4,
    'a loop that grows its memory and fills all of it',
    `(module (memory 1) (func (export "run") (loop $l
      (drop (memory.grow (i32.const 16)))
      (memory.fill (i32.const 0) (i32.const 1) (i32.mul (memory.size) (i32.const 65536)))
      (br $l))))`,
    'killed',
  ),
  watAttack(
    5,
    'a loop of stores',
    `(module (memory 16) (func (export "run") (local i32) (loop $l
      (i32.store (i32.and (local.get 0) (i32.const 0xffff0)) (local.get 0))
      (local.set 0 (i32.add (local.get 0) (i32.const 16))) (br $l))))`,
    'killed',
    { causes: ['cpu'] },
  ),
  watAttack(
    6,
    'a wait that takes no CPU, on a shared memory',
    `(module (memory 1 1 shared) (func (export "run") (result i32)
      (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))`,
    'refused',
    { code: 'shared-memory' },
  ),
  watAttack(
    6,
    'a wait on a memory of its own',
    `(module (memory 1) (func (export "run") (result i32)
      (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))`,
    'refused',
    { code: 'feature-refused' },
  ),
  watAttack(7, 'recursion without end', '(module (func $f (export "run") (call $f)))', 'trapped'),
  scriptAttack(
    7,
    'recursion without end, in JavaScript',
    'export const run = () => run();',
    'trapped',
  ),
  watAttack(
    7,
    'two functions that call each other without end, through a table',
    `(module (type $t (func)) (table 2 funcref) (elem (i32.const 0) $f $g)
      (func $f (export "run") (call_indirect (type $t) (i32.const 1)))
      (func $g (call_indirect (type $t) (i32.const 0))))`,
    'trapped',
  ),
  watAttack(8, 'recursion with frames of 5,000 locals', deepFrames(5_000), 'trapped'),
  watAttack(9, 'a dispatcher that jumps through a br_table without end', dispatcher(), 'killed', {
    causes: ['cpu'],
  }),
  watAttack(
    10,
    'a run that takes its time and ends: a hundred million turns',
    `(module (func (export "run") (local i32) (loop $l
      (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 100000000))))))`,
    'completed',
    { limits: { cpuMsMax: 5_000, wallMsMax: 60_000 } },
  ),
  attack(
    28,
    'as many blocks inside each other as are allowed, compiled at the first call',
    () => bombs.nestedBlocks(1_024),
    'completed',
  ),
];
