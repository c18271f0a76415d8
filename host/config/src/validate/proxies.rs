//! The proxies that are believed when they speak for others.

use stockade_authn::{AddressRange, ForwardingHeader, TrustedProxies};
use stockade_yaml::{Diagnostics, Field, Problem, Spanned};

use super::names::Unique;
use crate::raw::{self, RawTrustedProxies};
use crate::types::Listener;

pub(super) fn trusted(
    slot: Field<RawTrustedProxies>,
    listeners: &[Spanned<Listener>],
    diagnostics: &mut Diagnostics,
) -> TrustedProxies {
    let broken = slot.is_invalid();
    let speaking = listeners.iter().find(|listener| listener.value.proxy_protocol);
    let Some(Spanned { at, value: raw }) = slot.optional() else {
        if let Some(listener) = speaking.filter(|_| !broken) {
            let message = "nobody is trusted to say whom a connection is for";
            let help = "name the addresses of the proxies in `trusted_proxies: { addresses: […] }`";
            diagnostics.add(Problem::new(listener.at, message).help(help));
        }
        return TrustedProxies::default();
    };
    if matches!(raw.header, Field::Absent) && speaking.is_none() {
        let message = "these proxies are not asked for anything";
        let help = "say which `header` they write, x-forwarded-for or forwarded, or that a \
                    listener has `proxy_protocol: required`";
        diagnostics.add(Problem::new(at, message).help(help));
    }
    let addresses = raw.addresses.required("addresses", at, diagnostics);
    let header = raw.header.value().map(|header| match header {
        raw::ForwardingHeader::XForwardedFor => ForwardingHeader::XForwardedFor,
        raw::ForwardingHeader::Forwarded => ForwardingHeader::Forwarded,
    });
    TrustedProxies { addresses: ranges(addresses, diagnostics), header }
}

fn ranges(
    written: Option<Spanned<Vec<Field<String>>>>,
    diagnostics: &mut Diagnostics,
) -> Vec<AddressRange> {
    let Some(Spanned { at, value: written }) = written else {
        return Vec::new();
    };
    if written.is_empty() {
        let help = "name the addresses of the proxies, or leave `trusted_proxies` out";
        diagnostics.add(Problem::new(at, "there is no address").help(help));
    }
    let mut unique = Unique::new();
    let mut ranges = Vec::with_capacity(written.len());
    for text in written.into_iter().filter_map(Field::optional) {
        if let Some(range) = text.check(diagnostics, |text| text.parse::<AddressRange>()) {
            unique.check(range, &format!("the address {range}"), text.at, diagnostics);
            ranges.push(range);
        }
    }
    ranges
}
