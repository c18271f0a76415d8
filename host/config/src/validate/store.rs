//! The store by which several gateways share quotas.

use std::time::Duration;

use stockade_core::Secret;
use stockade_usage::store::{Address, Credentials, Servers, StoreSettings};
use stockade_yaml::{Diagnostics, Field, Location, Problem, Spanned};

use super::LoadContext;
use super::quantities::Quantity;
use super::tokens::unusable;
use crate::raw::RawStore;
use crate::types::Store;

/// The longest file of certificates, in bytes.
const LONGEST_CA: u64 = 1 << 20;
/// The longest first part of keys, in bytes.
const LONGEST_PREFIX: usize = 40;
/// The shortest and the longest time for which a request may wait for the store.
const TIMEOUT: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(30));
/// The same for what the store keeps for a gateway that it does not hear of. A gateway tells it
/// each third of that, and at least each three seconds.
const KEPT: (Duration, Duration) = (Duration::from_secs(10), Duration::from_hours(24));
/// The same for a store that is new. A gateway that does not reach it tries each second.
const SETTLE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(10));

pub(super) fn store(
    raw: Field<RawStore>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Store> {
    let Spanned { at, value: raw } = raw.optional()?;
    let servers = servers(raw.url, raw.cluster, at, diagnostics);
    let credentials = credentials(raw.user, raw.password_file, context, diagnostics);
    let authorities = raw.ca.optional().and_then(|path| authorities(&path, context, diagnostics));
    let prefix =
        raw.prefix.optional().and_then(|text| text.check(diagnostics, |text| prefix(text)));
    let mut time = |raw: Field<String>, (least, most): (Duration, Duration)| {
        Quantity::duration(least..=most).read(raw, diagnostics)
    };
    let timeout = time(raw.timeout, TIMEOUT);
    let (budgets_kept, running_kept) = (time(raw.budgets_kept, KEPT), time(raw.running_kept, KEPT));
    let settle = time(raw.settle, SETTLE);
    let usual = StoreSettings::new(servers?);
    Some(Store::new(StoreSettings {
        credentials,
        authorities,
        prefix: prefix.unwrap_or_else(|| usual.prefix.clone()),
        timeout: timeout.unwrap_or(usual.timeout),
        budgets_kept: budgets_kept.unwrap_or(usual.budgets_kept),
        running_kept: running_kept.unwrap_or(usual.running_kept),
        settle: settle.unwrap_or(usual.settle),
        ..usual
    }))
}

fn servers(
    url: Field<String>,
    cluster: Field<Vec<Field<String>>>,
    at: Location,
    diagnostics: &mut Diagnostics,
) -> Option<Servers> {
    let has_url = !matches!(url, Field::Absent);
    let has_cluster = !matches!(cluster, Field::Absent);
    if has_url == has_cluster {
        let message = "a store has either a `url` or a `cluster`";
        let help = "write `url: valkey://host:6379`, or `cluster: [valkey://one:6379, …]`";
        diagnostics.add(Problem::new(at, message).help(help));
        return None;
    }
    let mut address = |text: &Spanned<String>| {
        if text.value.contains('@') {
            diagnostics.mask(text.at);
        }
        let address = text.check(diagnostics, |text| text.parse::<Address>())?;
        Some(Spanned::new(text.at, address))
    };
    if let Some(url) = url.optional() {
        return address(&url).map(|address| Servers::Single(address.value));
    }
    let nodes = cluster.value()?.into_iter().map(|text| address(&text.optional()?));
    let nodes: Vec<_> = nodes.collect::<Option<_>>()?;
    let tcp = nodes.into_iter().map(|node| match node.value {
        Address::Tcp(address) => Some(address),
        Address::Unix(_) => {
            let help = "write `valkey://`, a host and a port";
            diagnostics.add(Problem::new(node.at, "a cluster has no sockets").help(help));
            None
        }
    });
    tcp.collect::<Option<Vec<_>>>().map(Servers::Cluster)
}

fn credentials(
    user: Field<String>,
    password_file: Field<String>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Credentials> {
    let user = user.optional();
    let Some(path) = password_file.optional() else {
        if let Some(user) = user {
            let problem = Problem::new(user.at, "a user of the store needs a password");
            diagnostics.add(problem.help("write `password_file: …`"));
        }
        return None;
    };
    let text = match context.secret(&path.value) {
        Ok(secret) => secret,
        Err(error) => {
            unusable(&error, path.at, diagnostics);
            return None;
        }
    };
    let Ok(password) = String::from_utf8(text.expose().clone()) else {
        diagnostics.add(Problem::new(path.at, "this password is not UTF-8"));
        return None;
    };
    let user = user.map(|user| user.value);
    Some(Credentials { user, password: Secret::new(password) })
}

fn authorities(
    path: &Spanned<String>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<u8>> {
    let file = context.file(&path.value);
    match context.sources.read(&file, LONGEST_CA) {
        Ok(read) => Some(read.bytes.to_vec()),
        Err(error) => {
            let message = format!("cannot read {}: {error}", file.display());
            diagnostics.add(Problem::new(path.at, message));
            None
        }
    }
}

fn prefix(text: &str) -> Result<String, &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if text.is_empty() || text.len() > LONGEST_PREFIX || !text.bytes().all(is_plain) {
        return Err("a prefix has up to 40 letters, digits, `-`, `_` and `.`");
    }
    Ok(text.to_owned())
}
