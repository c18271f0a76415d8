//! Sums by user, model, operation and time.

use super::*;

fn filled(directory: &TempDir) -> Ledger {
    let ledger = open(directory);
    let models = [Some("llama3.2:3b"), Some("qwen3"), None];
    for hour in 0..48 {
        for (number, user) in ["alice", "bob", "carol"].into_iter().enumerate() {
            let model = models[number].map(|model| ModelName::parse(model).unwrap());
            let operation = if number == 2 { Operation::List } else { Operation::Chat };
            ledger.record(UsageKey { model, operation, ..key(user, hour) }, tokens(1));
        }
    }
    let refused = Counts { refused: 2, ..Counts::default() };
    ledger.record(key("alice", 3), refused);
    ledger.flush().unwrap();
    ledger
}

fn report(ledger: &Ledger, query: &ReportQuery, zone: &str) -> Vec<(String, u64)> {
    let zone = TimeZone::get(zone).unwrap();
    let rows = ledger.reader().unwrap().report(query, &zone).unwrap();
    let shown = rows.into_iter().map(|row| {
        let midnight = NOW.as_secs() / 86_400 * 86_400;
        let start = row.start.map(|start| start.wrapping_sub(midnight).cast_signed().to_string());
        let parts = [row.user, row.model, row.operation, start];
        (parts.into_iter().flatten().collect::<Vec<_>>().join(" "), row.counts.requests)
    });
    shown.collect()
}

fn by(dimensions: &[Dimension]) -> ReportQuery {
    ReportQuery { by: dimensions.to_vec(), ..ReportQuery::default() }
}

fn rows(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(name, requests)| ((*name).to_owned(), *requests)).collect()
}

#[test]
fn sums_are_by_what_is_asked_for() {
    use Dimension::{Day, Hour, Model, Month, Operation, User};
    let directory = TempDir::new().unwrap();
    let ledger = filled(&directory);
    let ask = |dimensions: &[_]| report(&ledger, &by(dimensions), "UTC");
    assert_eq!(ask(&[]), rows(&[("", 144)]));
    assert_eq!(ask(&[User]), rows(&[("alice", 48), ("bob", 48), ("carol", 48)]));
    assert_eq!(ask(&[Model]), rows(&[("", 48), ("llama3.2:3b", 48), ("qwen3:latest", 48)]));
    let both = rows(&[("alice chat", 48), ("bob chat", 48), ("carol list", 48)]);
    assert_eq!(ask(&[Operation, User]), both);
    // The first hour begins at 08:00 of 2027-01-15.
    assert_eq!(ask(&[Day]), rows(&[("0", 48), ("86400", 72), ("172800", 24)]));
    let tokyo = report(&ledger, &by(&[Day]), "Asia/Tokyo");
    assert_eq!(tokyo.iter().map(|row| row.1).collect::<Vec<_>>(), [21, 72, 51]);
    assert_eq!(ask(&[Month]).len(), 1);
    assert_eq!(ask(&[Hour]).len(), 48);
}

#[test]
fn sums_are_of_what_is_asked_for() {
    let directory = TempDir::new().unwrap();
    let ledger = filled(&directory);
    let user = |name| UserId::new(name).unwrap();
    let query = ReportQuery {
        since: Some(key("alice", 2).hour),
        until: Some(key("alice", 5).hour),
        users: Some(vec![user("alice"), user("bob"), user("nobody")]),
        ..by(&[Dimension::User])
    };
    assert_eq!(report(&ledger, &query, "UTC"), rows(&[("alice", 3), ("bob", 3)]));
    let model = ModelName::parse("qwen3").ok();
    let query = ReportQuery { model, operation: Some(Operation::Chat), ..query };
    assert_eq!(report(&ledger, &query, "UTC"), rows(&[("bob", 3)]));
    let query = ReportQuery { operation: Some(Operation::List), ..query };
    assert_eq!(report(&ledger, &query, "UTC"), []);
    let nobody = ReportQuery { users: Some(Vec::new()), ..ReportQuery::default() };
    assert_eq!(report(&ledger, &nobody, "UTC"), []);
    let refused = ledger.reader().unwrap().report(&by(&[Dimension::User]), &TimeZone::UTC);
    assert_eq!(refused.unwrap()[0].counts.refused, 2);
}
