//! The PROXY protocol: it does not matter where a header is split, never more is asked for
//! than it has, and what follows it changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stockade_authn::ProxyHeader;

fuzz_target!(|data: &[u8]| {
    let whole = ProxyHeader::read(data);
    let mut known = 0;
    let split = loop {
        match ProxyHeader::read(&data[..known]) {
            Ok(ProxyHeader::Incomplete(needed)) => {
                assert!(needed > known);
                if needed > data.len() {
                    break ProxyHeader::read(data);
                }
                known = needed;
            }
            other => break other,
        }
    };
    assert_eq!(split.is_ok(), whole.is_ok());
    if let Ok(ProxyHeader::Complete { length, .. }) = split {
        assert_eq!((length, &split), (known, &whole));
        let longer = [data, b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(ProxyHeader::read(&longer), split);
    }
});
