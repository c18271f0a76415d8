//! The facts of a request that nobody allows, where it would be allowed without them.

use stockade_core::{
    BindingVerdict, Catalogue, Denial, DenialCause, Dialect, ModelRef, Operation, Parameters,
    allows,
};

use super::Generation;
use super::decide::{Asker, Hypothetical, Judged};

/// A fact that a policy may have to be told to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fact {
    WebSearch,
    DebugRender,
    Cloud,
}

impl Fact {
    const ALL: [Self; 3] = [Self::WebSearch, Self::DebugRender, Self::Cloud];

    const fn as_str(self) -> &'static str {
        match self {
            Self::WebSearch => "tools that search the web",
            Self::DebugRender => "rendered prompts",
            Self::Cloud => "cloud models",
        }
    }

    fn holds_for(self, request: &impl Judged, catalogue: &Catalogue) -> bool {
        match self {
            Self::WebSearch => request.parameters().web_search,
            Self::DebugRender => request.parameters().debug_render,
            Self::Cloud => request.models().iter().any(|model| catalogue.is_cloud(&model.name)),
        }
    }
}

/// A request that has such facts, kept to be asked about without them.
pub(super) struct Unusual {
    operation: Operation,
    dialect: Dialect,
    models: Vec<ModelRef>,
    parameters: Parameters,
    body: Option<String>,
    facts: Vec<Fact>,
}

impl Unusual {
    /// `None` for a request without such facts; most are.
    pub(super) fn of(
        request: &impl Judged,
        catalogue: &Catalogue,
        wants_body: bool,
    ) -> Option<Self> {
        let facts = Fact::ALL.into_iter().filter(|fact| fact.holds_for(request, catalogue));
        let facts: Vec<Fact> = facts.collect();
        (!facts.is_empty()).then(|| Self {
            operation: request.operation(),
            dialect: request.dialect(),
            models: request.models().to_vec(),
            parameters: request.parameters().clone(),
            body: wants_body.then(|| request.body_text()).flatten(),
            facts,
        })
    }
}

impl Generation {
    /// Names the facts that nobody allows, in words. They are found by asking again without them,
    /// because a policy that abstains does not say what it missed.
    pub(super) async fn missing(
        &self,
        denial: &Denial,
        asker: Asker<'_>,
        unusual: &Unusual,
    ) -> Option<String> {
        if denial.cause != DenialCause::NotAllowed {
            return None;
        }
        for fact in &unusual.facts {
            if self.allows_without(asker, unusual, &[*fact]).await {
                return Some(format!("{} are not allowed to you", fact.as_str()));
            }
        }
        let several = unusual.facts.len() > 1;
        if several && self.allows_without(asker, unusual, &unusual.facts).await {
            let names: Vec<&str> = unusual.facts.iter().map(|fact| fact.as_str()).collect();
            return Some(format!("{} are not allowed to you", names.join(" and ")));
        }
        None
    }

    async fn allows_without(&self, asker: Asker<'_>, of: &Unusual, facts: &[Fact]) -> bool {
        let mut parameters = of.parameters.clone();
        parameters.web_search &= !facts.contains(&Fact::WebSearch);
        parameters.debug_render &= !facts.contains(&Fact::DebugRender);
        let request = Hypothetical {
            operation: of.operation,
            dialect: of.dialect,
            models: of.models.clone(),
            parameters,
        };
        let mut input = asker.input(&request, of.body.as_deref());
        input.clouds_hidden = facts.contains(&Fact::Cloud);
        let verdicts: Vec<BindingVerdict> = self.verdicts(&input).await;
        allows(&verdicts)
    }
}
