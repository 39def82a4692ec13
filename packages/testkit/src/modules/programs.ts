/**
 * Programs that compute something known, each as `compute(n: i32) → i32`: for what has to leave results as they are
 * (metering, other engines' tiers, isolation) and for what measures.
 */
export interface Program {
  readonly name: string;
  readonly text: string;
  /** An argument that takes some microseconds, and what it gives. */
  readonly small: readonly [n: number, result: number];
  /** An argument that takes some milliseconds. */
  readonly large: number;
}

const fib = `(module (func $f (export "compute") (param i32) (result i32)
  (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
    (else (i32.add (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 2))))))))`;

/** Eratosthenes; how many primes there are below n. */
const sieve = `(module (memory 32) (func (export "compute") (param $n i32) (result i32)
  (local $i i32) (local $j i32) (local $primes i32)
  (memory.fill (i32.const 0) (i32.const 0) (local.get $n))
  (local.set $i (i32.const 2))
  (block $done (loop $next
    (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
    (if (i32.eqz (i32.load8_u (local.get $i))) (then
      (local.set $primes (i32.add (local.get $primes) (i32.const 1)))
      (local.set $j (i32.shl (local.get $i) (i32.const 1)))
      (block $struck (loop $strike
        (br_if $struck (i32.ge_u (local.get $j) (local.get $n)))
        (i32.store8 (local.get $j) (i32.const 1))
        (local.set $j (i32.add (local.get $j) (local.get $i)))
        (br $strike)))))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br $next)))
  (local.get $primes)))`;

/** Shell sort of n numbers of a linear congruence; how many of them are then in order, mixed with the median. */
const sort = `(module (memory 64)
  (func $at (param i32) (result i32) (i32.load (i32.shl (local.get 0) (i32.const 2))))
  (func $put (param i32 i32) (i32.store (i32.shl (local.get 0) (i32.const 2)) (local.get 1)))
  (func (export "compute") (param $n i32) (result i32)
    (local $i i32) (local $j i32) (local $gap i32) (local $x i32) (local $ordered i32)
    (local.set $x (i32.const 12345))
    (loop $fill
      (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1103515245)) (i32.const 12345)))
      (call $put (local.get $i) (i32.shr_u (local.get $x) (i32.const 1)))
      (br_if $fill (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.set $gap (i32.shr_u (local.get $n) (i32.const 1)))
    (block $sorted (loop $narrower
      (br_if $sorted (i32.eqz (local.get $gap)))
      (local.set $i (local.get $gap))
      (block $passed (loop $element
        (br_if $passed (i32.ge_u (local.get $i) (local.get $n)))
        (local.set $x (call $at (local.get $i)))
        (local.set $j (local.get $i))
        (block $placed (loop $shift
          (br_if $placed (i32.lt_u (local.get $j) (local.get $gap)))
          (br_if $placed (i32.le_u (call $at (i32.sub (local.get $j) (local.get $gap))) (local.get $x)))
          (call $put (local.get $j) (call $at (i32.sub (local.get $j) (local.get $gap))))
          (local.set $j (i32.sub (local.get $j) (local.get $gap)))
          (br $shift)))
        (call $put (local.get $j) (local.get $x))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $element)))
      (local.set $gap (i32.shr_u (local.get $gap) (i32.const 1)))
      (br $narrower)))
    (local.set $i (i32.const 1))
    (loop $check
      (local.set $ordered (i32.add (local.get $ordered)
        (i32.le_u (call $at (i32.sub (local.get $i) (i32.const 1))) (call $at (local.get $i)))))
      (br_if $check (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (i32.xor (local.get $ordered) (call $at (i32.shr_u (local.get $n) (i32.const 1))))))`;

