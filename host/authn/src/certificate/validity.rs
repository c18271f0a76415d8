//! The time until which a certificate is valid (RFC 5280, section 4.1.2.5).

use stockade_core::UnixTime;

use super::to_be_signed;
use crate::der::{Elements, SEQUENCE};

/// `YYMMDDHHMMSSZ`
const UTC_TIME: u8 = 0x17;
/// `YYYYMMDDHHMMSSZ`
const GENERALIZED_TIME: u8 = 0x18;

const DAY: u64 = 86_400;

/// The last second of it.
pub(super) fn not_after(certificate: &[u8]) -> Option<UnixTime> {
    // Before it come the algorithm and the issuer.
    let mut sequences = to_be_signed(certificate)?.filter(|(tag, _)| *tag == SEQUENCE);
    let validity = sequences.nth(2)?.1;
    let (tag, text) = Elements(validity).nth(1)?;
    time(tag, text)
}

/// A time, in either of its forms.
pub(super) fn time(tag: u8, text: &[u8]) -> Option<UnixTime> {
    let digits = text.strip_suffix(b"Z").filter(|text| text.iter().all(u8::is_ascii_digit))?;
    match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let year = number(&digits[..2]);
            moment(year + if year < 50 { 2000 } else { 1900 }, &digits[2..])
        }
        (GENERALIZED_TIME, 14) => moment(number(&digits[..4]), &digits[4..]),
        _ => None,
    }
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'))
}

/// `rest` has two digits each for month, day, hour, minute and second. A time before 1970
/// has passed like any other, and reads as 1970.
fn moment(year: u64, rest: &[u8]) -> Option<UnixTime> {
    let parts: Vec<u64> = rest.chunks(2).map(number).collect();
    let [month @ 1..=12, day @ 1..=31, hour @ 0..=23, minute @ 0..=59, second @ 0..=59] = parts[..]
    else {
        return None;
    };
    let year = Some(year).filter(|year| *year > 0)?;
    let days = days_before(year, month) + day - 1;
    let since_year_zero = days * DAY + hour * 3600 + minute * 60 + second;
    Some(UnixTime::from_secs(since_year_zero.saturating_sub(days_before(1970, 1) * DAY)))
}

/// Days from the first of March of the year 0 of the Gregorian calendar to the first of a
/// month. Years begin in March here, so that the leap day is the last of its year.
const fn days_before(year: u64, month: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    /// The seconds are those that `date -u -d … +%s` prints.
    #[test]
    fn moments_are_counted_as_others_count_them() {
        for (year, rest, seconds) in [
            (1970, "0101000000", 0),
            (1969, "1231235959", 0),
            (2000, "0229000000", 951_782_400),
            (2000, "0301000000", 951_868_800),
            (2026, "1125221733", 1_795_645_053),
            (2100, "0301000000", 4_107_542_400),
            (9999, "1231235959", 253_402_300_799),
        ] {
            let found = moment(year, rest.as_bytes());
            assert_eq!(found, Some(UnixTime::from_secs(seconds)), "{year} {rest}");
        }
        for rest in ["0001000000", "1301000000", "0100000000", "0101240000", "0101006000"] {
            assert_eq!(moment(2000, rest.as_bytes()), None, "{rest}");
        }
    }

    #[test]
    fn both_forms_of_time_are_read() {
        // Times from 2050 on are written in the longer form.
        for (year, seconds) in [(2049, 2_493_072_000), (2050, 2_524_608_000)] {
            let mut params = CertificateParams::default();
            params.not_after = date_time_ymd(year, 1, 1);
            let key = KeyPair::generate().unwrap();
            let der = params.self_signed(&key).unwrap().der().to_vec();
            assert_eq!(not_after(&der), Some(UnixTime::from_secs(seconds)), "{year}");
        }
        assert_eq!(not_after(b"no certificate"), None);
    }
}
