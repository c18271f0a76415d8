#![doc = include_str!("../README.md")]

mod check;
mod condition;
mod evaluate;
mod fact;
mod obliged;
mod parser;
mod read;
mod rule_set;
mod settings;
mod token;
mod value;

pub use condition::{Check, Comparison, Condition, Test};
pub use fact::Fact;
pub use rule_set::RuleSet;
pub use settings::{Caps, Priority, Rule, Settings, Then, Unknown};
pub use token::InvalidCondition;

#[cfg(test)]
mod tests;
