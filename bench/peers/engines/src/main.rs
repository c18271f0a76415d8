//! The bare decision of two policy engines that are libraries: Cedar, and Rego by regorus.
//!
//! The question is Stockade's: may this user use this model? It is asked of one policy, and
//! of a hundred of which one speaks of the caller. What changes from request to request is
//! built for each decision, as a gateway has to; the policies are there already.
//!
//! Prints one line of JSON for each case.

mod cedar;
mod rego;

use std::io::Write as _;
use std::time::Instant;

use hdrhistogram::Histogram;

/// Decisions before anything is measured.
const WARM_UP: usize = 2_000;

fn main() -> anyhow::Result<()> {
    let asked = std::env::args().nth(1).and_then(|count| count.parse().ok());
    let decisions = asked.unwrap_or(50_000);
    for policies in [1, 100] {
        let mut cedar = cedar::Cedar::new(policies)?;
        report("Cedar", policies, decisions, |user, model| cedar.allows(user, model))?;
        let mut rego = rego::Rego::new(policies)?;
        report("Rego by regorus", policies, decisions, |user, model| rego.allows(user, model))?;
    }
    Ok(())
}

fn report(
    engine: &str,
    policies: usize,
    decisions: usize,
    mut allows: impl FnMut(&str, &str) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    anyhow::ensure!(!allows("alice", "qwen3:8b")?, "{engine} permits what nobody permitted");
    anyhow::ensure!(!allows("nobody", "llama3.2:3b")?, "{engine} permits anybody");
    let mut times = Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3)?;
    for turn in 0..WARM_UP + decisions {
        let started = Instant::now();
        let allowed = allows("alice", "llama3.2:3b")?;
        let taken = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        anyhow::ensure!(allowed, "{engine} denies what is permitted");
        if turn >= WARM_UP {
            times.saturating_record(taken);
        }
    }
    let line = serde_json::json!({
        "engine": engine,
        "policies": policies,
        "median_ns": times.value_at_quantile(0.5),
        "high_ns": times.value_at_quantile(0.99),
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// The user whom a policy is about: the caller's stands in the middle of the others.
fn user(number: usize, policies: usize) -> String {
    if number == policies / 2 { "alice".to_owned() } else { format!("user-{number}") }
}