/** Two matrices of n by n in f64; their product's sum. */
const matmul = `(module (memory 64)
  (func $cell (param $base i32) (param $n i32) (param $r i32) (param $c i32) (result i32)
    (i32.add (local.get $base) (i32.shl (i32.add (i32.mul (local.get $r) (local.get $n)) (local.get $c)) (i32.const 3))))
  (func (export "compute") (param $n i32) (result i32)
    (local $i i32) (local $j i32) (local $k i32) (local $b i32) (local $sum f64) (local $cell f64)
    (local.set $b (i32.mul (i32.mul (local.get $n) (local.get $n)) (i32.const 8)))
    (loop $r (local.set $j (i32.const 0)) (loop $c
      (f64.store (call $cell (i32.const 0) (local.get $n) (local.get $i) (local.get $j))
        (f64.convert_i32_u (i32.add (local.get $i) (local.get $j))))
      (f64.store (call $cell (local.get $b) (local.get $n) (local.get $i) (local.get $j))
        (f64.convert_i32_u (i32.xor (local.get $i) (local.get $j))))
      (br_if $c (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (local.get $n))))
      (br_if $r (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.set $i (i32.const 0))
    (loop $r (local.set $j (i32.const 0)) (loop $c
      (local.set $cell (f64.const 0)) (local.set $k (i32.const 0))
      (loop $p
        (local.set $cell (f64.add (local.get $cell) (f64.mul
          (f64.load (call $cell (i32.const 0) (local.get $n) (local.get $i) (local.get $k)))
          (f64.load (call $cell (local.get $b) (local.get $n) (local.get $k) (local.get $j))))))
        (br_if $p (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 1))) (local.get $n))))
      (local.set $sum (f64.add (local.get $sum) (local.get $cell)))
      (br_if $c (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (local.get $n))))
      (br_if $r (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (i32.trunc_sat_f64_u (local.get $sum))))`;

/** The first 32 bits of the fractions of roots of primes: FIPS 180-4, §4.2.2 (cube, 64) and §5.3.3 (square, 8). */
const rootWords = (power: number, count: number): readonly number[] => {
  const words: number[] = [];
  for (let candidate = 2; words.length < count; candidate += 1) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor += 1)
      if (candidate % divisor === 0) prime = false;
    if (!prime) continue;
    // Exact: the largest x with x^power ≤ candidate · 2^(32·power).
    const target = BigInt(candidate) << BigInt(32 * power);
    let root = 0n;
    for (let bit = 1n << 40n; bit > 0n; bit >>= 1n)
      if ((root + bit) ** BigInt(power) <= target) root += bit;
    words.push(Number(root & 0xffff_ffffn));
  }
  return words;
};

const dataOf = (words: readonly number[]): string =>
  words
    .flatMap((word) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff))
    .map((byte) => `\\${byte.toString(16).padStart(2, '0')}`)
    .join('');

const K_AT = 0;
const H_AT = 256;
const STATE_AT = 320;
const W_AT = 512;
const MESSAGE_AT = 1_024;

const LETTERS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const rotated = (word: string, ...bits: readonly number[]): string =>
  bits.map((by) => `(i32.rotr ${word} (i32.const ${by}))`).join(' ');
const wordAt = (back: number): string =>
  `(i32.load offset=${W_AT} (i32.sub (local.get $t) (i32.const ${back * 4})))`;

