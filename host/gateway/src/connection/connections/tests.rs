use std::net::Ipv4Addr;

use super::*;

const ALL: Most = Most { all: 4, each: 3 };

fn connections() -> Arc<Connections> {
    Arc::new(Connections::new(1024, Arc::default()))
}

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

fn is_evicted(connected: &Connected) -> bool {
    let context = std::task::Context::from_waker(std::task::Waker::noop());
    connected.seat().poll_evicted(&context).is_ready()
}

fn open(connections: &Arc<Connections>, last: u8) -> Result<Arc<Connected>, Full> {
    let connected = connections.admit(ALL)?;
    connected.locate(address(last), ALL)?;
    Ok(Arc::new(connected))
}

#[test]
fn descriptors_and_the_configuration_bound_connections() {
    let limits = Limits::default();
    let most = |descriptors, limits: &Limits| {
        let Most { all, each } = Connections::new(descriptors, Arc::default()).most(limits);
        (all, each)
    };
    assert_eq!(most(1024, &limits), (480, 240));
    assert_eq!(most(u64::MAX, &limits), (16_384, 8192));
    assert_eq!(most(0, &limits), (1, 1));
    let limits = Limits { connections: Some(100), connections_per_address: Some(7), ..limits };
    assert_eq!(most(1024, &limits), (100, 7));
    let limits = Limits { connections: Some(1000), connections_per_address: Some(2000), ..limits };
    assert_eq!(most(1024, &limits), (480, 480));
}

#[test]
fn the_longest_idle_connection_makes_room() {
    let connections = connections();
    let mut open: Vec<_> = (0..4).map(|last| open(&connections, last).unwrap()).collect();
    let busy = open[0].begin().unwrap();
    let new = super::tests::open(&connections, 9).unwrap();
    assert_eq!([0, 1, 2, 3].map(|index| is_evicted(&open[index])), [false, true, false, false]);
    assert!(open[1].begin().is_none(), "a request that comes too late is not begun");
    // What ended does not count, and is not counted twice.
    open.remove(1);
    assert_eq!(connections.lock().all.seats.len(), 4);
    drop((busy, open, new));
    let table = connections.lock();
    assert!(table.all.seats.is_empty() && table.addresses.is_empty());
}

#[test]
fn an_address_makes_room_for_itself() {
    let connections = connections();
    let other = open(&connections, 1).unwrap();
    let own: Vec<_> = (0..3).map(|_| open(&connections, 2).unwrap()).collect();
    let more = connections.admit(Most { all: 9, each: 3 }).unwrap();
    more.locate(address(2), ALL).unwrap();
    assert!(!is_evicted(&other));
    assert!(is_evicted(&own[0]) && !is_evicted(&own[1]));
}

#[test]
fn what_is_busy_stays_and_then_nobody_new_is_served() {
    let connections = connections();
    let own: Vec<_> = (0..3).map(|_| open(&connections, 2).unwrap()).collect();
    let busy: Vec<_> = own.iter().map(|connected| connected.begin().unwrap()).collect();
    assert_eq!(open(&connections, 2).err(), Some(Full::Address));
    let last = open(&connections, 3).unwrap();
    let last_busy = last.begin().unwrap();
    assert_eq!(open(&connections, 4).err(), Some(Full::All));
    drop(last_busy);
    assert!(open(&connections, 4).is_ok());
    assert!(is_evicted(&last));
    drop(busy);
    assert!(!own.iter().any(|connected| is_evicted(connected)));
}

/// However many connections there are, a new one looks at few of them.
#[test]
fn few_connections_are_looked_at() {
    let connections = connections();
    let most = Most { all: 1000, each: 1000 };
    let all: Vec<_> = (0..1000).map(|_| Arc::new(connections.admit(most).unwrap())).collect();
    let busy: Vec<_> = all[..999].iter().map(|connected| connected.begin().unwrap()).collect();
    let refused = (0..10_000).take_while(|_| connections.admit(most).is_err()).count();
    // Each look files a busy connection anew, so that the idle one is found in the end.
    assert_eq!(refused, 999 / LOOKS);
    drop(busy);
}

#[test]
fn one_caller_has_many_addresses_in_ipv6() {
    let block = |text: &str| super::block(text.parse().unwrap());
    assert_eq!(block("2001:db8::1"), block("2001:db8::ffff:1"));
    assert_ne!(block("2001:db8::1"), block("2001:db8:0:1::1"));
    assert_eq!(block("::ffff:192.0.2.1"), block("192.0.2.1"));
    assert_ne!(block("192.0.2.1"), block("192.0.2.2"));
}
