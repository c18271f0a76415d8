//! Calls and replies that are lost, repeated and late, replicas that start again, and a store that
//! forgets: no order of them has more used than the limit.

use proptest::prelude::*;

use super::model::{Caller, Model};
use super::*;

const REPLICAS: usize = 2;
const LIMIT: u64 = 300;
/// Milliseconds for which an emptied store waits.
const SETTLE: u64 = 5_000;

#[derive(Clone, Debug)]
enum Step {
    Ask { who: usize, amount: u64 },
    End { who: usize, part: u64 },
    Tell { who: usize, returns: bool },
    GiveUp { who: usize },
    Call { which: usize, is_last: bool },
    Reply { which: usize, is_last: bool },
    StartAgain { who: usize },
    Forget,
    Pass { milliseconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let (who, which, is_last) = (0..REPLICAS, 0..16_usize, any::<bool>());
    prop_oneof![
        12 => (who.clone(), 20..200_u64).prop_map(|(who, amount)| Step::Ask { who, amount }),
        3 => (who.clone(), 0..=100_u64).prop_map(|(who, part)| Step::End { who, part }),
        3 => (who.clone(), any::<bool>()).prop_map(|(who, returns)| Step::Tell { who, returns }),
        1 => who.clone().prop_map(|who| Step::GiveUp { who }),
        10 => (which.clone(), is_last).prop_map(|(which, is_last)| Step::Call { which, is_last }),
        10 => (which, any::<bool>()).prop_map(|(which, is_last)| Step::Reply { which, is_last }),
        1 => who.prop_map(|who| Step::StartAgain { who }),
        1 => Just(Step::Forget),
        2 => (0..3_000_u64).prop_map(|milliseconds| Step::Pass { milliseconds }),
    ]
}

#[derive(Default)]
struct Replica {
    id: u64,
    before: Vec<u64>,
    grants: Grants,
    used: u64,
    held: Vec<u64>,
}

impl Replica {
    fn own(&self) -> Own {
        own(self.used, self.held.iter().sum())
    }
}

/// A call on its way, and a reply.
type Sent = (u64, Vec<u64>, Claim);
type Replied = (u64, Claim, Reply);

struct World {
    replicas: Vec<Replica>,
    model: Model,
    calls: Vec<Sent>,
    replies: Vec<Replied>,
    now: u64,
    last: u64,
}

impl World {
    fn new() -> Self {
        let replica = |id| {
            let mut replica = Replica { id, ..Replica::default() };
            replica.grants.follow(&quota(LIMIT));
            replica
        };
        let replicas = (1..).take(REPLICAS).map(replica).collect();
        let (model, calls, replies) = (Model::default(), Vec::new(), Vec::new());
        Self { replicas, model, calls, replies, now: 0, last: 100 }
    }

    fn ask(&mut self, who: usize, amount: u64) {
        let replica = &mut self.replicas[who];
        let own = replica.own();
        let (quota, store) = (quota(LIMIT), store(self.now));
        let capacity = replica.grants.capacity((TOKENS, LIMIT), own, &quota, &store);
        if amount <= capacity.amount.saturating_sub(own.floor()) {
            replica.held.push(amount);
        } else if capacity.beyond == Beyond::Ask {
            replica.grants.want(TOKENS, amount);
            self.send(who);
        }
    }

    fn send(&mut self, who: usize) {
        self.last += 1;
        let replica = &mut self.replicas[who];
        let own = replica.own();
        if let Some(claim) = replica.grants.claim(|_| own, self.last, at(self.now)) {
            self.calls.push((replica.id, replica.before.clone(), claim));
        }
    }

    fn call(&mut self, which: usize, is_last: bool) {
        let Some(which) = which.checked_rem(self.calls.len()) else { return };
        let (me, before, claim) = self.calls[which].clone();
        if is_last {
            self.calls.remove(which);
        }
        let caller = Caller {
            me,
            before: &before,
            replicas: REPLICAS as u64,
            timeout: 600_000,
            settle: SETTLE,
            now: self.now,
        };
        let reply = self.model.call(caller, &claim);
        self.replies.push((me, claim, reply));
    }

