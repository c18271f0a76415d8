use super::{BadHead, BodyFraming, Head, HeadScanner, LONGEST_HEAD, path_of_head};

fn scan(head: &str) -> Result<Option<Head>, BadHead> {
    HeadScanner::default().scan(head.as_bytes())
}

fn with(fields: &str) -> String {
    format!("POST /api/chat HTTP/1.1\r\nHost: gateway\r\n{fields}\r\n")
}

#[test]
fn a_head_says_where_its_body_ends() {
    let cases = [
        ("", BodyFraming::Length(0)),
        ("Content-Length: 0\r\n", BodyFraming::Length(0)),
        ("content-length:12\r\n", BodyFraming::Length(12)),
        ("CONTENT-LENGTH: \t12 \r\n", BodyFraming::Length(12)),
        ("Transfer-Encoding: chunked\r\n", BodyFraming::Chunked),
        ("transfer-encoding: CHUNKED\r\n", BodyFraming::Chunked),
        ("X-Text: a: b, \u{e9}\r\nX-Empty:\r\n", BodyFraming::Length(0)),
    ];
    for (fields, body) in cases {
        let head = with(fields);
        let expected = Head { start: 0, end: head.len(), body };
        assert_eq!(scan(&head), Ok(Some(expected)), "{head:?}");
        assert_eq!(scan(&(head.clone() + "GET / HTTP/1.1\r\n")), Ok(Some(expected)));
        let again = format!("\r\n\r\n{head}");
        let expected = Head { start: 4, end: again.len(), body };
        assert_eq!(scan(&again), Ok(Some(expected)), "{again:?}");
    }
}

