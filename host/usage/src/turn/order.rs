//! The rule by which the next turn is given: a pure function of what everybody is waiting for.

use std::time::Duration;

use super::request::{Class, Ticket};

/// The request of one user that came first among those of its best class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) ticket: Ticket,
    pub(super) class: Class,
    /// The user's recent GPU time in seconds, what is running included.
    pub(super) recent: f64,
    /// The time that it waited while its model was not in memory.
    pub(super) waited: Duration,
    /// The model is in memory.
    pub(super) is_loaded: bool,
}

/// Chooses the request whose turn is next; returns its place among the heads.
pub(super) fn choose(heads: &[Head], switch_after: Duration) -> Option<usize> {
    let class = heads.iter().map(|head| head.class).min()?;
    let in_class = || heads.iter().enumerate().filter(|(_, head)| head.class == class);
    let fairer = |one: &(usize, &Head), other: &(usize, &Head)| {
        let (one, other) = (one.1, other.1);
        one.recent.total_cmp(&other.recent).then(one.ticket.cmp(&other.ticket))
    };
    // A model that one of many users wants stays for a part of the time only. Otherwise that user
    // would get ahead of all others, and wait for as long afterwards.
    let users = u32::try_from(in_class().count()).unwrap_or(u32::MAX);
    let behind = switch_after.as_secs_f64() / f64::from(users);
    let loaded = in_class().filter(|(_, head)| head.is_loaded).min_by(fairer);
    let may_switch = |head: &Head| {
        let is_behind = |loaded: &Head| loaded.recent - head.recent >= behind;
        head.waited >= switch_after || loaded.is_none_or(|(_, loaded)| is_behind(loaded))
    };
    let may_go = in_class().filter(|(_, head)| head.is_loaded || may_switch(head));
    may_go.min_by(fairer).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWITCH: Duration = Duration::from_secs(20);

    fn head(ticket: u64, recent: f64, waited: u64, is_loaded: bool) -> Head {
        let waited = Duration::from_secs(waited);
        Head { ticket: Ticket(ticket), class: Class::Normal, recent, waited, is_loaded }
    }

    fn chosen(heads: &[Head]) -> u64 {
        heads[choose(heads, SWITCH).unwrap()].ticket.0
    }

    #[test]
    fn class_then_recent_time_then_arrival() {
        assert_eq!(choose(&[], SWITCH), None);
        let fair = [head(3, 1.0, 0, true), head(2, 0.5, 0, true), head(4, 0.5, 0, true)];
        assert_eq!(chosen(&fair), 2);
        let first = Head { class: Class::First, ..head(9, 99.0, 0, false) };
        assert_eq!(chosen(&[fair[0], first]), 9);
        let last = Head { class: Class::Last, ..head(1, 0.0, 99, true) };
        assert_eq!(chosen(&[last, fair[0]]), 3);
    }

    #[test]
    fn the_loaded_model_goes_first_for_a_while() {
        let loaded = head(5, 9.0, 0, true);
        assert_eq!(chosen(&[head(1, 0.0, 19, false), loaded]), 5);
        assert_eq!(chosen(&[head(1, 0.0, 20, false), loaded]), 1);
        // Whoever has waited long enough still waits for those who had less.
        assert_eq!(chosen(&[head(1, 11.0, 99, false), loaded]), 5);
        // Whoever had much less does not wait at all.
        assert_eq!(chosen(&[head(1, 0.0, 0, false), head(5, 10.0, 0, true)]), 1);
        assert_eq!(chosen(&[head(1, 3.0, 0, false), head(2, 2.0, 0, false)]), 2);
    }
}
