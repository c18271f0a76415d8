use std::future::poll_fn;
use std::task::{Context, Waker};

use stockade_core::UserId;

use super::*;
use crate::turn::{Class, TokioClock};

fn settings(slots: usize) -> QueueSettings {
    QueueSettings {
        slots: slots.try_into().unwrap(),
        length: 10,
        per_user: 5,
        wait: Duration::from_mins(1),
        switch_after: Duration::from_secs(20),
        half_life: Duration::from_mins(5),
    }
}

/// A clock that is moved by hand. Whoever sleeps is polled by hand as well.
#[derive(Clone)]
struct Manual(Arc<Mutex<Instant>>);

impl Manual {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn pass(&self, seconds: u32) {
        *self.0.lock().unwrap() += SECOND * seconds;
    }
}

impl Monotonic for Manual {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap()
    }

    fn sleep_until(&self, until: Instant) -> impl Future<Output = ()> + Send {
        let clock = self.clone();
        poll_fn(move |_| if clock.now() >= until { Poll::Ready(()) } else { Poll::Pending })
    }
}

/// A future that is polled by hand.
struct Task<'f, T>(Pin<Box<dyn Future<Output = T> + 'f>>);

impl<'f, T> Task<'f, T> {
    fn new(future: impl Future<Output = T> + 'f) -> Self {
        Self(Box::pin(future))
    }

    fn poll(&mut self) -> Option<T> {
        match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }
}

type Waiting<'f> = Task<'f, Result<Turn<Manual>, NoTurn>>;

fn ask<'f>(turns: &'f Turns<Manual>, user: &str) -> Waiting<'f> {
    let mut task = Task::new(turns.turn(request(user)));
    assert!(task.poll().is_none(), "{user} does not wait");
    task
}

fn take(turns: &Turns<Manual>, user: &str) -> Turn<Manual> {
    Task::new(turns.turn(request(user))).poll().unwrap().unwrap()
}

fn turns(slots: usize) -> (Manual, Turns<Manual>) {
    let clock = Manual::new();
    (clock.clone(), Turns::new(settings(slots), clock))
}

fn request(user: &str) -> TurnRequest {
    let user = UserId::new(user).unwrap();
    TurnRequest { user, model: ModelName::parse("m").unwrap(), class: Class::Normal }
}

