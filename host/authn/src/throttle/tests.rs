use base64::Engine as _;
use http::HeaderMap;
use proptest::prelude::*;

use super::*;
use crate::client::TrustedProxies;

const START: u64 = 1_800_000_000;
const RULES: ThrottleRules = ThrottleRules {
    failures: 3,
    wait: Duration::from_secs(1),
    longest_wait: Duration::from_secs(10),
    forget: Duration::from_mins(1),
};

fn at(milliseconds: u64) -> UnixTime {
    UnixTime::from_duration(Duration::from_millis(START * 1000 + milliseconds))
}

fn client(address: &str) -> ClientIp {
    TrustedProxies::default().client(address.parse().unwrap(), &HeaderMap::new()).unwrap()
}

fn password<'a>(address: &str, user: &'a str) -> Attempt<'a> {
    Attempt { guess: Guess::Password, client: client(address), user: Some(user) }
}

fn key(address: &str) -> Attempt<'static> {
    Attempt { guess: Guess::Secret, client: client(address), user: None }
}

fn fail(throttle: &Throttle, attempt: Attempt<'_>, now: UnixTime, times: u32) -> Vec<Lockout> {
    (0..times).flat_map(|_| throttle.failed(&attempt, &RULES, now)).collect()
}

fn waits(throttle: &Throttle, attempt: Attempt<'_>, now: UnixTime) -> Option<u64> {
    let wait = throttle.wait(&attempt, &RULES, now)?;
    Some(u64::try_from(wait.as_millis()).unwrap())
}

#[test]
fn an_attempt_knows_whom_and_what_it_is_about() {
    let basic = base64::engine::general_purpose::STANDARD.encode("bob:a wrong password");
    let token = format!("svc:batch:9:{}", "a".repeat(64));
    for (header, guess, user) in [
        (format!("Basic {basic}"), Guess::Password, Some("bob")),
        (format!("Bearer {token}"), Guess::Secret, Some("svc:batch")),
        ("Bearer sk-local-x".to_owned(), Guess::Secret, None),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", header.parse().unwrap());
        let presented = Presented::from_headers(&headers, None).unwrap();
        let attempt = Attempt::of(&presented, client("192.0.2.1")).unwrap();
        assert_eq!((attempt.guess, attempt.user), (guess, user), "{header}");
    }
    let headers = HeaderMap::new();
    let nothing = Presented::from_headers(&headers, None).unwrap();
    assert!(Attempt::of(&nothing, client("192.0.2.1")).is_none());
}

#[test]
fn waiting_doubles_up_to_the_longest_and_is_forgotten() {
    let throttle = Throttle::default();
    let attempt = key("192.0.2.1");
    assert_eq!(fail(&throttle, attempt, at(0), 2), []);
    assert_eq!(waits(&throttle, attempt, at(0)), None);
    let mut now = 0;
    for wait in [1, 2, 4, 8, 10, 10] {
        let holds = fail(&throttle, attempt, at(now), 1);
        assert_eq!(holds[0].wait, Duration::from_secs(wait));
        assert_eq!(waits(&throttle, attempt, at(now + 1)), Some(wait * 1000 - 1));
        now += wait * 1000;
        assert_eq!(waits(&throttle, attempt, at(now)), None, "after {wait} s");
    }
    // The last failure was ten seconds before.
    assert_eq!(fail(&throttle, attempt, at(now + 50_000), 2), [], "it begins anew");
}

#[test]
fn a_hold_tells_what_happened_since_the_last_one() {
    let throttle = Throttle::default();
    let attempt = password("192.0.2.1", "alice");
    let holds = fail(&throttle, attempt, at(0), 3);
    let whom: Vec<_> = holds.iter().map(|hold| hold.whom).collect();
    assert_eq!(whom, [ThrottleKey::Address("192.0.2.1".parse().unwrap()), ThrottleKey::User]);
    for _ in 0..5 {
        assert!(waits(&throttle, attempt, at(500)).is_some());
    }
    let holds = fail(&throttle, attempt, at(1000), 1);
    assert_eq!((holds[0].failures, holds[0].turned_away), (4, 5));
}

