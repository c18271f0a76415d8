//! The queue: those who wait, those who have a turn, and the next one. A pure state machine: the
//! time comes in.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use stockade_core::{ModelName, UserId};

use super::order::{Head, choose};
use super::recent::Recent;
use super::request::{Class, QueueFull, QueueSettings, Ticket, TurnEnd, TurnRequest};

/// The time that a turn takes as long as none has ended.
const FIRST_GUESS: Duration = Duration::from_secs(1);
/// The most seconds of GPU time by which somebody who comes back goes before those who have been
/// here all the while.
const CREDIT: f64 = 30.0;
/// Users of whom nothing is known any more are looked for from this many on.
const MANY_USERS: usize = 1_024;
/// Recent GPU time in seconds that counts as none.
const NOTHING: f64 = 0.001;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) request: TurnRequest,
    pub(super) joined: Instant,
    /// The time at which its turn began, if it has one.
    pub(super) began: Option<Instant>,
}

/// Somebody who waits or has a turn.
#[derive(Debug)]
pub(super) struct User {
    pub(super) recent: Recent,
    pub(super) waiting: BTreeSet<(Class, Ticket)>,
    pub(super) running: BTreeSet<Ticket>,
}

/// The queue before one upstream.
#[derive(Debug)]
pub struct Queue {
    pub(super) settings: QueueSettings,
    pub(super) entries: HashMap<Ticket, Entry>,
    pub(super) users: HashMap<UserId, User>,
    /// The recent GPU time of those who neither wait nor have a turn.
    away: HashMap<UserId, Recent>,
    pub(super) loaded: Vec<ModelName>,
    /// The times at which models that somebody may wait for left memory.
    unloaded: HashMap<ModelName, Instant>,
    /// The time that a turn takes, on average.
    pub(super) usual: Duration,
    running: usize,
    next: u64,
    /// The upstream is busy: no turn before this time, for the sake of this ticket.
    paused: Option<(Ticket, Instant)>,
    look_for_forgotten: usize,
}

impl Queue {
    /// An empty queue.
    pub fn new(settings: QueueSettings) -> Self {
        Self {
            settings,
            entries: HashMap::new(),
            users: HashMap::new(),
            away: HashMap::new(),
            loaded: Vec::new(),
            unloaded: HashMap::new(),
            usual: FIRST_GUESS,
            running: 0,
            next: 0,
            paused: None,
            look_for_forgotten: MANY_USERS,
        }
    }

    /// Returns the bounds.
    pub const fn settings(&self) -> &QueueSettings {
        &self.settings
    }

    /// Sets other bounds. Whoever waits or runs already stays.
    pub const fn set_settings(&mut self, settings: QueueSettings) {
        self.settings = settings;
    }

    /// Notes which models the upstream has in memory. Until it is known, that is the model of the
    /// last turn.
    pub fn set_loaded(&mut self, models: Vec<ModelName>, now: Instant) {
        let switch_after = self.settings.switch_after;
        // Who waits for a model that left before may have it switched to anyway.
        self.unloaded.retain(|_, at| now.saturating_duration_since(*at) < switch_after);
        for model in std::mem::replace(&mut self.loaded, models) {
            if !self.loaded.contains(&model) {
                self.unloaded.insert(model, now);
            }
        }
    }

    /// Lets a request wait.
    ///
    /// # Errors
    /// Where no more may.
    pub fn join(&mut self, request: TurnRequest, now: Instant) -> Result<Ticket, QueueFull> {
        let QueueSettings { length, per_user, slots, .. } = self.settings;
        let waiting = self.waiting();
        // Who gets a turn at once does not wait.
        if waiting >= length && (waiting > 0 || self.running >= slots.get()) {
            return Err(QueueFull::Length(length));
        }
        let own = self.users.get(&request.user).map_or(0, |user| user.waiting.len());
        if own >= per_user && (waiting > 0 || self.running >= slots.get()) {
            return Err(QueueFull::PerUser(per_user));
        }
        let ticket = Ticket(self.next);
        self.next += 1;
        self.come(&request.user, now).waiting.insert((request.class, ticket));
        self.entries.insert(ticket, Entry { request, joined: now, began: None });
        Ok(ticket)
    }

    /// Gives the next turn, if a slot is free and somebody waits.
    pub fn next_turn(&mut self, now: Instant) -> Option<Ticket> {
        if self.running >= self.settings.slots.get() || self.is_paused(now) {
            return None;
        }
        let heads = self.heads(now);
        let ticket = heads[choose(&heads, self.settings.switch_after)?].ticket;
        let entry = self.entries.get_mut(&ticket)?;
        entry.began = Some(now);
        let TurnRequest { user, model, class } = &entry.request;
        let switch_to = (!self.loaded.contains(model)).then(|| model.clone());
        if let Some(user) = self.users.get_mut(user) {
            user.waiting.remove(&(*class, ticket));
            user.running.insert(ticket);
        }
        if let Some(model) = switch_to {
            self.set_loaded(vec![model], now);
        }
        self.running += 1;
        self.unpause(ticket);
        Some(ticket)
    }