fn counts<C: Monotonic>(turns: &Turns<C>) -> (usize, usize) {
    let snapshot = turns.snapshot();
    (snapshot.running.len(), snapshot.waiting.len())
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_free_slot_is_taken_at_once_and_given_on_at_the_end() {
    let (clock, turns) = turns(1);
    let first = take(&turns, "a");
    assert_eq!((first.place(), first.waited()), (None, Duration::ZERO));
    let mut second = ask(&turns, "b");
    clock.pass(1);
    assert!(second.poll().is_none());
    first.end(SECOND);
    let second = second.poll().unwrap().unwrap();
    assert_eq!((second.place().unwrap().position, second.waited()), (1, SECOND));
    assert_eq!(counts(&turns), (1, 0));
    drop(second);
    assert_eq!(counts(&turns), (0, 0));
}

#[test]
fn whoever_stops_waiting_is_gone_and_takes_no_turn() {
    let (_, turns) = turns(1);
    let first = take(&turns, "a");
    drop(ask(&turns, "b"));
    assert_eq!(counts(&turns), (1, 0));
    // A turn that comes while its waiter is being dropped goes on to the next one.
    let (dropped, mut last) = (ask(&turns, "b"), ask(&turns, "c"));
    first.cancel();
    assert!(last.poll().is_none());
    drop(dropped);
    assert!(last.poll().is_some());
}

#[test]
fn waiting_ends_after_its_time() {
    let (clock, turns) = turns(1);
    let _first = take(&turns, "a");
    let mut late = ask(&turns, "b");
    clock.pass(59);
    assert!(late.poll().is_none());
    clock.pass(1);
    let none = late.poll().unwrap().err().unwrap();
    assert_eq!(none.to_string(), "no turn within 60 seconds");
    drop(late);
    assert_eq!(counts(&turns), (1, 0));
}

#[test]
fn bounds_can_be_changed_while_somebody_waits() {
    let (_, turns) = turns(1);
    let _first = take(&turns, "a");
    let mut second = ask(&turns, "b");
    turns.set_settings(QueueSettings { length: 0, ..settings(1) });
    let full = Task::new(turns.turn(request("c"))).poll().unwrap().err().unwrap();
    assert!(matches!(full, NoTurn::Full { full: QueueFull::Length(0), .. }));
    assert_eq!(full.retry_after(), 2 * SECOND);
    turns.set_settings(settings(2));
    assert!(second.poll().is_some());
}

#[test]
fn a_turn_that_is_put_back_comes_again_after_the_pause() {
    let (clock, turns) = turns(1);
    let first = take(&turns, "a");
    let mut other = ask(&turns, "b");
    let mut again = Task::new(first.put_back(2 * SECOND));
    for _ in 0..2 {
        assert!(again.poll().is_none());
        assert_eq!(counts(&turns), (0, 2));
        clock.pass(1);
    }
    let again = again.poll().unwrap().unwrap();
    assert_eq!(again.waited(), 2 * SECOND);
    drop(again);
    assert!(other.poll().is_some());
}

#[test]
fn whoever_puts_a_turn_back_and_goes_away_holds_nobody_up() {
    let (_, turns) = turns(1);
    let first = take(&turns, "a");
    let mut other = ask(&turns, "b");
    let mut again = Task::new(first.put_back(10 * SECOND));
    assert!(again.poll().is_none());
    assert!(other.poll().is_none());
    drop(again);
    assert!(other.poll().is_some());
}

#[test]
fn a_turn_is_put_back_for_as_long_as_one_may_wait() {
    let (clock, turns) = turns(1);
    let mut turn = take(&turns, "a");
    let mut tries = 0;
    let none = loop {
        let mut again = Task::new(turn.put_back(7 * SECOND));
        assert!(again.poll().is_none());
        clock.pass(7);
        tries += 1;
        match again.poll().unwrap() {
            Ok(another) => turn = another,
            Err(none) => break none,
        }
    };
    assert!(matches!(none, NoTurn::TimedOut { .. }));
    assert_eq!((tries, counts(&turns)), (9, (0, 0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_slot_is_lost_among_many_who_come_and_go() {
    let bounds = QueueSettings { length: 5_000, per_user: 5_000, ..settings(3) };
    let turns = Turns::new(bounds, TokioClock);
    let tasks: Vec<_> = (0..200_u64)
        .map(|number| {
            let turns = turns.clone();
            tokio::spawn(async move {
                let wait = turns.turn(request(&format!("u{}", number % 17)));
                let timeout = Duration::from_micros(number * 37 % 1_000);
                if let Ok(Ok(turn)) = tokio::time::timeout(timeout, wait).await {
                    tokio::task::yield_now().await;
                    turn.end(timeout);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(counts(&turns), (0, 0));
}

#[test]
fn a_turn_that_is_given_back_for_a_later_class_comes_after_the_others() {
    let turns = Turns::new(settings(1), Manual::new());
    let mut first = Task::new(turns.turn(request("alice")));
    let first = first.poll().unwrap().unwrap();
    let mut other = Task::new(turns.turn(request("ben")));
    assert!(other.poll().is_none());
    let mut again = Task::new(first.wait_in(Class::Last));
    assert!(again.poll().is_none());
    let other = other.poll().unwrap().unwrap();
    assert_eq!(turns.snapshot().waiting[0].class, Class::Last);
    drop(other);
    let again = again.poll().unwrap().unwrap();
    // Where nobody else waits, it is the next at once.
    let mut at_once = Task::new(again.wait_in(Class::Last));
    drop(at_once.poll().unwrap().unwrap());
    assert!(turns.snapshot().running.is_empty());
}
