//! Rego, by regorus: one rule, and as many bindings as data, found by their user as is the
//! custom of Rego.

use anyhow::Context as _;
use regorus::{Engine, Value};

const RULE: &str = r#"package stockade
import rego.v1

default allow := false

allow if {
    some prefix in data.bindings[input.user]
    input.operation == "chat"
    startswith(input.model, prefix)
}
"#;

pub(crate) struct Rego(Engine);

impl Rego {
    pub(crate) fn new(policies: usize) -> anyhow::Result<Self> {
        let mut engine = Engine::new();
        engine
            .add_policy("stockade.rego".to_owned(), RULE.to_owned())
            .context("regorus does not take the policy")?;
        let bindings: serde_json::Map<_, _> = (0..policies)
            .map(|number| {
                let models = serde_json::json!(["llama3.2:", format!("team-{number}/")]);
                (crate::user(number, policies), models)
            })
            .collect();
        let data = serde_json::json!({ "bindings": bindings });
        engine.add_data(Value::from_json_str(&data.to_string())?)?;
        Ok(Self(engine))
    }

    pub(crate) fn allows(&mut self, user: &str, model: &str) -> anyhow::Result<bool> {
        let input = serde_json::json!({ "user": user, "operation": "chat", "model": model });
        self.0.set_input(Value::from(input));
        let answer = self.0.eval_rule("data.stockade.allow".to_owned())?;
        Ok(matches!(answer, Value::Bool(true)))
    }
}
