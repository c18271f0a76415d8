//! Whether every request was judged by exactly one configuration, from the lines of record.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read};

use anyhow::ensure;
use serde::Deserialize;

use super::TURNS;

/// What a line of record says of who was judged by what.
#[derive(Deserialize)]
struct Line {
    generation: Option<u64>,
    user: Option<String>,
    credential: Option<String>,
    #[serde(default)]
    models: Vec<Model>,
    status: Option<u16>,
    #[serde(default)]
    allowed_by: Vec<String>,
}

#[derive(Deserialize)]
struct Model {
    name: String,
}

/// How many lines do not fit together. They are read while they are written: a long run
/// writes more of them than a disk should have to hold.
pub(super) fn mixed(log: impl Read) -> anyhow::Result<u64> {
    let mut keys: HashMap<u64, String> = HashMap::new();
    let (mut judged, mut mixed) = (0_u64, 0);
    for line in BufReader::new(log).lines() {
        let Ok(line) = serde_json::from_str::<Line>(&line?) else { continue };
        let (Some(generation), Some(user)) = (line.generation, &line.user) else { continue };
        judged += 1;
        let key = line.credential.clone().unwrap_or_default();
        let of_generation = keys.entry(generation).or_insert_with(|| key.clone());
        if *of_generation != key || !fits(user, &line) {
            mixed += 1;
        }
    }
    ensure!(judged > 0, "the gateway wrote no line of record");
    Ok(mixed)
}

/// Whether the answer is the one that this user's own configuration gives.
fn fits(user: &str, line: &Line) -> bool {
    let Some((_, own)) = TURNS.iter().find(|(name, _)| *name == user) else { return false };
    let asked_own = line.models.iter().any(|model| model.name.contains(own));
    let turn = line.credential.as_deref().and_then(|key| key.strip_prefix("key-"));
    let Some(turn) = turn else { return false };
    let own_turn = |binding: &String| binding.ends_with(&format!("turn {turn}"));
    match line.status {
        Some(200) => asked_own && line.allowed_by.iter().any(own_turn),
        Some(403) => !asked_own,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::mixed;

    fn line(generation: u64, key: &str, user: &str, model: &str, answer: &str) -> String {
        format!(
            "{{\"generation\":{generation},\"credential\":\"{key}\",\"user\":\
             \"{user}\",\"models\":[{{\"name\":\"{model}\",\"role\":\"use\"}}],{answer}}}\n"
        )
    }

    #[test]
    fn a_request_judged_by_parts_of_two_configurations_is_seen() {
        let allowed = |turn: u32| format!("\"status\":200,\"allowed_by\":[\"turn {turn}\"]");
        let denied = "\"status\":403";
        let alices = line(7, "key-4", "alice", "llama3.2:3b", &allowed(4))
            + &line(7, "key-4", "alice", "qwen3:8b", denied);
        assert_eq!(mixed(alices.as_bytes()).unwrap(), 0);
        // Her key of one turn, the bindings of another.
        assert_eq!(
            mixed(line(7, "key-4", "alice", "llama3.2:3b", &allowed(2)).as_bytes()).unwrap(),
            1
        );
        assert_eq!(mixed(line(7, "key-4", "alice", "llama3.2:3b", denied).as_bytes()).unwrap(), 1);
        assert_eq!(
            mixed(line(7, "key-4", "alice", "qwen3:8b", &allowed(4)).as_bytes()).unwrap(),
            1
        );
        // Two keys in one generation.
        let bobs = line(7, "key-5", "bob", "qwen3:8b", &allowed(5));
        assert_eq!(mixed((alices + &bobs).as_bytes()).unwrap(), 1);
        assert!(mixed(&b""[..]).is_err());
    }
}
