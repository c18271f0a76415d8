//! Ranges of addresses, as `10.0.0.0/8` writes them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// All addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressRange {
    first: IpAddr,
    bits: u8,
}

/// A text that is no range of addresses, or one that must not be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRange {
    /// Something else.
    #[error("this is no address and no range of addresses; write 127.0.0.1 or 10.0.0.0/8")]
    Form,
    /// An IPv4 address within an IPv6 one.
    #[error("write this IPv4 address as one: {0}")]
    Mapped(IpAddr),
    /// An address within the range instead of its first one.
    #[error("the address has more bits than the range; did you mean {0}?")]
    Inside(AddressRange),
    /// All addresses.
    #[error("this is everybody, and anybody could say anything")]
    Everybody,
}

impl AddressRange {
    /// The range of so many leading bits in which an address lies.
    pub fn around(address: IpAddr, bits: u8) -> Self {
        let first = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
                IpAddr::V4((address.to_bits() & mask).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
                IpAddr::V6((address.to_bits() & mask).into())
            }
        };
        Self { first, bits }
    }

    /// Tells whether an address lies in it; one of IPv4 must be written as one.
    pub fn contains(&self, address: IpAddr) -> bool {
        Self::around(address, self.bits) == *self
    }

    fn is_one_address(&self) -> bool {
        self.bits == if self.first.is_ipv4() { 32 } else { 128 }
    }
}

impl FromStr for AddressRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(first, bits)| (first, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| InvalidRange::Form)?;
        if address.to_canonical() != address {
            return Err(InvalidRange::Mapped(address.to_canonical()));
        }
        let most = if address.is_ipv4() { 32 } else { 128 };
        let digits = |bits: &str| bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits = match bits {
            None => most,
            Some(bits) if digits(bits) => bits.parse().map_err(|_| InvalidRange::Form)?,
            Some(_) => return Err(InvalidRange::Form),
        };
        let range = Self::around(address, bits);
        match bits {
            0 => Err(InvalidRange::Everybody),
            _ if bits > most => Err(InvalidRange::Form),
            _ if range.first != address => Err(InvalidRange::Inside(range)),
            _ => Ok(range),
        }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_one_address() {
            self.first.fmt(f)
        } else {
            write!(f, "{}/{}", self.first, self.bits)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_contains_what_begins_like_it() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.128/25", "192.0.2.255", "192.0.2.127"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::1", "::1", "::2"),
            ("128.0.0.0/1", "255.0.0.1", "8000::"),
        ] {
            assert!(range(text).contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!range(text).contains(outside.parse().unwrap()), "{text} {outside}");
            assert_eq!(range(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/8/8", "::/129"]
        {
            assert_eq!(text.parse::<AddressRange>(), Err(InvalidRange::Form), "{text}");
        }
        for text in ["localhost", "10.0.0", "010.0.0.1", "fe80::1%eth0", "10.0.0.0-10.0.0.9"] {
            assert_eq!(text.parse::<AddressRange>(), Err(InvalidRange::Form), "{text}");
        }
        let inside = "10.0.0.1/8".parse::<AddressRange>().unwrap_err();
        assert!(inside.to_string().ends_with("did you mean 10.0.0.0/8?"), "{inside}");
        assert_eq!("0.0.0.0/0".parse::<AddressRange>(), Err(InvalidRange::Everybody));
        assert_eq!("::/0".parse::<AddressRange>(), Err(InvalidRange::Everybody));
        let mapped = "::ffff:10.0.0.1".parse::<AddressRange>();
        assert_eq!(mapped, Err(InvalidRange::Mapped([10, 0, 0, 1].into())));
    }
}
