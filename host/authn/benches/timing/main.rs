//! Measures whether the time of a refusal tells its reason: for each kind of credential, what a
//! stranger may learn is held against a plainly wrong secret.
//!
//! The method is dudect's (Reparaz, Balasch, Verbauwhede: "Dude, is my code constant
//! time?", 2017): samples of both classes are taken in turn, in an order that is drawn
//! anew each time, the slowest tenth of all is left out as interruptions, and Welch's t
//! tells whether the means differ. From 4.5 on they do, beyond doubt. The first line of
//! each kind is the noise: a class held against itself.
//!
//! Here, without a socket and a hundred thousand times, a nanosecond is beyond doubt. What
//! counts is a difference that is also more than a thousandth of the time that a request
//! takes at the least, which is 17 µs on loopback, and more than half a percent of what the
//! check itself takes: after a signature was verified, a few lines of memory that are not
//! in the cache any more make that much.
//!
//! Certificates are missing: the handshake proves them, before anything of this, and whom
//! one stands for is told to its owner anyway.
//!
//! `cargo bench --package stockade-authn --bench timing`

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to fail")]
#![expect(clippy::cast_precision_loss, reason = "counts and nanoseconds are far below 2^52")]
#![expect(clippy::print_stdout, reason = "the table is all there is to it")]

use std::hint::black_box;
use std::time::Instant;

mod world;

use world::Class;

/// From here on two means differ.
const DOUBT: f64 = 4.5;
/// And from here on, in nanoseconds and as a part of the whole, it matters.
const MATTERS: (f64, f64) = (17.0, 0.005);

/// The effort of measuring a kind: the rounds, and the calls that make a sample.
#[derive(Clone, Copy)]
struct Effort {
    rounds: usize,
    calls: usize,
}

struct Moments {
    mean: f64,
    /// The variance of the mean.
    variance: f64,
}

impl Moments {
    fn of(samples: &[f64]) -> Self {
        let count = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / count;
        let squares: f64 = samples.iter().map(|sample| (sample - mean).powi(2)).sum();
        Self { mean, variance: squares / (count - 1.0) / count }
    }
}

/// One sample: nanoseconds for each call.
fn sample(class: &Class, effort: Effort, round: usize) -> f64 {
    let started = Instant::now();
    for call in 0..effort.calls {
        black_box(class.ask(round * effort.calls + call));
    }
    started.elapsed().as_nanos() as f64 / effort.calls as f64
}

/// The samples of two classes, in the order in which a coin falls.
fn samples(classes: [&Class; 2], effort: Effort) -> [Vec<f64>; 2] {
    let mut found = [Vec::new(), Vec::new()];
    let mut coin = u64::from_be_bytes(stockade_core::random::bytes()) | 1;
    for round in 0..effort.rounds {
        // Marsaglia's xorshift: an order that nothing in the machine follows is enough.
        coin ^= coin << 13;
        coin ^= coin >> 7;
        coin ^= coin << 17;
        let first = usize::from(coin >> 63 == 1);
        for which in [first, 1 - first] {
            found[which].push(sample(classes[which], effort, round));
        }
    }
    found
}

/// Both without the slowest tenth of all.
fn crop(samples: [Vec<f64>; 2]) -> [Vec<f64>; 2] {
    let mut all = samples.concat();
    all.sort_by(f64::total_cmp);
    let slow = all[all.len() * 9 / 10];
    samples.map(|class| class.into_iter().filter(|sample| *sample <= slow).collect())
}

/// Prints one line; tells whether there is a difference.
fn compare(kind: &str, one: &Class, other: &Class, effort: Effort) -> bool {
    let warm_up = Effort { rounds: effort.rounds.div_ceil(20), ..effort };
    drop(samples([one, other], warm_up));
    let [one_found, other_found] = crop(samples([one, other], effort)).map(|s| Moments::of(&s));
    let difference = other_found.mean - one_found.mean;
    let t = difference / (one_found.variance + other_found.variance).sqrt();
    let what = if std::ptr::eq(one, other) {
        format!("{} and itself", one.name)
    } else {
        format!("{} and {}", one.name, other.name)
    };
    let matters = MATTERS.0.max(MATTERS.1 * one_found.mean);
    let verdict = match (t.abs() >= DOUBT, difference.abs() >= matters) {
        (true, true) => "DIFFERS",
        (true, false) => "too little to matter",
        (false, _) => "the same",
    };
    println!(
        "{kind:<12} {what:<52} {:>12.1} ns  {difference:>+9.1} ns  t = {t:>+7.2}  {}",
        one_found.mean, verdict
    );
    verdict == "DIFFERS"
}

fn main() {
    let quick = Effort { rounds: 100_000, calls: 4 };
    let signature = Effort { rounds: 10_000, calls: 1 };
    let hash = Effort { rounds: 150, calls: 1 };
    let kinds = [
        ("API key", quick, world::api_keys()),
        ("token", quick, world::tokens()),
        ("Ollama key", signature, world::wrong_signatures()),
        ("Ollama key", signature, world::right_signatures()),
        ("Basic", hash, world::passwords()),
    ];
    let mut differ = 0;
    for (kind, effort, classes) in &kinds {
        let (wrong, others) = classes.split_first().unwrap();
        compare(kind, wrong, wrong, *effort);
        for other in others {
            differ += usize::from(compare(kind, wrong, other, *effort));
        }
    }
    println!("{differ} of them differ");
}
