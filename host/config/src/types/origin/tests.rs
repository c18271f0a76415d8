use super::{InvalidOrigin, OriginPattern, is_origin};

#[test]
fn an_origin_has_no_path() {
    for good in [
        "https://chat.example.org",
        "http://localhost:3000",
        "http://[::1]:3000",
        "app://obsidian.md",
        "chrome-extension://abcdefghijklmnop",
    ] {
        assert!(is_origin(good), "{good}");
        let pattern = OriginPattern::new(good).unwrap();
        assert!(pattern.matches(good), "{good}");
        assert!(!pattern.matches(&format!("{good}x")), "{good}");
    }
    for bad in [
        "",
        "null",
        "chat.example.org",
        "https://",
        "://x",
        "https://chat.example.org/",
        "https://chat.example.org/path",
        "https://chat.example.org?query",
        "https://Chat.example.org",
        "https://user@chat.example.org",
        "https://chat.exämple.org",
    ] {
        assert_eq!(OriginPattern::new(bad), Err(InvalidOrigin::Malformed), "{bad}");
    }
}

#[test]
fn asterisks_match_what_they_stand_for() {
    for (pattern, origin) in [
        ("moz-extension://*", "moz-extension://0b3a7c5e-1f1e-4a3a-9c55-6d1c0b4b9a11"),
        ("chrome-extension://*", "chrome-extension://abcdefghijklmnopabcdefghijklmnop"),
        ("app://*", "app://obsidian.md"),
        ("https://*.example.org", "https://chat.example.org"),
        ("https://*.example.org", "https://new.chat.example.org"),
        ("https://*.example.org:8443", "https://chat.example.org:8443"),
        ("http://localhost:*", "http://localhost:3000"),
        ("http://localhost:*", "http://localhost"),
        ("http://[::1]:*", "http://[::1]:3000"),
        ("http://*.localhost:*", "http://app.localhost:5173"),
        ("https://*.example.org:*", "https://chat.example.org:1"),
    ] {
        assert!(OriginPattern::new(pattern).unwrap().matches(origin), "{pattern} {origin}");
    }
}

#[test]
fn asterisks_match_nothing_else() {
    for (pattern, origin) in [
        ("moz-extension://*", "chrome-extension://abc"),
        ("moz-extension://*", "moz-extension://"),
        ("moz-extension://*", "https://moz-extension://abc"),
        ("moz-extension://*", "null"),
        ("https://*.example.org", "https://example.org"),
        ("https://*.example.org", "https://.example.org"),
        ("https://*.example.org", "https://evilexample.org"),
        ("https://*.example.org", "https://chat.example.org.evil.example"),
        ("https://*.example.org", "https://evil.example/.example.org"),
        ("https://*.example.org", "https://evil.example#.example.org"),
        ("https://*.example.org", "https://evil.example:1.example.org"),
        ("https://*.example.org", "https://user@chat.example.org"),
        ("https://*.example.org", "https://a..example.org"),
        ("https://*.example.org", "http://chat.example.org"),
        ("https://*.example.org", "https://chat.example.org:8443"),
        ("https://*.example.org:8443", "https://chat.example.org"),
        ("http://localhost:*", "http://localhost.evil.example"),
        ("http://localhost:*", "http://localhost:3000.evil.example"),
        ("http://localhost:*", "https://localhost:3000"),
        ("http://localhost:*", "http://localhost:"),
    ] {
        assert!(!OriginPattern::new(pattern).unwrap().matches(origin), "{pattern} {origin}");
    }
}

#[test]
fn what_would_match_strangers_is_refused() {
    use InvalidOrigin::{Everyone, Malformed, Misplaced, TooWide};
    for (pattern, error) in [
        ("*", Everyone),
        ("https://*", Everyone),
        ("http://*", Everyone),
        ("https://*:*", Everyone),
        ("https://*:8443", Everyone),
        ("https://*.org", TooWide),
        ("https://*.com:*", TooWide),
        ("https://*.example.org/*", Misplaced),
        ("https://*.example.org/", Malformed),
        ("https://*.Example.org", Malformed),
        ("https://*.", Malformed),
        ("https://*.0.0.1", Malformed),
        ("https://*..example.org", Malformed),
        ("https://*.[::1]", Malformed),
        ("https://chat*.example.org", Misplaced),
        ("https://chat.*.org", Misplaced),
        ("https://*.*.org", Misplaced),
        ("https://*example.org", Misplaced),
        ("https://localhost:3*", Misplaced),
        ("moz-extension://ab*", Misplaced),
        ("*://example.org", Malformed),
        ("http*://example.org", Malformed),
        ("*.example.org", Malformed),
        ("*://*", Malformed),
    ] {
        assert_eq!(OriginPattern::new(pattern), Err(error), "{pattern}");
    }
}
