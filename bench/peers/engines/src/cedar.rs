//! Cedar: one `permit` for each user.

use std::fmt::Write as _;
use std::str::FromStr as _;

use anyhow::Context as _;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PolicySet,
    Request, RestrictedExpression,
};

pub(crate) struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    user: EntityTypeName,
    chat: EntityUid,
    ollama: EntityUid,
}

impl Cedar {
    pub(crate) fn new(policies: usize) -> anyhow::Result<Self> {
        let mut text = String::new();
        for number in 0..policies {
            let user = crate::user(number, policies);
            writeln!(
                text,
                "permit(principal == User::\"{user}\", action == Action::\"chat\", resource) \
                 when {{ context.model like \"llama3.2:*\" || context.model like \
                 \"team-{number}/*\" }};"
            )?;
        }
        Ok(Self {
            authorizer: Authorizer::new(),
            policies: PolicySet::from_str(&text).context("Cedar does not take the policies")?,
            entities: Entities::empty(),
            user: EntityTypeName::from_str("User")?,
            chat: EntityUid::from_str("Action::\"chat\"")?,
            ollama: EntityUid::from_str("Service::\"ollama\"")?,
        })
    }

    pub(crate) fn allows(&mut self, user: &str, model: &str) -> anyhow::Result<bool> {
        let principal = EntityUid::from_type_name_and_id(self.user.clone(), EntityId::new(user));
        let model = RestrictedExpression::new_string(model.to_owned());
        let context = Context::from_pairs([("model".to_owned(), model)])?;
        let request =
            Request::new(principal, self.chat.clone(), self.ollama.clone(), context, None)?;
        let answer = self.authorizer.is_authorized(&request, &self.policies, &self.entities);
        Ok(answer.decision() == Decision::Allow)
    }
}
