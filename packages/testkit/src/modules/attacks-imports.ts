/** Cases 45–53, 79, 95: modules that ask the host for what they were not given. */
import { type ModuleAttack, SPIN_LIMITS, watAttack } from './attack.ts';

const WASI = 'wasi_snapshot_preview1';
/** WASI's errno of what does not exist here, and of a file that is not open. */
const ENOSYS = 52;
const EBADF = 8;

const OUTPUT = `(import "${WASI}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))`;
/** A vector at 0 that says: so many bytes from 1024 on. */
const vectorOf = (bytes: number): string =>
  `(i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const ${bytes}))`;

/** A colour, a title, a clipboard, a bell, a link, C1 controls, a line that overwrites, bidirectional marks. */
const ESCAPES =
  '\\1b[31mred\\1b]0;title\\07\\1b]52;c;b3du\\07\\1b]8;;http://x\\1b\\5c\\c2\\9b31m\\0dover\\08\\e2\\80\\ae.\\0a';
const ESCAPES_BYTES = 61;

/** Calls every one with arguments of zero, and says 1 where an answer is not ENOSYS. */
const denied = (functions: readonly (readonly [name: string, parameters: string])[]): string => {
  const imports = functions.map(
    ([name, parameters]) =>
      `(import "${WASI}" "${name}" (func $${name} (param ${parameters}) (result i32)))`,
  );
  const calls = functions.map(([name, parameters]) => {
    const zeros = parameters.split(' ').map((type) => `(${type}.const 0)`);
    return `(if (i32.ne (call $${name} ${zeros.join(' ')}) (i32.const ${ENOSYS})) (then (return (i32.const 1))))`;
  });
  return `(module ${imports.join(' ')} (memory (export "memory") 1)
    (func (export "run") (result i32) ${calls.join(' ')} (i32.const 0)))`;
};

