//! The counts while requests are judged. Several threads count apart, and their tallies are added.

use std::collections::{BTreeMap, HashMap};

use stockade_core::{BindingName, PolicyName, UserId};

use super::effect::Effect;
use super::report::{ChangeKind, ChangeRow, EffectTold, Lack, Report, UnjudgedRow};

/// Rows that are kept; some 500 bytes each.
const ROWS: usize = 10_000;
/// Examples of each.
const EXAMPLES: usize = 3;

/// The counts so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    counts: Report,
    changes: HashMap<Key, Changed>,
    unjudged: BTreeMap<(PolicyName, Lack), Counted>,
}

/// What equal changes have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) change: ChangeKind,
    pub(super) user: UserId,
    pub(super) models: String,
    pub(super) binding: Option<BindingName>,
}

#[derive(Clone, Debug)]
struct Changed {
    /// The place of the request by which the change is shown.
    place: u64,
    before: EffectTold,
    after: EffectTold,
    counted: Counted,
}

/// Requests, with the ids of the first ones by their places.
#[derive(Clone, Debug, Default)]
struct Counted {
    requests: u64,
    examples: Vec<(u64, String)>,
}

impl Counted {
    fn add(&mut self, place: u64, id: &str) {
        self.requests += 1;
        if self.examples.len() < EXAMPLES || self.examples.last().is_some_and(|(l, _)| place < *l) {
            self.examples.push((place, id.to_owned()));
            self.shorten();
        }
    }

    fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.examples.extend(other.examples);
        self.shorten();
    }

    fn shorten(&mut self) {
        self.examples.sort_unstable();
        self.examples.truncate(EXAMPLES);
    }

    fn ids(self) -> Vec<String> {
        self.examples.into_iter().map(|(_, id)| id).collect()
    }
}

impl Tally {
    /// Counts a record that was looked at.
    pub(super) fn request(&mut self) {
        self.counts.requests += 1;
    }

    pub(super) fn unreadable(&mut self) {
        self.counts.unreadable += 1;
    }

    pub(super) fn undecided(&mut self) {
        self.counts.undecided += 1;
    }

    pub(super) fn judged(&mut self, at: u64) {
        self.counts.judged += 1;
        self.counts.from = Some(self.counts.from.map_or(at, |from| from.min(at)));
        self.counts.until = Some(self.counts.until.map_or(at, |until| until.max(at)));
    }

    pub(super) fn lacking(&mut self, policy: PolicyName, lack: Lack, (place, id): (u64, &str)) {
        self.unjudged.entry((policy, lack)).or_default().add(place, id);
    }

    pub(super) fn changed(
        &mut self,
        key: Key,
        (before, after): (&Effect, &Effect),
        (place, id): (u64, &str),
    ) {
        match key.change {
            ChangeKind::Refusal => self.counts.refusals += 1,
            ChangeKind::Permission => self.counts.permissions += 1,
            ChangeKind::Obligations => self.counts.obligations += 1,
        }
        if self.changes.len() >= ROWS && !self.changes.contains_key(&key) {
            self.counts.left_out += 1;
            return;
        }
        let row = self.changes.entry(key).or_insert_with(|| Changed {
            place,
            before: before.told(),
            after: after.told(),
            counted: Counted::default(),
        });
        row.counted.add(place, id);
    }

    /// Adds what another thread has counted.
    pub(super) fn merge(&mut self, other: Self) {
        let Self { counts, changes, unjudged } = other;
        let both = |one: Option<u64>, other: Option<u64>, choose: fn(u64, u64) -> u64| {
            one.into_iter().chain(other).reduce(choose)
        };
        let own = &mut self.counts;
        own.from = both(own.from, counts.from, u64::min);
        own.until = both(own.until, counts.until, u64::max);
        own.requests += counts.requests;
        own.judged += counts.judged;
        own.refusals += counts.refusals;
        own.permissions += counts.permissions;
        own.obligations += counts.obligations;
        own.undecided += counts.undecided;
        own.unreadable += counts.unreadable;
        own.left_out += counts.left_out;
        for (key, row) in changes {
            self.merge_row(key, row);
        }
        for (key, counted) in unjudged {
            self.unjudged.entry(key).or_default().merge(counted);
        }
    }

    fn merge_row(&mut self, key: Key, row: Changed) {
        let Some(known) = self.changes.get_mut(&key) else {
            self.changes.insert(key, row);
            return;
        };
        let Changed { place, before, after, counted } = row;
        if place < known.place {
            (known.place, known.before, known.after) = (place, before, after);
        }
        known.counted.merge(counted);
    }

    /// Returns the report: the most frequent changes first, refusals before others.
    pub(crate) fn report(self) -> Report {
        let Self { counts, changes, unjudged } = self;
        let mut rows: Vec<ChangeRow> = changes.into_iter().map(row).collect();
        rows.sort_unstable_by(|one, other| order(one).cmp(&order(other)));
        let rest = rows.split_off(rows.len().min(ROWS));
        let left_out = counts.left_out + rest.iter().map(|row| row.requests).sum::<u64>();
        let unjudged = unjudged.into_iter().map(|((policy, lacks), counted)| UnjudgedRow {
            policy,
            lacks,
            requests: counted.requests,
            examples: counted.ids(),
        });
        Report { unjudged: unjudged.collect(), changes: rows, left_out, ..counts }
    }
}

fn row((key, changed): (Key, Changed)) -> ChangeRow {
    let Key { change, user, models, binding } = key;
    let Changed { before, after, counted, .. } = changed;
    let (requests, examples) = (counted.requests, counted.ids());
    ChangeRow { change, user, models, binding, requests, before, after, examples }
}

fn order(row: &ChangeRow) -> (ChangeKind, u64, &str, &str, Option<&BindingName>) {
    (row.change, u64::MAX - row.requests, row.user.as_str(), &row.models, row.binding.as_ref())
}
