/** Cases 41–44: deterministic modules that want to run for nothing. */
import { attack, type ModuleAttack, watAttack } from './attack.ts';
import {
  body,
  bytesOf,
  code,
  concat,
  exported,
  exports,
  functions,
  functionType,
  moduleOf,
  signed,
  types,
} from './binary.ts';

const DETERMINISTIC = {
  deterministic: true,
  // Fuel is given by the limit of CPU, so this is how long the longest of them takes.
  limits: { cpuMsMax: 2_000, wallMsMax: 60_000, cpuPercentMax: 100 },
} as const;
const SPIN = '(loop $l (br $l))';

export const FUEL_ATTACKS: readonly ModuleAttack[] = [
  attack(
    41,
    'a write to the global that metering would add',
    () =>
      moduleOf(
        types(functionType()),
        functions(0),
        exports(exported('run', 0)),
        code(
          body(
            concat(
              bytesOf(0x42),
              signed(0x7fff_ffff_ffff_ffffn),
              bytesOf(0x24, 0x00, 0x03, 0x40, 0x0c, 0x00, 0x0b),
            ),
          ),
        ),
      ),
    'refused',
    DETERMINISTIC,
  ),
  watAttack(
    42,
    'exports of the names that the count might have',
    `(module ${['fuel', 'fuel1', 'fuel2', 'ifab:fuel', '']
      .map((name) => `(global (export "${name}") (mut i64) (i64.const 0x7fffffffffffffff))`)
      .join(' ')} (func (export "run") ${SPIN}))`,
    'fuel',
    DETERMINISTIC,
  ),
  watAttack(43, 'a loop, metered', `(module (func (export "run") ${SPIN}))`, 'fuel', DETERMINISTIC),
  watAttack(
    43,
    'recursion in a loop, metered',
    '(module (func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))))) (func (export "run") (loop $l (call $f (i32.const 100)) (br $l))))',
    'fuel',
    DETERMINISTIC,
  ),
  watAttack(
    43,
    'few instructions over many bytes: memory.fill and memory.copy',
    `(module (memory 1024) (func (export "run") (loop $l
      (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x4000000))
      (memory.copy (i32.const 1) (i32.const 0) (i32.const 0x3ffffff)) (br $l))))`,
    'fuel',
    DETERMINISTIC,
  ),
  watAttack(
    43,
    'few instructions over many elements: table.fill and table.copy',
    `(module (table 100000 funcref) (func (export "run") (loop $l
      (table.fill (i32.const 0) (ref.null func) (i32.const 100000))
      (table.copy (i32.const 1) (i32.const 0) (i32.const 99999)) (br $l))))`,
    'fuel',
    DETERMINISTIC,
  ),
  watAttack(
    44,
    'a start function without end, metered',
    `(module (func $s ${SPIN}) (start $s) (func (export "run")))`,
    'fuel',
    { ...DETERMINISTIC, allowStart: true },
  ),
];