#[test]
fn a_head_with_two_readings_is_refused() {
    let fields = [
        ("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "not both"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "not both"),
        ("Content-Length: 2\r\nContent-Length: 3\r\n", "once"),
        ("Content-Length: 2\r\ncontent-length: 2\r\n", "once"),
        ("Content-Length: 2, 2\r\n", "one number"),
        ("Content-Length: +2\r\n", "one number"),
        ("Content-Length: -2\r\n", "one number"),
        ("Content-Length: 0x2\r\n", "one number"),
        ("Content-Length: 2 2\r\n", "one number"),
        ("Content-Length:\r\n", "one number"),
        ("Content-Length: 18446744073709551616\r\n", "one number"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "once"),
        ("Transfer-Encoding: gzip, chunked\r\n", "chunked"),
        ("Transfer-Encoding: identity\r\n", "chunked"),
        ("Transfer-Encoding: \u{b}chunked\r\n", "control"),
        ("Transfer-Encoding: \u{c}chunked\r\n", "control"),
        ("X: a\r\r\n", "control"),
        ("Transfer-Encoding:\r\n", "chunked"),
        ("Transfer-Encoding : chunked\r\n", "name"),
        ("X: a\r\n b\r\n", "second line"),
        (" X: a\r\n", "second line"),
        ("X\r\n", "no header field"),
        (": a\r\n", "name"),
        ("X Y: a\r\n", "name"),
        ("X\u{e9}: a\r\n", "name"),
        ("X: a\0b\r\n", "control"),
        ("X: a\rb\r\n", "control"),
        ("X: a\n", "line feed alone"),
        ("X: a\nContent-Length: 5\r\n", "line feed alone"),
    ];
    for (fields, message) in fields {
        let refused = scan(&with(fields)).unwrap_err();
        assert!(refused.message.contains(message), "{fields:?}: {refused}");
        assert_eq!(refused.status, 400);
    }
}

#[test]
fn a_request_line_has_one_form() {
    for line in [
        "GET /",
        "GET / HTTP/1.1 ",
        "GET  / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        " GET / HTTP/1.1",
        "GET / HTTP/2.0",
        "GET / HTTP/0.9",
        "GET / http/1.1",
        "GET / HTTP/1.10",
        "get / HTTP/1.1",
        "STOCKADE-REFUSED / HTTP/1.1",
        "AAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1",
        "CONNECT ollama.com:443 HTTP/1.1",
        "GET /\u{e9} HTTP/1.1",
        "GET /\u{7f} HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET /a#b HTTP/1.1",
        "GET /a\\b HTTP/1.1",
        "GET /\"a\" HTTP/1.1",
        " / HTTP/1.1",
        "PRI * HTTP/2.0",
        "\u{16}\u{3}\u{1}",
    ] {
        let head = format!("{line}\r\nHost: gateway\r\n\r\n");
        assert_eq!(scan(&head).unwrap_err().status, 400, "{line:?}");
    }
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert!(scan(old).unwrap_err().message.contains("HTTP/1.0"));
    assert!(scan("\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n").is_err(), "empty lines come to an end");
}

#[test]
fn heads_that_are_too_large_are_told_so_before_they_end() {
    let endless = |byte: char, count| byte.to_string().repeat(count);
    let target = format!("GET /{}", endless('a', 17 << 10));
    assert_eq!(scan(&target).unwrap_err().status, 414);
    assert_eq!(scan(&(target + " HTTP/1.1\r\n\r\n")).unwrap_err().status, 414);
    let value = format!("GET / HTTP/1.1\r\nX: {}", endless('a', LONGEST_HEAD));
    assert_eq!(scan(&value).unwrap_err().status, 431);
    let fields = format!("GET / HTTP/1.1\r\n{}", "X: a\r\n".repeat(101));
    assert_eq!(scan(&fields).unwrap_err().status, 431);
    let fields = format!("GET / HTTP/1.1\r\n{}\r\n", "X: a\r\n".repeat(101));
    assert_eq!(scan(&fields).unwrap_err().status, 431);
    let fields = format!("GET / HTTP/1.1\r\n{}\r\n", "X: a\r\n".repeat(100));
    assert!(scan(&fields).unwrap().is_some());
}

/// Nothing that follows could make them good, so that nothing is waited for.
#[test]
fn what_no_head_begins_with_is_refused_at_once() {
    let field = |text: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{text}");
    let cases = [
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}".to_owned(), "http://"),
        ("\0".to_owned(), "capital letters"),
        ("g".to_owned(), "capital letters"),
        (" GET".to_owned(), "capital letters"),
        ("SSH-2.0-OpenSSH_9.9".to_owned(), "capital letters"),
        ("A".repeat(25), "a method, a path and HTTP/1.1"),
        ("GET  ".to_owned(), "percent-encoded"),
        ("GET /\u{e9}".to_owned(), "percent-encoded"),
        ("GET / HTTP/2".to_owned(), "HTTP/1.1"),
        ("GET / x".to_owned(), "HTTP/1.1"),
        ("GET / HTTP/1.1 ".to_owned(), "HTTP/1.1"),
        ("GET / HTTP/1.1\rX".to_owned(), "percent-encoded"),
        (field(" a"), "second line"),
        (field(":"), "name"),
        (field("X Y"), "name"),
        (field("X\u{e9}"), "name"),
        (field("X: a\0"), "control"),
        (field("X: a\rb"), "control"),
    ];
    for (head, message) in cases {
        let refused = scan(&head).expect_err(&head);
        assert!(refused.message.contains(message), "{head:?}: {refused}");
        assert_eq!(refused.status, 400);
        let mut scanner = HeadScanner::default();
        let split = (0..=head.len()).find_map(|end| scanner.scan(&head.as_bytes()[..end]).err());
        assert_eq!(split, Some(refused), "{head:?}, byte by byte");
    }
    for head in ["", "\r", "\r\n\r", "GET", "GET /a?b HTTP/1.", "GET / HTTP/1.1\r"] {
        assert_eq!(scan(head), Ok(None), "{head:?}");
    }
    for text in ["", "\r", "X", "X:", "X: \ta: \u{e9}\r"] {
        assert_eq!(scan(&field(text)), Ok(None), "{text:?}");
    }
}

#[test]
fn it_does_not_matter_where_a_head_is_split() {
    let head = with("Content-Length: 2\r\nX: a\r\n");
    let mut scanner = HeadScanner::default();
    for end in 0..head.len() {
        assert_eq!(scanner.scan(&head.as_bytes()[..end]), Ok(None), "{end}");
    }
    assert_eq!(scanner.scan(head.as_bytes()), scan(&head));
}

#[test]
fn the_path_of_a_bad_head_is_found_where_it_is_plain() {
    let cases: [(&[u8], Option<&str>); 6] = [
        (b"GET /v1/models HTTP/1.1\r\nX", Some("/v1/models")),
        (b"\r\nPOST /v1/messages?beta=true HTTP/9", Some("/v1/messages")),
        (b"GET /v1/\xff HTTP/1.1\r\n", None),
        (b"GET http://gateway/v1/models HTTP/1.1\r\n", None),
        (b"nonsense", None),
        (b"", None),
    ];
    for (head, path) in cases {
        assert_eq!(path_of_head(head), path, "{}", String::from_utf8_lossy(head));
    }
}
