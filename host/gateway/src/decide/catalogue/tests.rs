use stockade_core::{ModelFacts, ModelRef};

use super::*;

/// A request that names models.
struct Asked(Operation, Vec<ModelRef>);

impl Subject for Asked {
    fn operation(&self) -> Operation {
        self.0
    }

    fn models(&self) -> &[ModelRef] {
        &self.1
    }
}

fn name(spelling: &str) -> ModelName {
    ModelName::parse(spelling).unwrap()
}

fn asked(operation: Operation, named: &[(&str, ModelRole)]) -> Asked {
    let model = |&(spelling, role): &(&str, ModelRole)| ModelRef { name: name(spelling), role };
    Asked(operation, named.iter().map(model).collect())
}

fn chat(model: &str) -> Asked {
    asked(Operation::Chat, &[(model, ModelRole::Use)])
}

fn upstream(authority: &'static str) -> config::Upstream {
    config::Upstream {
        authority: Authority::from_static(authority),
        connect_timeout: WAIT,
        response_timeout: WAIT,
        idle_timeout: WAIT,
        catalogue_refresh: WAIT,
        queue: None,
    }
}

/// A catalogue with the model `here`, asked for so many seconds ago.
fn known(seconds_ago: u64) -> UpstreamCatalogue {
    let catalogue = UpstreamCatalogue::default();
    let asked = Instant::now().checked_sub(Duration::from_secs(seconds_ago)).unwrap();
    let models = Catalogue::of([(name("here"), ModelFacts::default())]);
    catalogue.take(models, &upstream("a:1"), asked);
    catalogue.tries.send_modify(|tries| tries.last = Some(asked));
    catalogue
}

fn waits(catalogue: &UpstreamCatalogue, request: &Asked) -> bool {
    catalogue.question(&catalogue.known(&upstream("a:1")), request).is_some()
}

#[test]
fn an_unknown_name_is_asked_for_where_that_was_not_done_a_moment_ago() {
    let (old, recent) = (known(60), known(0));
    assert!(waits(&old, &chat("other")));
    assert!(!waits(&recent, &chat("other")), "it was asked for a moment ago");
    assert!(!waits(&old, &chat("HERE:latest")));
    let make = [("new", ModelRole::Target), ("elsewhere", ModelRole::Base)];
    assert!(!waits(&old, &asked(Operation::Create, &make)), "a new name is nothing unusual");
    assert!(!waits(&old, &asked(Operation::Pull, &make[..1])));
    assert!(waits(&old, &asked(Operation::Delete, &make[..1])));
    let copy = [("here", ModelRole::Source), ("new", ModelRole::Destination)];
    assert!(!waits(&old, &asked(Operation::Copy, &copy)));
    assert!(!waits(&old, &asked(Operation::List, &[])));
}

#[test]
fn without_a_list_everything_is_unknown() {
    let never = UpstreamCatalogue::default();
    assert!(waits(&never, &chat("here")));
    assert!(waits(&never, &asked(Operation::List, &[])), "clouds could be among them");
    assert!(!waits(&never, &asked(Operation::Status, &[])));
    let elsewhere = known(60);
    assert_eq!(elsewhere.known(&upstream("b:1")).count(), None, "another upstream's");
    assert_eq!(elsewhere.known(&upstream("a:1")).count(), Some(1));
}

#[test]
fn after_a_change_whoever_names_a_model_waits_for_a_new_list() {
    let catalogue = known(60);
    catalogue.changed();
    assert!(waits(&catalogue, &chat("here")));
    assert!(!waits(&catalogue, &asked(Operation::List, &[])), "the list comes from Ollama");
    let now = Instant::now();
    catalogue.tries.send_modify(|tries| tries.last = Some(now));
    assert!(!waits(&catalogue, &chat("here")), "a try that failed is one, too");
}

#[test]
fn what_keeps_somebody_waiting_keeps_nobody_else_waiting() {
    let catalogue = known(60);
    let begun = Instant::now().checked_sub(2 * WAIT).unwrap();
    catalogue.tries.send_modify(|tries| tries.under_way = Some(begun));
    let known = catalogue.known(&upstream("a:1"));
    let question = catalogue.question(&known, &chat("other")).unwrap();
    assert!(question.until <= Instant::now());
}

#[test]
fn its_age_is_known() {
    let status = known(60).status();
    assert_eq!((status.models, status.failing), (Some(1), false));
    assert!(status.age.is_some_and(|age| age >= Duration::from_mins(1)));
    let never = CatalogueStatus { models: None, age: None, failing: false };
    assert_eq!(UpstreamCatalogue::default().status(), never);
}
