/** Cases 13–23, 74, 77: modules that want memory, or that of others. */
import { attack, type ModuleAttack, SPIN_LIMITS, watAttack } from './attack.ts';
import * as bombs from './bombs.ts';

const KERNEL = `
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
  (import "extism:host/env" "var_set" (func $var_set (param i64 i64)))`;

/** A kernel may refuse with a trap or with the offset 0; the module goes on asking until something ends it. */
const FLOOD = {
  causes: ['trapped', 'cpu', 'wall', 'memory'],
} as const;

export const MEMORY_ATTACKS: readonly ModuleAttack[] = [
  watAttack(
    13,
    'memory grows to the limit of 64 MiB and not beyond it',
    `(module (memory 1) (func (export "run") (result i32)
      (loop $many (br_if $many (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
      (loop $one (br_if $one (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      (i32.gt_u (memory.size) (i32.const 1024))))`,
    'completed',
    { limits: { memoryMibMax: 64 } },
  ),
  watAttack(
    13,
    'every page of the limit is touched',
    `(module (memory 1) (func (export "run") (result i32) (local i32)
      (loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
      (loop $t (i32.store8 (local.get 0) (i32.const 1))
        (br_if $t (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 4096)))
          (i32.mul (memory.size) (i32.const 65536)))))
      (i32.const 0)))`,
    'completed',
    { limits: { memoryMibMax: 64 }, causes: ['completed', 'memory'] },
  ),
  attack(
    14,
    'a memory that begins with 65,536 pages',
    () => bombs.manyMemories({ memories: 1, pagesEach: 65_536 }),
    'refused',
    { code: 'memory-too-large' },
  ),
  attack(
    15,
    'a memory that begins with 16,384 pages, four times the limit',
    () => bombs.manyMemories({ memories: 1, pagesEach: 16_384 }),
    'refused',
    { limits: { memoryMibMax: 256 } },
  ),
  watAttack(
    16,
    'a table of 10 M elements',
    '(module (table 10000000 funcref) (func (export "run")))',
    'refused',
    { code: 'table-too-large' },
  ),
  attack(
    17,
    '100 tables of 10 M elements',
    () => bombs.manyTables({ tables: 100, elementsEach: 10_000_000 }),
    'refused',
    { code: 'table-too-large' },
  ),
  attack(
    17,
    'as many and as large tables as are allowed',
    () => bombs.manyTables({ tables: 10, elementsEach: 100_000 }),
    'completed',
  ),
  watAttack(
    18,
    'a loop of table.grow, of references of the host',
    `(module (table 1 externref) (func (export "run") (loop $l
      (drop (table.grow (ref.null extern) (i32.const 10000))) (br $l))))`,
    'killed',
  ),
  watAttack(
    18,
    'a table grows no further than 100,000 elements',
    `(module (table $t 1 externref) (func (export "run") (result i32)
      (loop $l (br_if $l (i32.ne (table.grow $t (ref.null extern) (i32.const 1000)) (i32.const -1))))
      (i32.gt_u (table.size $t) (i32.const 100000))))`,
    'completed',
  ),
  watAttack(
    19,
    'a loop of table.fill and table.copy',
    `(module (table $a 100000 funcref) (table $b 100000 funcref) (func $f) (elem declare func $f)
      (func (export "run") (loop $l
        (table.fill $a (i32.const 0) (ref.func $f) (i32.const 100000))
        (table.copy $b $a (i32.const 0) (i32.const 0) (i32.const 100000)) (br $l))))`,
    'killed',
  ),
  watAttack(
    20,
    'the arena is asked for a mebibyte, again and again',
    `(module ${KERNEL} (func (export "run") (loop $l
      (drop (call $alloc (i64.const 1048576))) (br $l))))`,
    'killed',
    FLOOD,
  ),
  watAttack(
    20,
    'the arena is asked for 8 bytes, again and again',
    `(module ${KERNEL} (func (export "run") (loop $l
      (drop (call $alloc (i64.const 8))) (br $l))))`,
    'killed',
    FLOOD,
  ),
  watAttack(
    20,
    'the arena is asked for more than there is',
    `(module ${KERNEL} (func (export "run") (result i32)
      (i64.ne (call $alloc (i64.const -1)) (i64.const 0))))`,
    'trapped',
    { causes: ['trapped', 'completed'] },
  ),
  watAttack(
    21,
    'variables under ever new names',
    `(module ${KERNEL} (func (export "run") (local $n i64) (local $key i64) (local $value i64)
      (local.set $value (call $alloc (i64.const 65536)))
      (local.set $key (call $alloc (i64.const 8)))
      (loop $l
        (local.set $n (i64.add (local.get $n) (i64.const 1)))
        (call $store (local.get $key) (i64.or (local.get $n) (i64.const 0x4141000000000000)))
        (call $var_set (local.get $key) (local.get $value))
        (br $l))))`,
    'killed',
    FLOOD,
  ),
  watAttack(
    22,
    'a host function that would hand out its objects',
    `(module (import "extism:host/env" "config_get" (func (param externref) (result externref)))
      (func (export "run")))`,
    'refused',
    { code: 'import-signature' },
  ),
  watAttack(
    22,
    'references kept in a table from run to run',
    `(module (table $t 100000 externref) (func (export "run") (result i32)
      (table.fill $t (i32.const 0) (ref.null extern) (i32.const 100000))
      (i32.eqz (ref.is_null (table.get $t (i32.const 99999))))))`,
    'completed',
  ),
  watAttack(23, 'a memory of 64 bits', '(module (memory i64 1) (func (export "run")))', 'refused', {
    code: 'memory64',
  }),
  attack(23, 'two memories', () => bombs.manyMemories({ memories: 2, pagesEach: 1 }), 'refused', {
    code: 'too-many-memories',
  }),
  watAttack(
    23,
    'a shared memory',
    '(module (memory 1 2 shared) (func (export "run")))',
    'refused',
    { code: 'shared-memory' },
  ),
  watAttack(
    74,
    'a run that finds what the one before it left, in memory, a global or a table',
    `(module (memory 1) (global $g (mut i32) (i32.const 0)) (table $t 1 funcref) (func $f) (elem declare func $f)
      (func (export "run") (result i32) (local $found i32)
        (local.set $found (i32.or (i32.or (global.get $g) (i32.load (i32.const 64)))
          (i32.eqz (ref.is_null (table.get $t (i32.const 0))))))
        (global.set $g (i32.const 1)) (i32.store (i32.const 64) (i32.const 1))
        (table.set $t (i32.const 0) (ref.func $f)) (local.get $found)))`,
    'completed',
  ),
  watAttack(
    77,
    'a fresh memory of 32 MiB that is not all zero; it then leaves its own mark everywhere',
    `(module (memory 512) (func (export "run") (result i32) (local $at i32)
      (loop $l
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (return (i32.const 1))))
        (br_if $l (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 33554432))))
      (memory.fill (i32.const 0) (i32.const 0xaa) (i32.const 33554432))
      (i32.const 0)))`,
    'completed',
    { limits: { ...SPIN_LIMITS, cpuMsMax: 3_000, wallMsMax: 30_000 } },
  ),
];