export const IMPORT_ATTACKS: readonly ModuleAttack[] = [
  watAttack(
    45,
    'files of WASI answer that they do not exist',
    denied([
      ['path_open', 'i32 i32 i32 i32 i32 i64 i64 i32 i32'],
      ['path_create_directory', 'i32 i32 i32'],
      ['path_unlink_file', 'i32 i32 i32'],
      ['path_rename', 'i32 i32 i32 i32 i32 i32'],
      ['path_symlink', 'i32 i32 i32 i32 i32'],
      ['path_readlink', 'i32 i32 i32 i32 i32 i32'],
      ['fd_readdir', 'i32 i32 i32 i64 i32'],
    ]),
    'completed',
  ),
  watAttack(
    45,
    'sockets of WASI answer that they do not exist',
    denied([
      ['sock_accept', 'i32 i32 i32'],
      ['sock_recv', 'i32 i32 i32 i32 i32 i32'],
      ['sock_send', 'i32 i32 i32 i32 i32'],
      ['sock_shutdown', 'i32 i32'],
    ]),
    'completed',
  ),
  watAttack(
    46,
    'no folder is open beforehand',
    `(module (import "${WASI}" "fd_prestat_get" (func $get (param i32 i32) (result i32)))
      (memory (export "memory") 1) (func (export "run") (result i32) (local $fd i32)
        (loop $l
          (if (i32.ne (call $get (local.get $fd) (i32.const 0)) (i32.const ${EBADF})) (then (return (i32.const 1))))
          (br_if $l (i32.lt_u (local.tee $fd (i32.add (local.get $fd) (i32.const 1))) (i32.const 100))))
        (i32.const 0)))`,
    'completed',
  ),
  watAttack(
    47,
    'a write to a file that is not output fails',
    `(module ${OUTPUT} (memory (export "memory") 1) (func (export "run") (result i32) (local $fd i32)
        ${vectorOf(1)} (local.set $fd (i32.const 3))
        (loop $l
          (if (i32.eqz (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
            (then (return (i32.const 1))))
          (br_if $l (i32.lt_u (local.tee $fd (i32.add (local.get $fd) (i32.const 1))) (i32.const 100))))
        (i32.eqz (call $write (i32.const -1) (i32.const 0) (i32.const 1) (i32.const 8)))))`,
    'completed',
  ),
  watAttack(
    47,
    'vectors of output that lie outside the memory',
    `(module ${OUTPUT} (memory (export "memory") 1) (func (export "run") (result i32)
        (i32.store (i32.const 0) (i32.const -16)) (i32.store (i32.const 4) (i32.const -1))
        (i32.eqz (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`,
    'trapped',
    { causes: ['trapped', 'completed'] },
  ),
  watAttack(
    48,
    'an import that nobody has',
    '(module (import "env" "system" (func (param i32) (result i32))) (func (export "run")))',
    'refused',
    { code: 'unknown-import' },
  ),
  watAttack(
    48,
    'the memory of the kernel as an import',
    '(module (import "extism:host/env" "memory" (memory 1)) (func (export "run")))',
    'refused',
    { code: 'import-kind' },
  ),
  watAttack(
    49,
    'escapes for terminals in the output',
    `(module ${OUTPUT} (memory (export "memory") 1) (data (i32.const 1024) "${ESCAPES}")
      (func (export "run") (result i32) ${vectorOf(ESCAPES_BYTES)}
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8))) (i32.const 0)))`,
    'completed',
    { hostFunctions: ['log'] },
  ),
  watAttack(
    50,
    'output without end, 32 KiB at a time',
    `(module ${OUTPUT} (memory (export "memory") 1) (func (export "run") ${vectorOf(32_768)}
        (loop $l (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8))) (br $l))))`,
    'killed',
    { hostFunctions: ['log'], causes: ['cpu', 'wall', 'output', 'protocol'] },
  ),
  watAttack(
    51,
    'no arguments, no environment',
    `(module
      (import "${WASI}" "args_sizes_get" (func $args (param i32 i32) (result i32)))
      (import "${WASI}" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
      (memory (export "memory") 1) (func (export "run") (result i32)
        (i64.store (i32.const 0) (i64.const -1)) (i64.store (i32.const 8) (i64.const -1))
        (drop (call $args (i32.const 0) (i32.const 4))) (drop (call $environ (i32.const 8) (i32.const 12)))
        (i64.ne (i64.or (i64.load (i32.const 0)) (i64.load (i32.const 8))) (i64.const 0))))`,
    'completed',
  ),
  watAttack(
    52,
    'http_request without a grant',
    `(module (import "extism:host/env" "http_request" (func (param i64 i64) (result i64)))
      (func (export "run")))`,
    'refused',
    { code: 'import-not-granted' },
  ),
  watAttack(
    53,
    'calls of the host without end',
    `(module (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
      (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
      (import "infrafabric:host" "call" (func $call (param i64) (result i64)))
      (func (export "run") (local $request i64) (local.set $request (call $alloc (i64.const 1)))
        (call $store (local.get $request) (i32.const 0x30))
        (loop $l (drop (call $call (local.get $request))) (br $l))))`,
    'killed',
    { hostFunctions: ['call'], causes: ['trapped', 'cpu', 'wall', 'memory'], limits: SPIN_LIMITS },
  ),
  watAttack(79, 'a trap at once', '(module (func (export "run") unreachable))', 'trapped'),
  watAttack(
    79,
    'a division by zero',
    '(module (func (export "run") (drop (i32.div_u (i32.const 1) (i32.const 0)))))',
    'trapped',
  ),
  watAttack(
    79,
    'an access outside the memory',
    '(module (memory 1) (func (export "run") (drop (i64.load offset=0xffffffff (i32.const -1)))))',
    'trapped',
  ),
  watAttack(
    95,
    'clocks that tell more than a millisecond',
    `(module (import "${WASI}" "clock_time_get" (func $now (param i32 i64 i32) (result i32)))
      (memory (export "memory") 1) (func (export "run") (result i32) (local $turn i32)
        (loop $l
          (drop (call $now (i32.and (local.get $turn) (i32.const 1)) (i64.const 1) (i32.const 0)))
          (if (i64.ne (i64.rem_u (i64.load (i32.const 0)) (i64.const 1000000)) (i64.const 0))
            (then (return (i32.const 1))))
          (br_if $l (i32.lt_u (local.tee $turn (i32.add (local.get $turn) (i32.const 1))) (i32.const 10000))))
        (i32.const 0)))`,
    'completed',
  ),
];
