//! The user whose process is at the other end of a connection within this machine.
//!
//! Source: Linux `net/ipv4/tcp_ipv4.c` (`tcp4_seq_show`): of each socket its two addresses, the
//! user who made it and its inode, which is 0 once no process has it any more. Addresses are
//! written as 32-bit words of the machine's byte order.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The sockets of this network namespace. One that was made for IPv6 may speak IPv4.
const TABLES: [&str; 2] = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];

/// The number of looks for a socket: one may be passed over while others come and go.
const TRIES: u32 = 3;

/// The users who may use this end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerCheck {
    /// The processes of a user only.
    User(u32),
    /// Everybody on this machine: the system does not tell who they are.
    Untold,
}

/// The reason why a connection is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ForeignPeer {
    /// It is another user's.
    #[error("this connection comes from a process of another user (uid {0})")]
    User(u32),
    /// No process has it any more, or it cannot be found.
    #[error("the system does not tell whose process this connection comes from")]
    Unknown,
}

impl PeerCheck {
    /// For the processes of this process's own user, where the system tells whose they are.
    pub(crate) fn new() -> Self {
        if File::open(TABLES[0]).is_ok() {
            Self::User(rustix::process::geteuid().as_raw())
        } else {
            Self::Untold
        }
    }

    /// Looks whose the other end of a connection is: `peer`, as seen from `local`. It reads
    /// files, so it blocks.
    pub(crate) fn check(self, peer: SocketAddr, local: SocketAddr) -> Result<(), ForeignPeer> {
        let Self::User(own) = self else {
            return Ok(());
        };
        let owner = (0..TRIES).find_map(|_| owner_of(peer, local));
        match owner {
            Some(user) if user == own => Ok(()),
            Some(user) => Err(ForeignPeer::User(user)),
            None => Err(ForeignPeer::Unknown),
        }
    }
}

/// The user whose socket has these addresses.
fn owner_of(socket: SocketAddr, other_end: SocketAddr) -> Option<u32> {
    TABLES.into_iter().find_map(|table| {
        // A machine without IPv6 has no such file.
        let lines = BufReader::new(File::open(table).ok()?).lines();
        find(lines, socket, other_end)
    })
}

fn find(
    lines: impl Iterator<Item = io::Result<String>>,
    socket: SocketAddr,
    other_end: SocketAddr,
) -> Option<u32> {
    let short = written_short(socket).zip(written_short(other_end));
    let long = (written_long(socket), written_long(other_end));
    lines.map_while(Result::ok).find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let ends = (fields.nth(1)?, fields.next()?);
        let same = |(own, other): &(String, String)| (own.as_str(), other.as_str()) == ends;
        if !same(&long) && !short.as_ref().is_some_and(same) {
            return None;
        }
        // Behind the addresses: state, queues, timer, retransmissions, user, timeout, inode.
        let user = fields.nth(4)?.parse().ok()?;
        let inode: u64 = fields.nth(1)?.parse().ok()?;
        (inode != 0).then_some(user)
    })
}

/// An address of IPv4 in the table of IPv4.
fn written_short(address: SocketAddr) -> Option<String> {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => {
            let word = u32::from_ne_bytes(ip.octets());
            Some(format!("{word:08X}:{:04X}", address.port()))
        }
        IpAddr::V6(_) => None,
    }
}

/// Any address in the table of IPv6.
fn written_long(address: SocketAddr) -> String {
    let ip: Ipv6Addr = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let bits = u128::from_be_bytes(ip.octets());
    let word = |index: u32| {
        let word = u32::try_from(bits >> (96 - 32 * index) & u128::from(u32::MAX));
        u32::from_ne_bytes(word.unwrap_or_default().to_be_bytes())
    };
    let [first, second, third, fourth] = [0, 1, 2, 3].map(word);
    format!("{first:08X}{second:08X}{third:08X}{fourth:08X}:{:04X}", address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(table: &str, socket: &str, other_end: &str) -> Option<u32> {
        let lines = table.lines().map(|line| Ok(line.to_owned()));
        find(lines, socket.parse().unwrap(), other_end.parse().unwrap())
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn the_table_tells_whose_a_socket_is() {
        const TABLE: &str = "  \
sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2CAA 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1 0 100 0 0 10 0
   1: 0100007F:D431 0100007F:2CAA 01 00000000:00000000 00:00000000 00000000  1001        0 12 1 0 20 4 30 10 -1
   2: 0100007F:2CAA 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 13 1 0 20 4 30 10 -1
   3: 0100007F:D432 0100007F:2CAA 06 00000000:00000000 03:00000f1e 00000000     0        0 0 3 0
   4: 0100007F:D433 0100007F:2CAA 05 00000000:00000000 00:00000000 00000000     0        0 0 1 0
";
        let gateway = "127.0.0.1:11434";
        assert_eq!(user(TABLE, "127.0.0.1:54321", gateway), Some(1001));
        assert_eq!(user(TABLE, gateway, "127.0.0.1:54321"), Some(1000), "our own end of it");
        assert_eq!(user(TABLE, "127.0.0.1:54322", gateway), None, "it waits for its end");
        assert_eq!(user(TABLE, "127.0.0.1:54323", gateway), None, "no process has it any more");
        assert_eq!(user(TABLE, "127.0.0.1:54324", gateway), None);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn a_socket_for_ipv6_is_found_by_both_kinds_of_address() {
        const TABLE: &str = "\
   0: 00000000000000000000000001000000:2CAA 00000000000000000000000000000000:0000 0A 0:0 0:0 0 1000 0 1 1 0
   1: 00000000000000000000000001000000:D431 00000000000000000000000001000000:2CAA 01 0:0 0:0 0 1002 0 2 1 0
   2: 0000000000000000FFFF00000100007F:D432 0000000000000000FFFF00000100007F:2CAA 01 0:0 0:0 0 1003 0 3 1 0
";
        assert_eq!(user(TABLE, "[::1]:54321", "[::1]:11434"), Some(1002));
        assert_eq!(user(TABLE, "127.0.0.1:54322", "127.0.0.1:11434"), Some(1003));
    }

    #[test]
    fn a_connection_of_this_process_is_its_users() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let client = std::net::TcpStream::connect(local).unwrap();
        let (_server, peer) = listener.accept().unwrap();
        let own = PeerCheck::new();
        assert_eq!(own.check(peer, local), Ok(()));
        let other = PeerCheck::User(rustix::process::geteuid().as_raw() + 1);
        let found = ForeignPeer::User(rustix::process::geteuid().as_raw());
        assert_eq!(other.check(peer, local), Err(found));
        drop(client);
        assert_eq!(own.check(peer, local), Err(ForeignPeer::Unknown), "nobody has it any more");
    }
}
