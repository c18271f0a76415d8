mod fairness;

use proptest::prelude::*;

use super::*;

fn settings(slots: usize) -> QueueSettings {
    QueueSettings {
        slots: slots.try_into().unwrap(),
        length: 1_000,
        per_user: 1_000,
        wait: Duration::from_mins(1),
        switch_after: seconds(20),
        half_life: Duration::from_mins(5),
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn request(user: &str, model: &str) -> TurnRequest {
    TurnRequest {
        user: UserId::new(user).unwrap(),
        model: ModelName::parse(model).unwrap(),
        class: Class::Normal,
    }
}

/// A queue whose time is moved by hand.
struct Desk {
    queue: Queue,
    now: Instant,
}

impl Desk {
    fn new(settings: QueueSettings) -> Self {
        Self { queue: Queue::new(settings), now: Instant::now() }
    }

    fn join(&mut self, user: &str) -> Ticket {
        self.queue.join(request(user, "m"), self.now).unwrap()
    }

    fn next(&mut self) -> Option<Ticket> {
        self.queue.next_turn(self.now)
    }

    fn end(&mut self, ticket: Ticket, took: u64) {
        self.now += seconds(took);
        self.queue.leave(ticket, TurnEnd::Gpu(seconds(took)), self.now);
    }
}

#[test]
fn one_request_waits_for_one_turn_behind_two_hundred() {
    let mut desk = Desk::new(settings(1));
    let many: Vec<_> = (0..200).map(|_| desk.join("many")).collect();
    assert_eq!(desk.next(), Some(many[0]));
    let one = desk.join("one");
    assert_eq!(desk.next(), None);
    assert_eq!(desk.queue.place(one, desk.now).unwrap().position, 1);
    desk.end(many[0], 3);
    assert_eq!(desk.next(), Some(one));
    desk.end(one, 1);
    assert_eq!(desk.next(), Some(many[1]));
}

#[test]
fn whoever_comes_first_goes_first_within_a_user_and_a_class() {
    let mut desk = Desk::new(settings(9));
    let class = |class| TurnRequest { class, ..request("a", "m") };
    let classes = [Class::Last, Class::Normal, Class::First, Class::Last, Class::First];
    let tickets = classes.map(|it| desk.queue.join(class(it), desk.now).unwrap());
    let order: Vec<_> = std::iter::from_fn(|| desk.next()).collect();
    assert_eq!(order, [tickets[2], tickets[4], tickets[1], tickets[0], tickets[3]]);
}

#[test]
fn a_queue_is_bounded_in_length_and_per_user() {
    let mut desk = Desk::new(QueueSettings { length: 3, per_user: 2, ..settings(1) });
    desk.join("a");
    desk.next().unwrap();
    desk.join("a");
    desk.join("a");
    let mut full = |user| desk.queue.join(request(user, "m"), desk.now).unwrap_err();
    assert_eq!(full("a"), QueueFull::PerUser(2));
    desk.queue.join(request("b", "m"), desk.now).unwrap();
    assert_eq!(desk.queue.join(request("c", "m"), desk.now), Err(QueueFull::Length(3)));
}

#[test]
fn a_queue_without_length_gives_turns_that_are_free() {
    let mut desk = Desk::new(QueueSettings { length: 0, per_user: 0, ..settings(1) });
    let ticket = desk.join("a");
    assert_eq!(desk.next(), Some(ticket));
    assert_eq!(desk.queue.join(request("b", "m"), desk.now), Err(QueueFull::Length(0)));
}

#[test]
fn whoever_leaves_is_gone_at_once() {
    let mut desk = Desk::new(settings(1));
    let (first, second, third) = (desk.join("a"), desk.join("b"), desk.join("c"));
    assert_eq!(desk.next(), Some(first));
    desk.queue.leave(second, TurnEnd::Nothing, desk.now);
    desk.queue.leave(second, TurnEnd::Nothing, desk.now);
    assert_eq!((desk.queue.waiting(), desk.queue.running()), (1, 1));
    desk.end(first, 1);
    assert_eq!(desk.next(), Some(third));
}

#[test]
fn a_turn_that_is_put_back_keeps_its_place_and_holds_the_others_up() {
    let mut desk = Desk::new(settings(2));
    let (first, second) = (desk.join("a"), desk.join("b"));
    assert_eq!((desk.next(), desk.next()), (Some(first), Some(second)));
    let third = desk.join("c");
    desk.queue.put_back(second, seconds(5), desk.now);
    assert_eq!(desk.queue.running(), 1);
    assert_eq!(desk.next(), None);
    desk.now += seconds(5);
    assert_eq!(desk.next(), Some(second));
    // The end of another turn ends the pause, and so does whoever it is for by leaving.
    desk.queue.put_back(second, seconds(5), desk.now);
    desk.end(first, 1);
    assert_eq!(desk.next(), Some(second));
    desk.queue.put_back(second, seconds(5), desk.now);
    desk.queue.leave(second, TurnEnd::Nothing, desk.now);
    assert_eq!(desk.next(), Some(third));
    assert_eq!(desk.next(), None);
}

#[test]
fn a_snapshot_tells_places_and_times() {
    let mut desk = Desk::new(settings(1));
    let first = desk.join("a");
    desk.next().unwrap();
    desk.end(first, 8);
    let running = desk.join("a");
    desk.next().unwrap();
    for user in ["a", "a", "b"] {
        desk.join(user);
    }
    desk.now += seconds(2);
    let snapshot = desk.queue.snapshot(desk.now);
    assert_eq!(snapshot.running[0].running_ms, 2_000);
    let told: Vec<_> = snapshot.waiting.iter().map(|it| (it.user.as_str(), it.position)).collect();
    assert_eq!(told, [("b", 1), ("a", 2), ("a", 3)]);
    // An average of one second before, and one turn of eight.
    assert_eq!(snapshot.waiting[2].expected_ms, 3 * 1_875);
    assert_eq!(snapshot.waiting[0].waited_ms, 2_000);
    assert_eq!(snapshot.recent_gpu_ms.len(), 2);
    assert_eq!(desk.queue.place(running, desk.now), None);
    assert_eq!(desk.queue.expected_wait(), 4 * Duration::from_millis(1_875));
}

#[test]
fn whoever_comes_back_does_not_make_up_for_all_that_others_had() {
    let mut desk = Desk::new(settings(1));
    for _ in 0..60 {
        let ticket = desk.join("old");
        desk.next().unwrap();
        desk.end(ticket, 10);
    }
    for _ in 0..50 {
        desk.join("old");
    }
    let first = desk.next().unwrap();
    for _ in 0..50 {
        desk.join("new");
    }
    desk.end(first, 10);
    let mut in_a_row = 0;
    while let Some(ticket) = desk.next() {
        if desk.queue.entries[&ticket].request.user.as_str() == "old" {
            break;
        }
        in_a_row += 1;
        desk.end(ticket, 10);
    }
    assert!((2..=5).contains(&in_a_row), "{in_a_row} turns in a row");
}

#[derive(Clone, Debug)]
enum Step {
    Join { user: u8, model: u8, class: u8 },
    Next,
    Leave { which: usize },
    End { which: usize, took: u64 },
    PutBack { which: usize },
    Pass { milliseconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_u8, 0..3_u8, 0..3_u8)
            .prop_map(|(user, model, class)| Step::Join { user, model, class }),
        4 => Just(Step::Next),
        1 => (0..9_usize).prop_map(|which| Step::Leave { which }),
        2 => (0..3_usize, 1..30_u64).prop_map(|(which, took)| Step::End { which, took }),
        1 => (0..3_usize).prop_map(|which| Step::PutBack { which }),
        1 => (0..9_000_u64).prop_map(|milliseconds| Step::Pass { milliseconds }),
    ]
}

fn play(desk: &mut Desk, step: &Step, waiting: &mut Vec<Ticket>, running: &mut Vec<Ticket>) {
    match *step {
        Step::Join { user, model, class } => {
            let class = [Class::First, Class::Normal, Class::Last][usize::from(class)];
            let asked = request(&format!("u{user}"), &format!("m{model}"));
            let joined = desk.queue.join(TurnRequest { class, ..asked }, desk.now);
            waiting.extend(joined.ok());
        }
        Step::Next => {
            if let Some(ticket) = desk.next() {
                let place = waiting.iter().position(|other| *other == ticket);
                waiting.remove(place.expect("a turn for somebody who does not wait"));
                running.push(ticket);
            }
        }
        Step::Leave { which } if which < waiting.len() => {
            desk.queue.leave(waiting.remove(which), TurnEnd::Nothing, desk.now);
        }
        Step::End { which, took } if which < running.len() => {
            desk.end(running.remove(which), took);
        }
        Step::PutBack { which } if which < running.len() => {
            let ticket = running.remove(which);
            desk.queue.put_back(ticket, seconds(1), desk.now);
            waiting.push(ticket);
        }
        Step::Pass { milliseconds } => desk.now += Duration::from_millis(milliseconds),
        Step::Leave { .. } | Step::End { .. } | Step::PutBack { .. } => {}
    }
}

proptest! {
    #[test]
    fn no_slot_is_lost_and_nobody_has_two_turns(
        slots in 1..4_usize,
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut desk = Desk::new(QueueSettings { length: 12, per_user: 5, ..settings(slots) });
        let (mut waiting, mut running): (Vec<Ticket>, Vec<Ticket>) = (Vec::new(), Vec::new());
        for step in steps {
            play(&mut desk, &step, &mut waiting, &mut running);
            let counted = (desk.queue.waiting(), desk.queue.running());
            prop_assert_eq!(counted, (waiting.len(), running.len()));
            prop_assert!(running.len() <= slots);
            let order = desk.queue.snapshot(desk.now).waiting.len();
            prop_assert_eq!(order, waiting.len());
        }
        // Everybody who still waits gets a turn, and then nothing is left.
        desk.now += seconds(1);
        let mut rest = waiting.len();
        loop {
            while desk.next().map(|ticket| running.push(ticket)).is_some() {
                rest -= 1;
            }
            let Some(ticket) = running.pop() else { break };
            desk.end(ticket, 1);
        }
        prop_assert_eq!(rest, 0);
        prop_assert!(desk.queue.users.is_empty() && desk.queue.entries.is_empty());
    }

    #[test]
    fn the_order_that_is_told_is_the_order_that_comes(
        users in prop::collection::vec((0..4_u8, 0..3_u8), 1..20),
    ) {
        let mut desk = Desk::new(QueueSettings { switch_after: seconds(5), ..settings(1) });
        for (user, model) in users {
            let asked = request(&format!("u{user}"), &format!("m{model}"));
            desk.queue.join(asked, desk.now).unwrap();
        }
        let usual = FIRST_GUESS;
        let told: Vec<_> = std::iter::from_fn(|| {
            let next = desk.queue.snapshot(desk.now).waiting;
            let first = next.first()?.clone();
            let ticket = desk.next()?;
            let request = &desk.queue.entries[&ticket].request;
            assert_eq!((&first.user, &first.model), (&request.user, &request.model));
            desk.now += usual;
            desk.queue.leave(ticket, TurnEnd::Gpu(usual), desk.now);
            Some(next.len())
        })
        .collect();
        prop_assert!(told.windows(2).all(|pair| pair[1] == pair[0] - 1));
    }
}
