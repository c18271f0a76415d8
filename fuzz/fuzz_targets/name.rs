//! Model names: the canonical spelling is its own, and no other case is another model.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stockade_core::ModelName;

fuzz_target!(|text: &str| {
    let Ok(name) = ModelName::parse(text) else {
        return;
    };
    assert_eq!(ModelName::parse(name.short()).as_ref(), Ok(&name));
    assert_eq!(ModelName::parse(name.spelled()).as_ref(), Ok(&name));
    assert_eq!(name.spelled().to_ascii_lowercase(), name.short());
    assert_eq!(ModelName::parse(&name.to_string()).as_ref(), Ok(&name));
    assert_eq!(ModelName::parse(&text.to_ascii_uppercase()).as_ref(), Ok(&name));
    let plain = |byte: u8| byte.is_ascii_lowercase() || b"_.:/-0123456789".contains(&byte);
    assert!(name.short().bytes().all(plain), "{name}");
});
