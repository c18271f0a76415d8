//! Checks, by the lines of record, that one configuration alone judged each request.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read};

use anyhow::ensure;
use serde::Deserialize;

use super::model_of;

/// The fields of a line of record that tell who was judged by what.
#[derive(Deserialize)]
struct Line {
    generation: Option<u64>,
    user: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
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

/// Counts the lines that do not fit together. They are read while they are written: a long run
/// writes more of them than a disk should have to hold.
pub(super) fn mixed(log: impl Read) -> anyhow::Result<u64> {
    let mut groups: HashMap<u64, String> = HashMap::new();
    let (mut judged, mut mixed) = (0_u64, 0);
    for line in BufReader::new(log).lines() {
        let Ok(line) = serde_json::from_str::<Line>(&line?) else { continue };
        let (Some(generation), Some(_)) = (line.generation, &line.user) else { continue };
        judged += 1;
        let group = line.groups.concat();
        let of_generation = groups.entry(generation).or_insert_with(|| group.clone());
        if *of_generation != group || !fits(&group, &line) {
            mixed += 1;
        }
    }
    ensure!(judged > 0, "the gateway wrote no line of record");
    Ok(mixed)
}

/// Tells whether the answer is the one that this group's own configuration gives.
fn fits(group: &str, line: &Line) -> bool {
    let turn = group.strip_prefix("turn-").and_then(|turn| turn.parse::<u32>().ok());
    let Some(turn) = turn else { return false };
    let asked_own = line.models.iter().any(|model| model.name.contains(model_of(turn)));
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

    fn line(generation: u64, turn: u32, model: &str, answer: &str) -> String {
        format!(
            "{{\"generation\":{generation},\"groups\":[\"turn-{turn}\"],\"user\":\"alice\",\
             \"models\":[{{\"name\":\"{model}\",\"role\":\"use\"}}],{answer}}}\n"
        )
    }

    #[test]
    fn a_request_judged_by_parts_of_two_configurations_is_seen() {
        let allowed = |turn: u32| format!("\"status\":200,\"allowed_by\":[\"turn {turn}\"]");
        let denied = "\"status\":403";
        let count = |lines: &str| mixed(lines.as_bytes()).unwrap();
        let even = line(7, 4, "llama3.2:3b", &allowed(4)) + &line(7, 4, "qwen3:8b", denied);
        assert_eq!(count(&even), 0);
        // The groups of one turn, the bindings of another.
        assert_eq!(count(&line(7, 4, "llama3.2:3b", &allowed(2))), 1);
        assert_eq!(count(&line(7, 4, "llama3.2:3b", denied)), 1);
        assert_eq!(count(&line(7, 4, "qwen3:8b", &allowed(4))), 1);
        // The groups of two turns in one generation.
        let odd = line(7, 5, "qwen3:8b", &allowed(5));
        assert_eq!(count(&(even + &odd)), 1);
        assert!(mixed(&b""[..]).is_err());
    }
}
