use std::net::Ipv4Addr;

use stockade_core::{
    Catalogue, Dialect, GroupName, ModelFacts, ModelName, ModelRole, Operation, ProofKind,
    Transport, UnixTime, UserId, Verdict,
};

use super::*;

/// The owned parts of a request, all of which a test can change.
#[derive(Clone)]
struct Asked {
    principal: Principal,
    operation: Operation,
    dialect: Dialect,
    models: Vec<ModelRef>,
    parameters: Parameters,
    client: Client,
    time: LocalTime,
    usage: Usage,
    catalogue: Catalogue,
    bindings: Vec<u32>,
}

fn asked() -> Asked {
    Asked {
        principal: Principal {
            user: UserId::new("alice").unwrap(),
            groups: [GroupName::new("ops").unwrap()].into(),
            proof: ProofKind::ApiKey,
            credential: None,
            attributes: [].into(),
        },
        operation: Operation::Chat,
        dialect: Dialect::Native,
        models: vec![model("llama3.2:3b")],
        parameters: Parameters::default(),
        client: Client { address: Ipv4Addr::LOCALHOST.into(), transport: Transport::Plain },
        time: LocalTime { unix: UnixTime::from_secs(7), weekday: 1, minute_of_day: 2 },
        usage: Usage::default(),
        catalogue: Catalogue::default(),
        bindings: vec![0, 1],
    }
}

fn model(name: &str) -> ModelRef {
    ModelRef { name: ModelName::parse(name).unwrap(), role: ModelRole::Use }
}

/// A catalogue in which this model is one that runs in the cloud.
fn cloud(name: &str) -> Catalogue {
    let facts = ModelFacts { cloud: true, ..ModelFacts::default() };
    Catalogue::of([(ModelName::parse(name).unwrap(), facts)])
}

impl Asked {
    fn but(&self, change: impl FnOnce(&mut Self)) -> Question {
        let mut changed = self.clone();
        change(&mut changed);
        Question::of(&changed.input(None), &changed.bindings).unwrap()
    }

    fn input<'a>(&'a self, body: Option<&'a str>) -> PolicyInput<'a> {
        PolicyInput {
            principal: &self.principal,
            operation: self.operation,
            dialect: self.dialect,
            models: &self.models,
            catalogue: &self.catalogue,
            clouds_hidden: false,
            parameters: &self.parameters,
            client: self.client,
            time: self.time,
            usage: self.usage,
            body,
        }
    }
}

/// The request as it is, and with each of its facts changed.
fn different() -> Vec<Question> {
    let asked = asked();
    let group = |name: &str| GroupName::new(name).unwrap();
    vec![
        asked.but(|_| {}),
        asked.but(|a| a.principal.user = UserId::new("bob").unwrap()),
        asked.but(|a| a.principal.groups = [].into()),
        asked.but(|a| a.principal.groups = [group("op"), group("s")].into()),
        asked.but(|a| a.principal.proof = ProofKind::Basic),
        asked.but(|a| a.principal.credential = Some(CredentialId::new("key").unwrap())),
        asked.but(|a| a.principal.attributes = [("a".to_owned(), "bc".to_owned())].into()),
        asked.but(|a| a.principal.attributes = [("ab".to_owned(), "c".to_owned())].into()),
        asked.but(|a| a.operation = Operation::Generate),
        asked.but(|a| a.dialect = Dialect::OpenAi),
        asked.but(|a| a.models[0] = model("llama3.2:1b")),
        asked.but(|a| a.models[0].role = ModelRole::Target),
        asked.but(|a| a.models.push(model("llama3.2:3b"))),
        asked.but(|a| a.parameters.streaming = true),
        asked.but(|a| a.parameters.web_search = true),
        asked.but(|a| a.parameters.debug_render = true),
        asked.but(|a| a.parameters.insecure = true),
        asked.but(|a| a.parameters.context = Some(1)),
        asked.but(|a| a.parameters.output = Some(1)),
        asked.but(|a| a.parameters.keep_alive = Some(1)),
        asked.but(|a| a.parameters.keep_alive = Some(-1)),
        asked.but(|a| a.parameters.images = 1),
        asked.but(|a| a.parameters.tools = 1),
        asked.but(|a| a.parameters.remote_host = Some(String::new())),
        asked.but(|a| a.parameters.digests.push("sha256:00".to_owned())),
        asked.but(|a| a.parameters.foreign_digests.push("sha256:00".to_owned())),
        asked.but(|a| a.client.address = Ipv4Addr::new(192, 0, 2, 1).into()),
        asked.but(|a| a.client.address = Ipv4Addr::LOCALHOST.to_ipv6_mapped().into()),
        asked.but(|a| a.client.transport = Transport::Tls),
        asked.but(|a| a.time.unix = UnixTime::from_secs(8)),
        asked.but(|a| a.time.weekday = 2),
        asked.but(|a| a.time.minute_of_day = 3),
        asked.but(|a| a.catalogue = cloud("llama3.2:3b")),
        asked.but(|a| a.usage.minute.requests = 1),
        asked.but(|a| a.usage.minute.tokens = 1),
        asked.but(|a| a.usage.hour.requests = 1),
        asked.but(|a| a.usage.day.requests = 1),
        asked.but(|a| a.usage.month.requests = 1),
        asked.but(|a| a.bindings = vec![0]),
        asked.but(|a| a.bindings = vec![0, 2]),
    ]
}

fn verdict(number: usize) -> Vec<Outcome> {
    vec![Outcome::Verdict(Verdict::Deny(number.to_string()))]
}

#[test]
fn no_two_different_questions_share_an_answer() {
    let questions = different();
    for (index, question) in questions.iter().enumerate() {
        for other in &questions[..index] {
            assert_ne!(question, other);
        }
        let memo = Memo::new(8);
        let Question { second, ref bytes } = *question;
        memo.keep(Question { second, bytes: bytes.clone() }, &verdict(index));
        for (other, asked) in questions.iter().enumerate() {
            assert_eq!(memo.answer(asked), (other == index).then(|| verdict(index)));
        }
    }
}

#[test]
fn nothing_is_older_than_its_second() {
    let memo = Memo::new(8);
    let at = |second| asked().but(|a| a.time.unix = UnixTime::from_secs(second));
    memo.keep(at(7), &verdict(7));
    memo.keep(at(8), &verdict(8));
    assert_eq!(memo.answer(&at(7)), None);
    assert_eq!(memo.answer(&at(8)), Some(verdict(8)));
}

#[test]
fn it_is_bounded_and_knows_no_failures() {
    let memo = Memo::new(3);
    for index in 0..10 {
        memo.keep(asked().but(|a| a.parameters.tools = index), &verdict(0));
    }
    let kept = (0..10).filter(|&index| {
        let question = asked().but(|a| a.parameters.tools = index);
        memo.answer(&question).is_some()
    });
    assert_eq!(kept.count(), 3);
    let memo = Memo::new(3);
    memo.keep(asked().but(|_| {}), &[Outcome::Failure("trap".to_owned())]);
    assert_eq!(memo.answer(&asked().but(|_| {})), None);
}

#[test]
fn a_question_with_a_body_or_without_an_end_is_not_remembered() {
    let asked = asked();
    assert_eq!(Question::of(&asked.input(Some("{}")), &[0]), None);
    let mut long = asked;
    long.parameters.remote_host = Some("x".repeat(LONGEST_QUESTION));
    assert_eq!(Question::of(&long.input(None), &[0]), None);
}
