;; What the sandbox must stop. `hostile.wasm` is this, assembled.
(module
  (memory 1)
  (func (export "loop")
    (loop $again (br $again)))
  (func (export "take-memory")
    (loop $again
      (drop (memory.grow (i32.const 1)))
      (br $again)))
  (func $recurse (export "recurse") (result i32)
    (i32.add (call $recurse) (i32.const 1))))
