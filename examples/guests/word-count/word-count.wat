;; Counts the words, lines and characters of a text: the json ABI in a few hundred bytes, with no toolchain but an
;; assembler. Input: a JSON string. Output: {"words":W,"lines":L,"characters":C}.
;;
;;   memory                      where input and output are
;;   alloc(bytes) -> pointer     the host asks for room, then writes the input there
;;   run(pointer, bytes) -> i64  pointer << 32 | bytes of the output; negative: failed, and it is a message
(module
  (memory (export "memory") 1)

  ;; From 0: words of the output, and the message of a failure.
  (data (i32.const 0) "{\"words\":")
  (data (i32.const 16) ",\"lines\":")
  (data (i32.const 32) ",\"characters\":")
  (data (i32.const 64) "the input is not a JSON string")

  ;; Output is written from 128 on, the input lies from 4096 on.
  (global $out (mut i32) (i32.const 128))

  (func (export "alloc") (param $bytes i32) (result i32)
    (local $missing i32)
    (local.set $missing
      (i32.sub
        (i32.div_u (i32.add (local.get $bytes) (i32.const 69631)) (i32.const 65536))
        (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        ;; No room: the host sees that the pointer leads outside, and traps the run.
        (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1))
          (then (return (i32.const -1))))))
    (i32.const 4096))

  (func $copy (param $from i32) (param $bytes i32)
    (memory.copy (global.get $out) (local.get $from) (local.get $bytes))
    (global.set $out (i32.add (global.get $out) (local.get $bytes))))

  ;; Decimal digits of a number, most significant first.
  (func $number (param $value i32)
    (if (i32.ge_u (local.get $value) (i32.const 10))
      (then (call $number (i32.div_u (local.get $value) (i32.const 10)))))
    (i32.store8 (global.get $out)
      (i32.add (i32.const 48) (i32.rem_u (local.get $value) (i32.const 10))))
    (global.set $out (i32.add (global.get $out) (i32.const 1))))

  ;; One character at a pointer, as bytes taken in the low half and what it is in the high half:
  ;; 0 a part of a word, 1 a space, 2 a line feed, 3 no character of its own.
  (func $character (param $at i32) (result i32)
    (local $byte i32)
    (local.set $byte (i32.load8_u (local.get $at)))
    (if (i32.eq (local.get $byte) (i32.const 0x20)) (then (return (i32.const 0x10001))))
    ;; The rest of a character in UTF-8.
    (if (i32.eq (i32.and (local.get $byte) (i32.const 0xc0)) (i32.const 0x80))
      (then (return (i32.const 0x30001))))
    (if (i32.ne (local.get $byte) (i32.const 0x5c)) (then (return (i32.const 1))))
    ;; An escape: \n, \r and \t are spaces, \u takes four digits more.
    (local.set $byte (i32.load8_u offset=1 (local.get $at)))
    (if (i32.eq (local.get $byte) (i32.const 0x6e)) (then (return (i32.const 0x20002))))
    (if (i32.or (i32.eq (local.get $byte) (i32.const 0x72)) (i32.eq (local.get $byte) (i32.const 0x74)))
      (then (return (i32.const 0x10002))))
    (if (i32.eq (local.get $byte) (i32.const 0x75)) (then (return (i32.const 6))))
    (i32.const 2))

  (func (export "run") (param $at i32) (param $bytes i32) (result i64)
    (local $end i32) (local $what i32) (local $character i32) (local $inWord i32)
    (local $words i32) (local $lines i32) (local $characters i32)
    (local.set $end (i32.sub (i32.add (local.get $at) (local.get $bytes)) (i32.const 1)))
    (if
      (i32.or
        (i32.lt_u (local.get $bytes) (i32.const 2))
        (i32.or
          (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x22))
          (i32.ne (i32.load8_u (local.get $end)) (i32.const 0x22))))
      (then (return (i64.or (i64.const 0x8000000000000000)
        (i64.or (i64.shl (i64.const 64) (i64.const 32)) (i64.const 30))))))
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    ;; A text has lines as soon as it has a character.
    (local.set $lines (i32.lt_u (local.get $at) (local.get $end)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $character (call $character (local.get $at)))
        (local.set $at
          (i32.add (local.get $at) (i32.and (local.get $character) (i32.const 0xffff))))
        (local.set $what (i32.shr_u (local.get $character) (i32.const 16)))
        (br_if $next (i32.eq (local.get $what) (i32.const 3)))
        (local.set $characters (i32.add (local.get $characters) (i32.const 1)))
        (if (local.get $what)
          (then
            (local.set $inWord (i32.const 0))
            (local.set $lines
              (i32.add (local.get $lines) (i32.eq (local.get $what) (i32.const 2)))))
          (else
            (local.set $words (i32.add (local.get $words) (i32.eqz (local.get $inWord))))
            (local.set $inWord (i32.const 1))))
        (br $next)))
    (global.set $out (i32.const 128))
    (call $copy (i32.const 0) (i32.const 9))
    (call $number (local.get $words))
    (call $copy (i32.const 16) (i32.const 9))
    (call $number (local.get $lines))
    (call $copy (i32.const 32) (i32.const 14))
    (call $number (local.get $characters))
    (i32.store8 (global.get $out) (i32.const 0x7d))
    (i64.or
      (i64.const 0x8000000000)
      (i64.extend_i32_u (i32.sub (global.get $out) (i32.const 127))))))