    fn reply(&mut self, which: usize, is_last: bool) {
        let Some(which) = which.checked_rem(self.replies.len()) else { return };
        let (me, claim, reply) = self.replies[which].clone();
        if is_last {
            self.replies.remove(which);
        }
        if let Some(replica) = self.replicas.iter_mut().find(|replica| replica.id == me) {
            replica.grants.apply(&claim, &reply, TIMEOUTS);
        }
    }

    /// A replica is killed: what it held is not used, and the next one has its ledger.
    fn start_again(&mut self, who: usize) {
        self.last += 1;
        let Replica { id, mut before, used, .. } = std::mem::take(&mut self.replicas[who]);
        before.push(id);
        let mut grants = Grants::default();
        grants.follow(&quota(LIMIT));
        self.replicas[who] = Replica { id: self.last, before, grants, used, held: Vec::new() };
    }

    /// Before an emptied store grants anew, it has heard of every replica. Replies may be lost.
    fn pass(&mut self, milliseconds: u64) {
        let settles = self.model.since().map_or(0, |since| since + SETTLE);
        let then = self.now + milliseconds;
        if self.now < settles && settles <= then {
            self.now = settles - 1;
            for who in 0..REPLICAS {
                self.replicas[who].grants.abandon();
                self.send(who);
                self.call(self.calls.len() - 1, true);
            }
        }
        self.now = then;
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Ask { who, amount } => self.ask(who, amount),
            Step::End { who, part } => {
                let replica = &mut self.replicas[who];
                if let Some(held) = replica.held.pop() {
                    replica.used += held * part / 100;
                }
            }
            Step::Tell { who, returns } => {
                if returns {
                    self.replicas[who].grants.give_back();
                }
                self.send(who);
            }
            Step::GiveUp { who } => self.replicas[who].grants.abandon(),
            Step::Call { which, is_last } => self.call(which, is_last),
            Step::Reply { which, is_last } => self.reply(which, is_last),
            Step::StartAgain { who } => self.start_again(who),
            Step::Forget => self.model.forget(),
            Step::Pass { milliseconds } => self.pass(milliseconds),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]
    #[test]
    fn no_order_of_calls_and_losses_overspends(steps in prop::collection::vec(step(), 1..150)) {
        let mut world = World::new();
        world.settle();
        for step in &steps {
            world.step(step);
            let all: u64 = world.replicas.iter().map(|replica| replica.own().floor()).sum();
            prop_assert!(all <= LIMIT, "{all} are used after {step:?}");
        }
    }

    #[test]
    fn with_a_store_that_answers_all_can_be_used(
        steps in prop::collection::vec((0..REPLICAS, 1..120_u64, 0..=100_u64), 1..200),
    ) {
        let mut world = World::new();
        world.settle();
        for (who, amount, part) in steps {
            world.replicas[who].grants.abandon();
            world.ask(who, amount);
            world.answer();
            world.ask(who, amount);
            world.step(&Step::End { who, part });
            world.step(&Step::Tell { who, returns: true });
            world.answer();
            world.pass(200);
        }
        // Whoever comes last gets whatever is left.
        for who in 0..REPLICAS {
            world.step(&Step::Tell { who, returns: true });
            world.answer();
        }
        let used: u64 = world.replicas.iter().map(|replica| replica.used).sum();
        if used < LIMIT {
            world.ask(0, LIMIT - used);
            world.answer();
            world.ask(0, LIMIT - used);
            prop_assert_eq!(world.replicas[0].held.iter().sum::<u64>(), LIMIT - used);
        }
    }
}

impl World {
    /// The store is new, and waits first.
    fn settle(&mut self) {
        self.send(0);
        self.call(0, true);
        self.pass(SETTLE);
        self.answer();
    }

    fn answer(&mut self) {
        while !self.calls.is_empty() {
            self.call(0, true);
        }
        while !self.replies.is_empty() {
            self.reply(0, true);
        }
    }
}
