//! Users who always ask get the same GPU time, however long their requests and whatever the model.

use super::*;

/// Somebody who always has a few requests waiting.
#[derive(Clone, Copy)]
struct Asker {
    user: &'static str,
    model: &'static str,
    /// GPU time of each request.
    takes: Duration,
    /// Requests that wait or run at any time.
    depth: usize,
}

const fn asker(user: &'static str, model: &'static str, tenths: u64, depth: usize) -> Asker {
    Asker { user, model, takes: Duration::from_millis(100 * tenths), depth }
}

/// The outcome of an hour.
struct Hour {
    gpu: HashMap<&'static str, Duration>,
    /// The longest that anybody of a user waited.
    longest_wait: HashMap<&'static str, Duration>,
    switches: usize,
}

/// Plays an upstream that works for an hour. Another model than the last takes a while to load.
fn play(slots: usize, users: &[Asker]) -> Hour {
    let mut desk = Desk::new(settings(slots));
    let (begin, load) = (desk.now, seconds(2));
    let mut hour = Hour { gpu: HashMap::new(), longest_wait: HashMap::new(), switches: 0 };
    let mut ends: Vec<(Instant, Ticket, Asker)> = Vec::new();
    let mut waiting: HashMap<Ticket, Asker> = HashMap::new();
    let mut loaded = "";
    let mut here: HashMap<&str, usize> = HashMap::new();
    while desk.now < begin + Duration::from_hours(1) {
        for asker in users {
            let before = here.insert(asker.user, asker.depth).unwrap_or_default();
            for _ in before..asker.depth {
                let joined = desk.queue.join(request(asker.user, asker.model), desk.now);
                waiting.insert(joined.unwrap(), *asker);
            }
        }
        while let Some(ticket) = desk.next() {
            let of = waiting[&ticket];
            let waited = desk.now - desk.queue.entries[&ticket].joined;
            let longest = hour.longest_wait.entry(of.user).or_default();
            *longest = waited.max(*longest);
            let switch = std::mem::replace(&mut loaded, of.model) != of.model;
            hour.switches += usize::from(switch);
            let takes = of.takes + if switch { load } else { Duration::ZERO };
            ends.push((desk.now + takes, ticket, of));
        }
        ends.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
        let (at, ticket, of) = ends.pop().unwrap();
        desk.now = at;
        desk.queue.leave(ticket, TurnEnd::Gpu(of.takes), desk.now);
        waiting.remove(&ticket);
        here.entry(of.user).and_modify(|count| *count -= 1);
        *hour.gpu.entry(of.user).or_default() += of.takes;
    }
    hour
}

/// Returns Jain's index of fairness: 1 where everybody got the same.
fn jain(hour: &Hour) -> f64 {
    let times: Vec<f64> = hour.gpu.values().map(Duration::as_secs_f64).collect();
    let (sum, squares): (f64, f64) =
        times.iter().fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
    #[expect(clippy::cast_precision_loss, reason = "a few users")]
    let count = times.len() as f64;
    sum * sum / (count * squares)
}

#[test]
fn steady_users_get_the_same_on_one_slot_and_on_four() {
    let mixes = [
        [asker("a", "m", 10, 8), asker("b", "m", 10, 8), asker("c", "m", 10, 8)],
        [asker("a", "m", 2, 8), asker("b", "m", 30, 8), asker("c", "m", 130, 8)],
        [asker("a", "m", 10, 50), asker("b", "m", 10, 5), asker("c", "n", 10, 8)],
        [asker("a", "m", 2, 50), asker("b", "m", 30, 5), asker("c", "n", 70, 8)],
        [asker("a", "m", 90, 8), asker("b", "n", 5, 30), asker("c", "n", 5, 8)],
    ];
    for (number, mix) in mixes.iter().enumerate() {
        for slots in [1, 4] {
            let hour = play(slots, mix);
            let fair = jain(&hour);
            assert!(fair >= 0.95, "mix {number}, {slots} slots: {fair} of {:?}", hour.gpu);
        }
    }
}

#[test]
fn models_are_not_switched_at_every_turn() {
    let mix = [asker("a", "m", 10, 8), asker("b", "m", 10, 8), asker("c", "n", 10, 8)];
    let hour = play(1, &mix);
    assert!(hour.switches < 600, "{} switches", hour.switches);
}

#[test]
fn nobody_waits_for_another_model_for_longer_than_said() {
    // Five users keep one model loaded; another user wants another one.
    let mut users: Vec<_> = ["a", "b", "c", "d", "e"].map(|user| asker(user, "m", 10, 2)).into();
    users.push(asker("other", "n", 10, 1));
    let hour = play(1, &users);
    let longest = hour.longest_wait["other"];
    assert!(longest <= seconds(20 + 5), "{longest:?}");
}