    /// Removes a request, whether it waits or runs.
    pub fn leave(&mut self, ticket: Ticket, end: TurnEnd, now: Instant) {
        let Some(entry) = self.entries.remove(&ticket) else { return };
        let mut gpu = Duration::ZERO;
        if let Some(began) = entry.began {
            let took = now.saturating_duration_since(began);
            if end != TurnEnd::Nothing {
                self.usual = (self.usual * 7 + took) / 8;
            }
            gpu = match end {
                TurnEnd::Nothing => Duration::ZERO,
                TurnEnd::Elapsed => took,
                TurnEnd::Gpu(time) => time,
            };
            self.running -= 1;
            // The upstream has a slot again.
            self.paused = None;
        }
        self.unpause(ticket);
        self.charge(entry.request, ticket, gpu, now);
    }

    fn charge(&mut self, request: TurnRequest, ticket: Ticket, gpu: Duration, now: Instant) {
        let Some(user) = self.users.get_mut(&request.user) else { return };
        user.waiting.remove(&(request.class, ticket));
        user.running.remove(&ticket);
        user.recent.add(gpu, self.settings.half_life, now);
        if user.waiting.is_empty() && user.running.is_empty() {
            let recent = user.recent;
            self.users.remove(&request.user);
            self.away.insert(request.user, recent);
            self.forget(now);
        }
    }

    /// Forgets users whose GPU time has faded, each time that twice as many are known.
    fn forget(&mut self, now: Instant) {
        if self.away.len() >= self.look_for_forgotten {
            let half_life = self.settings.half_life;
            self.away.retain(|_, recent| recent.seconds(half_life, now) > NOTHING);
            self.look_for_forgotten = MANY_USERS.max(2 * self.away.len());
        }
    }

    /// Lets a request of which nothing has run wait again, at the place where it was, because the
    /// upstream was busy. Nobody gets a turn until the pause is over or another turn ends.
    pub fn put_back(&mut self, ticket: Ticket, pause: Duration, now: Instant) {
        if let Some(entry) = self.entries.get(&ticket).filter(|entry| entry.began.is_some()) {
            self.wait_in(ticket, entry.request.class);
            self.paused = Some((ticket, now + pause));
        }
    }

    /// Lets a request of which nothing has run wait again, in a class.
    pub fn wait_in(&mut self, ticket: Ticket, class: Class) {
        let Some(entry) = self.entries.get_mut(&ticket) else { return };
        if entry.began.take().is_none() {
            return;
        }
        self.running -= 1;
        entry.request.class = class;
        if let Some(user) = self.users.get_mut(&entry.request.user) {
            user.running.remove(&ticket);
            user.waiting.insert((class, ticket));
        }
    }

    /// Returns when a request has waited for as long as it may.
    pub fn deadline(&self, ticket: Ticket) -> Option<Instant> {
        self.entries.get(&ticket).map(|entry| entry.joined + self.settings.wait)
    }

    /// Returns the number of requests that wait.
    pub fn waiting(&self) -> usize {
        self.entries.len() - self.running
    }

    /// Returns the number of requests that have a turn.
    pub const fn running(&self) -> usize {
        self.running
    }

    fn is_paused(&self, now: Instant) -> bool {
        self.paused.is_some_and(|(_, until)| now < until)
    }

    /// Ends a pause that is for the sake of a ticket.
    fn unpause(&mut self, ticket: Ticket) {
        self.paused = self.paused.filter(|(other, _)| *other != ticket);
    }

    /// Finds a user who asks for a turn. Whoever was away has used little, but does not take the
    /// upstream from the others for as long as they had it.
    fn come(&mut self, name: &UserId, now: Instant) -> &mut User {
        let half_life = self.settings.half_life;
        let here = self.users.values().map(|user| user.recent.seconds(half_life, now));
        let least = here.min_by(f64::total_cmp);
        self.users.entry(name.clone()).or_insert_with(|| {
            let mut recent = self.away.remove(name).unwrap_or_else(|| Recent::none(now));
            if let Some(least) = least {
                recent.raise_to(least - CREDIT, half_life, now);
            }
            User { recent, waiting: BTreeSet::new(), running: BTreeSet::new() }
        })
    }

    /// Returns the first request of each user who waits.
    fn heads(&self, now: Instant) -> Vec<Head> {
        let heads = self.users.values().filter_map(|user| {
            let (class, ticket) = *user.waiting.first()?;
            let entry = self.entries.get(&ticket)?;
            Some(Head {
                ticket,
                class,
                recent: self.recent(user, now),
                waited: self.waited_for_model(entry, now),
                is_loaded: self.loaded.contains(&entry.request.model),
            })
        });
        heads.collect()
    }

    /// Returns the time that a request waited while its model was not loaded. Waiting behind its
    /// user's other requests is not waiting for a model.
    pub(super) fn waited_for_model(&self, entry: &Entry, now: Instant) -> Duration {
        let unloaded = self.unloaded.get(&entry.request.model).copied();
        now.saturating_duration_since(unloaded.map_or(entry.joined, |at| at.max(entry.joined)))
    }

    /// Returns a user's recent GPU time. A turn that is under way counts with what turns usually
    /// take, or with what it took already.
    pub(super) fn recent(&self, user: &User, now: Instant) -> f64 {
        let began = user.running.iter().filter_map(|ticket| self.entries.get(ticket)?.began);
        let running = began.map(|began| now.saturating_duration_since(began).max(self.usual));
        user.recent.seconds(self.settings.half_life, now)
            + running.map(|time| time.as_secs_f64()).sum::<f64>()
    }
}

#[cfg(test)]
mod tests;
