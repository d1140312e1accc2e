;; Line ends of TYPE A, sixteen bytes at a time (WebAssembly with SIMD). `npm run wasm` compiles this to
;; line-ends-wasm.ts. Knows nothing of transfers: line-ends.ts puts the bytes into the memory and takes the result.
;;
;; What all functions share: sixteen bytes behind the input are set to 0 first, so that the last block needs no care:
;; what it holds beyond the end is no line end. Of a block, all is copied before it is known how much of it is right;
;; what follows a line end is then copied once more, to where it belongs. So up to 32 bytes behind the input are read,
;; up to 32 behind the output written, and the two must not overlap.
(module
  ;; 256 KiB, never more.
  (memory (export "memory") 4 4)

  ;; Copies `length` bytes, with CRLF for each LF. Returns how many bytes were written.
  (func (export "expand") (param $from i32) (param $length i32) (param $to i32) (result i32)
    (local $end i32) (local $start i32) (local $block v128) (local $found i32) (local $place i32)
    (local.set $end (i32.add (local.get $from) (local.get $length)))
    (local.set $start (local.get $to))
    (v128.store (local.get $end) (v128.const i64x2 0 0))
    (loop $blocks
      (if (i32.lt_u (local.get $from) (local.get $end))
        (then
          (local.set $block (v128.load (local.get $from)))
          (v128.store (local.get $to) (local.get $block))
          ;; One bit for each LF.
          (local.set $found (i8x16.bitmask (i8x16.eq (local.get $block) (i8x16.splat (i32.const 10)))))
          (loop $lines
            (if (local.get $found)
              (then
                (local.set $place (i32.ctz (local.get $found)))
                ;; CR is the lower byte, and comes first.
                (i32.store16 (i32.add (local.get $to) (local.get $place)) (i32.const 0x0a0d))
                (v128.store offset=2
                  (i32.add (local.get $to) (local.get $place))
                  (v128.load offset=1 (i32.add (local.get $from) (local.get $place))))
                (local.set $to (i32.add (local.get $to) (i32.const 1)))
                ;; Without its lowest bit.
                (local.set $found (i32.and (local.get $found) (i32.sub (local.get $found) (i32.const 1))))
                (br $lines))))
          (local.set $from (i32.add (local.get $from) (i32.const 16)))
          (local.set $to (i32.add (local.get $to) (i32.const 16)))
          (br $blocks))))
    ;; Less what the last block held beyond the end.
    (i32.sub
      (i32.sub (local.get $to) (local.get $start))
      (i32.sub (local.get $from) (local.get $end))))

  ;; Copies `length` bytes, with LF for each CRLF. Returns how many bytes were written.
  (func (export "collapse") (param $from i32) (param $length i32) (param $to i32) (result i32)
    (local $end i32) (local $start i32) (local $block v128) (local $found i32) (local $place i32)
    (local.set $end (i32.add (local.get $from) (local.get $length)))
    (local.set $start (local.get $to))
    (v128.store (local.get $end) (v128.const i64x2 0 0))
    (loop $blocks
      (if (i32.lt_u (local.get $from) (local.get $end))
        (then
          (local.set $block (v128.load (local.get $from)))
          (v128.store (local.get $to) (local.get $block))
          ;; One bit for each CR that an LF follows.
          (local.set $found
            (i8x16.bitmask
              (v128.and
                (i8x16.eq (local.get $block) (i8x16.splat (i32.const 13)))
                (i8x16.eq (v128.load offset=1 (local.get $from)) (i8x16.splat (i32.const 10))))))
          (loop $lines
            (if (local.get $found)
              (then
                (local.set $place (i32.ctz (local.get $found)))
                (v128.store
                  (i32.add (local.get $to) (local.get $place))
                  (v128.load offset=1 (i32.add (local.get $from) (local.get $place))))
                (local.set $to (i32.sub (local.get $to) (i32.const 1)))
                (local.set $found (i32.and (local.get $found) (i32.sub (local.get $found) (i32.const 1))))
                (br $lines))))
          (local.set $from (i32.add (local.get $from) (i32.const 16)))
          (local.set $to (i32.add (local.get $to) (i32.const 16)))
          (br $blocks))))
    (i32.sub
      (i32.sub (local.get $to) (local.get $start))
      (i32.sub (local.get $from) (local.get $end))))

  ;; Returns how many of `length` bytes are LF.
  (func (export "count") (param $from i32) (param $length i32) (result i32)
    (local $end i32) (local $lines i32)
    (local.set $end (i32.add (local.get $from) (local.get $length)))
    (v128.store (local.get $end) (v128.const i64x2 0 0))
    (loop $blocks
      (if (i32.lt_u (local.get $from) (local.get $end))
        (then
          (local.set $lines
            (i32.add
              (local.get $lines)
              (i32.popcnt
                (i8x16.bitmask (i8x16.eq (v128.load (local.get $from)) (i8x16.splat (i32.const 10)))))))
          (local.set $from (i32.add (local.get $from) (i32.const 16)))
          (br $blocks))))
    (local.get $lines)))
