;; A policy without a compiler: it refuses models whose names end with the text in its
;; settings, such as ":70b", and has no opinion about others.
;;
;; It exports what `policy.wit` asks for, laid out by the canonical ABI of the Component
;; Model. Whoever compiles C, Zig or Go to WebAssembly gets the same functions from a
;; binding generator; here they are written out.
(module
  (memory (export "memory") 1)

  (data (i32.const 16) "no-giants")
  (data (i32.const 32) "1.0.0")
  (data (i32.const 48) "{\"type\":\"string\",\"minLength\":1}")
  (data (i32.const 96) "models of this size are not for you")
  (data (i32.const 144) "write the end of a model's name, such as \":70b\"")

  ;; Memory is taken and never given back: an instance lives for one decision.
  (global $next (mut i32) (i32.const 4096))
  ;; What `configure` was given: a list of (address, length), one text for each binding.
  (global $settings (mut i32) (i32.const 0))

  (func $alloc (export "cabi_realloc")
    (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (block $enough
      (loop $more
        (br_if $enough
          (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (unreachable)))
        (br $more)))
    (local.get $at))

  (func $new (param $size i32) (result i32)
    (call $alloc (i32.const 0) (i32.const 0) (i32.const 8) (local.get $size)))

  ;; metadata: name, version, settings-schema, inputs; each (address, length).
  (func (export "stockade:policy/policy@1.0.0#describe") (result i32)
    (local $at i32)
    (local.set $at (call $new (i32.const 32)))
    (i32.store (local.get $at) (i32.const 16))
    (i32.store offset=4 (local.get $at) (i32.const 9))
    (i32.store offset=8 (local.get $at) (i32.const 32))
    (i32.store offset=12 (local.get $at) (i32.const 5))
    (i32.store offset=16 (local.get $at) (i32.const 48))
    (i32.store offset=20 (local.get $at) (i32.const 31))
    (local.get $at))

  ;; Keep the settings; the host's snapshot carries them into every decision. Each must be a
  ;; JSON text without escapes that is not empty.
  (func (export "stockade:policy/policy@1.0.0#configure")
    (param $list i32) (param $count i32) (result i32)
    (local $i i32) (local $result i32) (local $problems i32) (local $wrong i32)
    (global.set $settings (local.get $list))
    (local.set $result (call $new (i32.const 12)))
    ;; A problem: binding, path, message; 20 bytes.
    (local.set $problems (call $new (i32.mul (local.get $count) (i32.const 20))))
    (block $done
      (loop $each
        (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
        (if (i32.eqz (call $is_text (call $setting (local.get $i)))) (then
          (call $problem
            (i32.add (local.get $problems) (i32.mul (local.get $wrong) (i32.const 20)))
            (local.get $i))
          (local.set $wrong (i32.add (local.get $wrong) (i32.const 1)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $each)))
    (if (local.get $wrong) (then
      (i32.store8 (local.get $result) (i32.const 1))
      (i32.store offset=4 (local.get $result) (local.get $problems))
      (i32.store offset=8 (local.get $result) (local.get $wrong))))
    (local.get $result))

  ;; Where the (address, length) of a binding's settings stands.
  (func $setting (param $binding i32) (result i32)
    (i32.add (global.get $settings) (i32.mul (local.get $binding) (i32.const 8))))

  (func $problem (param $at i32) (param $binding i32)
    (i32.store (local.get $at) (local.get $binding))
    (i32.store offset=12 (local.get $at) (i32.const 144))
    (i32.store offset=16 (local.get $at) (i32.const 47)))

  ;; Whether a JSON value is a text of at least one character, none of them escaped.
  (func $is_text (param $value i32) (result i32)
    (local $at i32) (local $end i32)
    (local.set $at (i32.load (local.get $value)))
    (local.set $end (i32.add (local.get $at) (i32.load offset=4 (local.get $value))))
    (if (i32.lt_u (i32.load offset=4 (local.get $value)) (i32.const 3))
      (then (return (i32.const 0))))
    (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x22))
      (then (return (i32.const 0))))
    (loop $each
      (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x5c))
        (then (return (i32.const 0))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $each (i32.lt_u (local.get $at) (local.get $end))))
    (i32.const 1))

  ;; The request is followed by the list of bindings, at 560. Its models are a list at 24.
  (func (export "stockade:policy/policy@1.0.0#evaluate")
    (param $request i32) (result i32)
    (local $count i32) (local $list i32) (local $i i32)
    (local.set $count (i32.load offset=564 (local.get $request)))
    ;; An answer begins with the verdict: 0 allow, 1 restrict, 2 deny, 3 abstain, and what belongs
    ;; to it at 8; 88 bytes.
    (local.set $list (call $new (i32.add (i32.const 8) (i32.mul (local.get $count) (i32.const 88)))))
    (i32.store (local.get $list) (i32.add (local.get $list) (i32.const 8)))
    (i32.store offset=4 (local.get $list) (local.get $count))
    (block $done
      (loop $each
        (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
        (call $judge
          (i32.add (i32.add (local.get $list) (i32.const 8)) (i32.mul (local.get $i) (i32.const 88)))
          (local.get $request)
          (i32.load (i32.add
            (i32.load offset=560 (local.get $request))
            (i32.mul (local.get $i) (i32.const 4)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $each)))
    (local.get $list))

  ;; Write the verdict of one binding.
  (func $judge (param $verdict i32) (param $request i32) (param $binding i32)
    (local $model i32) (local $left i32)
    (i32.store8 (local.get $verdict) (i32.const 3))
    (local.set $model (i32.load offset=24 (local.get $request)))
    (local.set $left (i32.load offset=28 (local.get $request)))
    (block $done
      (loop $each
        (br_if $done (i32.eqz (local.get $left)))
        (if (call $ends (local.get $model) (call $setting (local.get $binding))) (then
          (i32.store8 (local.get $verdict) (i32.const 2))
          (i32.store offset=8 (local.get $verdict) (i32.const 96))
          (i32.store offset=12 (local.get $verdict) (i32.const 35))
          (return)))
        ;; A model begins with its name; 120 bytes.
        (local.set $model (i32.add (local.get $model) (i32.const 120)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $each))))

  ;; Whether a text ends with what stands between the quotes of a JSON text.
  (func $ends (param $text i32) (param $json i32) (result i32)
    (local $length i32) (local $a i32) (local $b i32)
    (local.set $length (i32.sub (i32.load offset=4 (local.get $json)) (i32.const 2)))
    (if (i32.gt_u (local.get $length) (i32.load offset=4 (local.get $text)))
      (then (return (i32.const 0))))
    (local.set $a (i32.sub
      (i32.add (i32.load (local.get $text)) (i32.load offset=4 (local.get $text)))
      (local.get $length)))
    (local.set $b (i32.add (i32.load (local.get $json)) (i32.const 1)))
    (loop $each
      (if (i32.ne (i32.load8_u (local.get $a)) (i32.load8_u (local.get $b)))
        (then (return (i32.const 0))))
      (local.set $a (i32.add (local.get $a) (i32.const 1)))
      (local.set $b (i32.add (local.get $b) (i32.const 1)))
      (local.set $length (i32.sub (local.get $length) (i32.const 1)))
      (br_if $each (local.get $length)))
    (i32.const 1)))