#[test]
fn others_do_not_wait() {
    let throttle = Throttle::default();
    fail(&throttle, password("192.0.2.1", "alice"), at(0), 3);
    let now = at(1);
    assert!(waits(&throttle, password("192.0.2.1", "bob"), now).is_some(), "the same address");
    assert!(waits(&throttle, password("192.0.2.9", "alice"), now).is_some(), "the same name");
    assert!(waits(&throttle, password("192.0.2.9", "bob"), now).is_none());
    assert!(waits(&throttle, key("192.0.2.1"), now).is_none(), "keys cannot be guessed");
    let token = Attempt { guess: Guess::Secret, ..password("192.0.2.9", "alice") };
    assert!(waits(&throttle, token, now).is_none());
    fail(&throttle, key("192.0.2.9"), at(0), 3);
    assert!(waits(&throttle, password("192.0.2.9", "bob"), now).is_none());
}

#[test]
fn an_address_of_ipv6_stands_for_its_network() {
    let throttle = Throttle::default();
    let holds: Vec<_> = ["2001:db8::1", "2001:db8::2:0:0:1", "2001:db8::ffff:ffff:ffff:ffff"]
        .into_iter()
        .flat_map(|address| fail(&throttle, key(address), at(0), 1))
        .collect();
    assert_eq!(holds[0].whom, ThrottleKey::Address("2001:db8::/64".parse().unwrap()));
    assert!(waits(&throttle, key("2001:db8::77"), at(1)).is_some());
    assert!(waits(&throttle, key("2001:db8:0:1::77"), at(1)).is_none());
    fail(&throttle, key("::ffff:192.0.2.1"), at(0), 3);
    assert!(waits(&throttle, key("192.0.2.1"), at(1)).is_some(), "two spellings of one");
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_wait_longer() {
    let throttle = Throttle::default();
    fail(&throttle, key("192.0.2.1"), at(3_600_000), 3);
    assert_eq!(waits(&throttle, key("192.0.2.1"), at(0)), Some(10_000));
}

#[test]
fn memory_is_bounded_and_the_worst_are_kept() {
    let throttle = Throttle::default();
    fail(&throttle, password("192.0.2.1", "alice"), at(0), 5);
    for number in 0..3 * table::MOST {
        let address = format!("2001:db8:{:x}:{:x}::1", number >> 16, number & 0xffff);
        fail(&throttle, password(&address, &number.to_string()), at(1), 1);
    }
    let tables = throttle.tables.lock().unwrap();
    assert!(tables.addresses.len() <= table::MOST && tables.users.len() <= table::MOST);
    assert!(tables.addresses.len() >= table::MOST / 2);
    drop(tables);
    assert!(waits(&throttle, password("198.51.100.1", "alice"), at(2)).is_some());
    assert!(waits(&throttle, password("192.0.2.1", "bob"), at(2)).is_some());
}

#[test]
fn what_is_forgotten_makes_room_first() {
    let throttle = Throttle::default();
    for number in 0..table::MOST {
        let address = format!("2001:db8:0:{number:x}::1");
        fail(&throttle, key(&address), at(0), 3);
    }
    fail(&throttle, key("192.0.2.1"), at(59_999), 1);
    assert!(throttle.tables.lock().unwrap().addresses.len() <= table::MOST);
    fail(&throttle, key("192.0.2.2"), at(120_000), 1);
    for number in 0..table::MOST {
        let address = format!("2001:db8:1:{number:x}::1");
        fail(&throttle, key(&address), at(120_000), 1);
    }
    assert_eq!(waits(&throttle, key("2001:db8::1"), at(120_000)), None);
}

proptest! {
    /// However failures and tries fall: nobody tries more often than the rules allow.
    #[test]
    fn tries_are_as_rare_as_the_rules_say(steps in prop::collection::vec(0..3000u64, 1..200)) {
        let throttle = Throttle::default();
        let (mut now, mut tries, mut next) = (0, 0u32, 0);
        for step in steps {
            now += step;
            if waits(&throttle, key("192.0.2.1"), at(now)).is_some() {
                prop_assert!(now < next, "it waits too long");
                continue;
            }
            prop_assert!(now >= next, "it does not wait");
            fail(&throttle, key("192.0.2.1"), at(now), 1);
            tries += 1;
            let wait = RULES.wait_after(tries).map_or(0, |wait| wait.as_millis());
            next = now + u64::try_from(wait).unwrap();
        }
    }
}
