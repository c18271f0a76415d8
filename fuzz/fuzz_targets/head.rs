//! Heads: it does not matter where they are split, and the parser behind agrees on where
//! they end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stockade_ollama::{BodyFraming, HeadScanner, path_of_head};

fuzz_target!(|data: &[u8]| {
    let whole = HeadScanner::default().scan(data);
    let mut scanner = HeadScanner::default();
    let mut split = Ok(None);
    for end in 0..=data.len() {
        split = scanner.scan(&data[..end]);
        if !matches!(split, Ok(None)) {
            break;
        }
    }
    assert_eq!(split.is_err(), whole.is_err());
    if let Ok(whole) = &whole {
        assert_eq!(split.as_ref().unwrap(), whole);
    }
    let _ = path_of_head(data);
    let Ok(Some(head)) = whole else {
        return;
    };
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut headers);
    let parsed = request.parse(&data[head.start..head.end]).expect("hyper understands it");
    assert_eq!(parsed, httparse::Status::Complete(head.end - head.start));
    let lengths = request.headers.iter().filter(|h| h.name.eq_ignore_ascii_case("content-length"));
    let chunks =
        request.headers.iter().filter(|h| h.name.eq_ignore_ascii_case("transfer-encoding"));
    match head.body {
        BodyFraming::Chunked => assert_eq!((lengths.count(), chunks.count()), (0, 1)),
        BodyFraming::Length(length) => {
            assert_eq!(chunks.count(), 0);
            let values: Vec<_> = lengths.map(|h| std::str::from_utf8(h.value).unwrap()).collect();
            assert!(values.len() <= 1);
            let value = values.first().map_or(0, |value| value.trim().parse().unwrap());
            assert_eq!(value, length);
        }
    }
});