/** SHA-256 of n bytes 0, 1, 2, … 255, 0, …; the first word of the digest. FIPS 180-4, §6.2. */
const sha = `(module (memory 64)
  (data (i32.const ${K_AT}) "${dataOf(rootWords(3, 64))}") (data (i32.const ${H_AT}) "${dataOf(rootWords(2, 8))}")
  (func $swap (param $x i32) (result i32) (i32.or
    (i32.and (i32.rotl (local.get $x) (i32.const 8)) (i32.const 0x00ff00ff))
    (i32.and (i32.rotr (local.get $x) (i32.const 8)) (i32.const 0xff00ff00))))
  (func $block (param $m i32) (local $t i32) (local $one i32) (local $two i32) ${LETTERS.map((letter) => `(local $${letter} i32)`).join(' ')}
    (loop $load (i32.store offset=${W_AT} (local.get $t) (call $swap (i32.load (i32.add (local.get $m) (local.get $t)))))
      (br_if $load (i32.lt_u (local.tee $t (i32.add (local.get $t) (i32.const 4))) (i32.const 64))))
    (loop $extend
      (local.set $one ${wordAt(15)}) (local.set $two ${wordAt(2)})
      (i32.store offset=${W_AT} (local.get $t) (i32.add (i32.add ${wordAt(16)} ${wordAt(7)}) (i32.add
        (i32.xor (i32.xor ${rotated('(local.get $one)', 7, 18)}) (i32.shr_u (local.get $one) (i32.const 3)))
        (i32.xor (i32.xor ${rotated('(local.get $two)', 17, 19)}) (i32.shr_u (local.get $two) (i32.const 10))))))
      (br_if $extend (i32.lt_u (local.tee $t (i32.add (local.get $t) (i32.const 4))) (i32.const 256))))
    ${LETTERS.map((letter, at) => `(local.set $${letter} (i32.load (i32.const ${STATE_AT + at * 4})))`).join(' ')}
    (local.set $t (i32.const 0))
    (loop $round
      (local.set $one (i32.add (i32.add (i32.add (local.get $h)
        (i32.xor (i32.xor ${rotated('(local.get $e)', 6, 11)}) ${rotated('(local.get $e)', 25)}))
        (i32.xor (i32.and (local.get $e) (local.get $f)) (i32.and (i32.xor (local.get $e) (i32.const -1)) (local.get $g))))
        (i32.add (i32.load offset=${K_AT} (local.get $t)) (i32.load offset=${W_AT} (local.get $t)))))
      (local.set $two (i32.add
        (i32.xor (i32.xor ${rotated('(local.get $a)', 2, 13)}) ${rotated('(local.get $a)', 22)})
        (i32.xor (i32.xor (i32.and (local.get $a) (local.get $b)) (i32.and (local.get $a) (local.get $c))) (i32.and (local.get $b) (local.get $c)))))
      (local.set $h (local.get $g)) (local.set $g (local.get $f)) (local.set $f (local.get $e))
      (local.set $e (i32.add (local.get $d) (local.get $one)))
      (local.set $d (local.get $c)) (local.set $c (local.get $b)) (local.set $b (local.get $a))
      (local.set $a (i32.add (local.get $one) (local.get $two)))
      (br_if $round (i32.lt_u (local.tee $t (i32.add (local.get $t) (i32.const 4))) (i32.const 256))))
    ${LETTERS.map((letter, at) => `(i32.store (i32.const ${STATE_AT + at * 4}) (i32.add (i32.load (i32.const ${STATE_AT + at * 4})) (local.get $${letter})))`).join(' ')})
  (func (export "compute") (param $n i32) (result i32) (local $i i32) (local $end i32)
    (memory.copy (i32.const ${STATE_AT}) (i32.const ${H_AT}) (i32.const 32))
    (block $filled (loop $fill (br_if $filled (i32.ge_u (local.get $i) (local.get $n)))
      (i32.store8 offset=${MESSAGE_AT} (local.get $i) (local.get $i))
      (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $fill)))
    (local.set $end (i32.and (i32.add (local.get $n) (i32.const 72)) (i32.const -64)))
    (memory.fill (i32.add (local.get $n) (i32.const ${MESSAGE_AT})) (i32.const 0) (i32.sub (local.get $end) (local.get $n)))
    (i32.store8 offset=${MESSAGE_AT} (local.get $n) (i32.const 0x80))
    (i32.store offset=${MESSAGE_AT - 4} (local.get $end) (call $swap (i32.shl (local.get $n) (i32.const 3))))
    (local.set $i (i32.const 0))
    (loop $blocks (call $block (i32.add (local.get $i) (i32.const ${MESSAGE_AT})))
      (br_if $blocks (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 64))) (local.get $end))))
    (i32.load (i32.const ${STATE_AT}))))`;

/** Arms of the interpreter; each has enough code that it must not be charged to the others. */
const ARMS = 40;
const arm = (at: number): string =>
  `(local.set $x (i32.add (i32.mul (local.get $x) (i32.const ${at * 2 + 1})) (i32.xor (local.get $y) (i32.const ${at}))))
   (local.set $y (i32.rotl (i32.add (local.get $y) (local.get $x)) (i32.const ${at % 31})))
   (local.set $pc (i32.rem_u (i32.add (local.get $pc) (i32.const ${at + 1})) (i32.const ${ARMS}))) (br $step)`;

/** A loop around a br_table, as an interpreter has it; n steps. */
const interpreter = `(module (func (export "compute") (param $n i32) (result i32) (local $pc i32) (local $x i32) (local $y i32)
  (local.set $x (i32.const 1))
  (block $halt (loop $step
    (br_if $halt (i32.eqz (local.get $n)))
    (local.set $n (i32.sub (local.get $n) (i32.const 1)))
    ${Array.from({ length: ARMS }, (_, at) => `(block $b${ARMS - 1 - at}`).join(' ')}
    (br_table ${Array.from({ length: ARMS }, (_, at) => `$b${at}`).join(' ')} (local.get $pc))
    ${Array.from({ length: ARMS }, (_, at) => `) ${arm(at)}`).join(' ')}))
  (i32.xor (local.get $x) (local.get $y))))`;

export const PROGRAMS: readonly Program[] = [
  { name: 'fib', text: fib, small: [12, 144], large: 27 },
  { name: 'sieve', text: sieve, small: [1_000, 168], large: 1_000_000 },
  { name: 'sort', text: sort, small: [100, 1_067_845_152], large: 100_000 },
  { name: 'matmul', text: matmul, small: [8, 12_544], large: 128 },
  { name: 'sha', text: sha, small: [200, 419_551_772], large: 1_000_000 },
  { name: 'interpreter', text: interpreter, small: [500, 1_016_613_819], large: 1_000_000 },
];
