use proptest::prelude::*;

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn unix(text: &str) -> UnixTime {
    UnixTime::from_secs(unsigned(text.parse::<Timestamp>().unwrap()))
}

/// Returns the wall clock's view of a window's bounds.
fn shown(period: Period, now: &str, name: &str) -> (String, String, u64) {
    let window = Windows::at(unix(now), &zone(name)).of(period);
    let show = |time: UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap();
        let zoned = Timestamp::from_second(seconds).unwrap().to_zoned(zone(name));
        zoned.strftime("%m-%d %H:%M %z").to_string()
    };
    (show(window.start()), show(window.end()), window.seconds())
}

fn expected(start: &str, end: &str, hours: f64) -> (String, String, u64) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hours")]
    (start.to_owned(), end.to_owned(), (hours * 3_600.0) as u64)
}

#[test]
fn days_have_the_hours_that_the_wall_clock_shows() {
    use Period::{Day, Hour, Month};
    let berlin = "Europe/Berlin";
    for (period, now, name, window) in [
        (Day, "2026-03-29T10:00:00Z", berlin, ("03-29 00:00 +0100", "03-30 00:00 +0200", 23.0)),
        (Day, "2026-10-25T10:00:00Z", berlin, ("10-25 00:00 +0200", "10-26 00:00 +0100", 25.0)),
        (Day, "2026-11-28T23:30:00Z", berlin, ("11-29 00:00 +0100", "11-30 00:00 +0100", 24.0)),
        // The hour that comes twice is two windows.
        (Hour, "2026-10-25T00:30:00Z", berlin, ("10-25 02:00 +0200", "10-25 02:00 +0100", 1.0)),
        (Hour, "2026-10-25T01:30:00Z", berlin, ("10-25 02:00 +0100", "10-25 03:00 +0100", 1.0)),
        (Hour, "2026-03-29T00:30:00Z", berlin, ("03-29 01:00 +0100", "03-29 03:00 +0200", 1.0)),
        (Month, "2026-03-31T12:00:00Z", berlin, ("03-01 00:00 +0100", "04-01 00:00 +0200", 743.0)),
        (Month, "2026-12-31T12:00:00Z", "UTC", ("12-01 00:00 +0000", "01-01 00:00 +0000", 744.0)),
        // Midnight does not exist on this day.
        (
            Day,
            "2018-11-04T12:00:00Z",
            "America/Sao_Paulo",
            ("11-04 01:00 -0200", "11-05 00:00 -0200", 23.0),
        ),
        (
            Hour,
            "2026-11-28T13:40:00Z",
            "Asia/Kolkata",
            ("11-28 19:00 +0530", "11-28 20:00 +0530", 1.0),
        ),
    ] {
        let (start, end, hours) = window;
        assert_eq!(shown(period, now, name), expected(start, end, hours), "{period} of {now}");
    }
}

#[test]
fn a_change_by_half_an_hour_ends_a_window() {
    let name = "Australia/Lord_Howe";
    let before = shown(Period::Hour, "2026-04-04T14:45:00Z", name);
    assert_eq!(before, expected("04-05 01:00 +1100", "04-05 01:30 +1030", 1.0));
    let after = shown(Period::Hour, "2026-04-04T15:10:00Z", name);
    assert_eq!(after, expected("04-05 01:30 +1030", "04-05 02:00 +1030", 0.5));
}

#[test]
fn a_calendar_remembers_and_moves_on() {
    let calendar = Calendar::new(zone("Europe/Berlin"));
    for now in ["2026-10-24T23:59:59Z", "2026-10-25T00:00:00Z", "2026-10-24T21:59:59Z"] {
        for _ in 0..2 {
            assert_eq!(calendar.at(unix(now)), Windows::at(unix(now), calendar.zone()));
        }
    }
}

#[test]
fn a_clock_that_is_set_back_a_little_keeps_its_window() {
    let windows = |now| Windows::at(unix(now), &TimeZone::UTC).of(Period::Hour);
    let (later, earlier) = (windows("2026-11-28T14:00:00Z"), windows("2026-11-28T13:59:00Z"));
    assert!(later.outlives(earlier, unix("2026-11-28T13:59:59Z")));
    assert!(!later.outlives(earlier, unix("2026-11-28T12:59:59Z")));
    assert!(!earlier.outlives(later, unix("2026-11-28T14:00:00Z")));
}

proptest! {
    #[test]
    fn windows_follow_each_other_without_a_gap(
        seconds in 0..4_102_444_800_u64,
        name in prop::sample::select(vec![
            "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia",
            "Africa/Casablanca", "Asia/Kathmandu", "America/Sao_Paulo", "UTC",
        ]),
    ) {
        let (now, zone) = (UnixTime::from_secs(seconds), zone(name));
        let windows = Windows::at(now, &zone);
        for period in Period::ALL {
            let window = windows.of(period);
            prop_assert!(window.contains(now), "{period} {window:?}");
            let last = UnixTime::from_secs(window.end().as_secs() - 1);
            prop_assert_eq!(Windows::at(last, &zone).of(period), window);
            prop_assert_eq!(Windows::at(window.end(), &zone).of(period).start(), window.end());
            prop_assert_eq!(Windows::at(window.start(), &zone).of(period), window);
        }
        // What the calendar relies on: an hour lies in its day, a day in its month.
        prop_assert!(windows.of(Period::Hour).end() <= windows.of(Period::Day).end());
        prop_assert!(windows.of(Period::Day).end() <= windows.of(Period::Month).end());
    }
}
