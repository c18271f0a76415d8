//! A JSON body as rules for fields and limits of numbers want it.

use bytes::Bytes;
use stockade_core::{FieldPath, FieldRule, Limit};

use super::JsonBody;
use crate::json::{self, JsonError};
use crate::request::edit::{Demand, Names, Plan, Unfit};
use crate::shape::Kind;
use crate::shape::fold::fold;

impl JsonBody {
    /// Returns the body as rules for fields want it; `None` where it is like that already.
    ///
    /// # Errors
    /// A field is forbidden, or a rule is none for this body.
    pub(in crate::request) fn changed(&self, rules: &[FieldRule]) -> Result<Option<Bytes>, Unfit> {
        let mut demands = Vec::with_capacity(rules.len());
        for rule in rules {
            demands.extend(Demand::of_rule(rule, self.shape.tools())?);
        }
        demands.retain(|demand| !(demand.inserts() && self.ignores(demand.top())));
        self.mind_output_alias(&mut demands);
        self.edited(&demands)
    }

    /// Tells whether nothing of what a field says is forwarded.
    fn ignores(&self, name: &str) -> bool {
        self.shape.field(&fold(name)).is_some_and(|field| matches!(field.kind, Kind::Ignored))
    }

    /// Moves numbers within their limits.
    ///
    /// # Errors
    /// There is something else than a whole number.
    pub(in crate::request) fn limit(
        &mut self,
        limits: &[(&FieldPath, &Limit)],
    ) -> Result<(), Unfit> {
        let limits = limits.iter();
        let demands = limits.map(|(path, limit)| Demand::of_limit(path, limit, self.shape));
        let demands: Vec<_> = demands.collect();
        if let Some(body) = self.edited(&demands)? {
            let unreadable = |error: JsonError| Unfit::Unreadable(error.to_string());
            self.document =
                json::read(body, &self.limits_with(demands.len())).map_err(unreadable)?;
        }
        Ok(())
    }

    fn edited(&self, demands: &[Demand<'_>]) -> Result<Option<Bytes>, Unfit> {
        let members = || self.members().map(|(key, _, value)| (key, value));
        let plan = Plan::of(members(), demands, Names::Of(self.shape))?;
        let capacity = self.document.root().raw().len() + 256;
        Ok(plan.map(|plan| plan.write(members(), capacity).into()))
    }

    /// A demand on the output is one of the field that is forwarded as the output,
    /// too; and where that says something, the output does.
    fn mind_output_alias(&self, demands: &mut Vec<Demand<'_>>) {
        let first = |wanted| self.places(wanted).first().copied();
        let output = first(|kind| matches!(kind, Kind::Output));
        let alias = first(|kind| matches!(kind, Kind::OutputAlias));
        let (Some(output), Some(alias)) = (output, alias) else {
            return;
        };
        let same = demands.iter().filter(|demand| demand.is_of(output.name) && !demand.inserts());
        let same: Vec<_> = same.map(|demand| demand.of_field(alias.name)).collect();
        demands.extend(same);
        let stripped = demands.iter().any(|demand| demand.is_of(alias.name) && demand.strips());
        if self.value(alias).is_some() && !stripped {
            demands.retain(|demand| !(demand.is_of(output.name) && demand.inserts()));
        }
    }
}
