//! Addresses and ranges of addresses.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// A list of addresses and ranges of them: `10.0.0.0/8`, `192.168.1.7`, `fd00::/8`.
///
/// An address of IPv4 that is written as one of IPv6 (`::ffff:10.0.0.1`) is the one of IPv4.
///
/// ```
/// use stockade_policy_sdk::Networks;
///
/// let office: Networks = serde_json::from_str(r#"["10.0.0.0/8", "2001:db8::1"]"#)?;
/// assert!(office.contains("10.1.2.3") && office.contains("2001:db8::1"));
/// assert!(!office.contains("11.0.0.1") && !office.contains("nowhere"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Tells whether an address, as in [`Client::address`](crate::Client::address), lies in any of
    /// them. What is no address lies in none.
    pub fn contains(&self, address: &str) -> bool {
        let address = address.parse::<IpAddr>().map(|address| address.to_canonical());
        address.is_ok_and(|address| self.0.iter().any(|network| network.has(address)))
    }

    /// Tells whether there is none, so that no address is contained.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

/// An address, or a range of them: `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    /// The number of bits that all its addresses share.
    prefix: u32,
}

impl Network {
    /// Tells whether an address lies in it. What is no address does not.
    pub fn contains(&self, address: &str) -> bool {
        address.parse::<IpAddr>().is_ok_and(|address| self.has(address.to_canonical()))
    }

    fn has(&self, address: IpAddr) -> bool {
        let bits = width(self.first);
        bits == width(address)
            && shared(number(address), bits, self.prefix)
                == shared(number(self.first), bits, self.prefix)
    }
}

const fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The first bits of an address. A prefix of 0 leaves none.
fn shared(address: u128, bits: u32, prefix: u32) -> u128 {
    address.checked_shr(bits - prefix).unwrap_or(0)
}

/// The reason why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidNetwork {
    /// It is neither an address nor a range.
    Spelling,
    /// The number behind the slash is larger than an address has bits.
    Prefix,
    /// The address is not the first one of the range.
    NotFirst,
}

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spelling => {
                "this is no address or range; write it like 192.168.1.7, 10.0.0.0/8 or fd00::/8"
            }
            Self::Prefix => "behind the slash is a number up to 32, and up to 128 for IPv6",
            Self::NotFirst => {
                "the address has bits that the number behind the slash leaves open; \
                 write the first address of the range, such as 10.0.0.0/8"
            }
        })
    }
}

impl std::error::Error for InvalidNetwork {}

impl FromStr for Network {
    type Err = InvalidNetwork;
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| InvalidNetwork::Spelling)?;
        let bits = width(first);
        let Some(prefix) = prefix else {
            let first = first.to_canonical();
            return Ok(Self { first, prefix: width(first) });
        };
        let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|prefix| digits && *prefix <= bits);
        let prefix: u32 = prefix.ok_or(InvalidNetwork::Prefix)?;
        let open = bits - prefix;
        if shared(number(first), bits, prefix).checked_shl(open).unwrap_or(0) != number(first) {
            return Err(InvalidNetwork::NotFirst);
        }
        Ok(Self { first, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == width(self.first) {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}/{}", self.first, self.prefix)
        }
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| D::Error::custom(format_args!("{text:?}: {error}")))
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for Network {
    fn schema_name() -> Cow<'static, str> {
        "Network".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$",
            "description": "An address or a range of addresses.",
            "examples": ["192.168.1.7", "10.0.0.0/8", "fd00::/8"],
        })
    }
}

impl JsonSchema for Networks {
    fn schema_name() -> Cow<'static, str> {
        "Networks".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Network>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidNetwork, Network, Networks};

    #[test]
    fn a_range_has_its_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("192.168.1.7", "192.168.1.7", "192.168.1.8"),
            ("192.168.1.7/32", "::ffff:192.168.1.7", "192.168.1.6"),
            ("192.168.1.6/31", "192.168.1.7", "192.168.1.8"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "ffff::1", "127.0.0.1"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("2001:db8::1", "2001:db8:0:0::1", "2001:db8::2"),
            ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"),
        ] {
            let parsed: Network = network.parse().unwrap();
            assert!(parsed.contains(inside), "{inside} is in {network}");
            assert!(!parsed.contains(outside), "{outside} is not in {network}");
            assert!(!parsed.contains(""), "{network}");
            assert_eq!(parsed.to_string().parse(), Ok(parsed));
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        use InvalidNetwork::{NotFirst, Prefix, Spelling};
        for (text, expected) in [
            ("", Spelling),
            ("10.0.0.0/8/8", Prefix),
            ("10.0.0/8", Spelling),
            ("localhost", Spelling),
            ("10.0.0.0/", Prefix),
            ("10.0.0.0/33", Prefix),
            ("10.0.0.0/+8", Prefix),
            ("::/129", Prefix),
            ("10.0.0.1/8", NotFirst),
            ("10.0.0.1/0", NotFirst),
            ("fd00::1/8", NotFirst),
        ] {
            assert_eq!(text.parse::<Network>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn settings_take_a_list() {
        let read = |json: &str| serde_json::from_str::<Networks>(json).map_err(|e| e.to_string());
        assert!(read("[]").unwrap().is_empty());
        let two = read(r#"["10.0.0.0/8", "::1"]"#).unwrap();
        assert!(two.contains("::1") && two.contains("10.0.0.1") && !two.contains("::2"));
        assert!(read(r#"["10.0.0.1/8"]"#).unwrap_err().starts_with("\"10.0.0.1/8\": the address"));
    }
}
