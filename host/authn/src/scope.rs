//! The scope of a credential that may be used for less than what its user may do.

use stockade_core::{AccessClass, ModelPattern, Operation, Subject};

/// The operations and models that a credential is good for.
///
/// A scope only ever takes away: the policies that are bound to the user still decide
/// about what it leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// These operations; all, if it is `None`.
    pub operations: Option<Vec<Operation>>,
    /// Models that match one of these; all, if it is `None`.
    pub models: Option<Vec<ModelPattern>>,
}

/// A credential was used for more than it is good for. `Display` is for the caller, who
/// has proven to hold the credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfScope {
    /// Another operation.
    #[error("this credential is not good for the operation {0}; it is narrowed to {1}")]
    Operation(Operation, String),
    /// Another model.
    #[error("this credential is not good for the model {0}; it is narrowed to {1}")]
    Model(String, String),
    /// Something that has to do with no model.
    #[error("this credential is narrowed to models, and the operation {0} names none")]
    NoModel(Operation),
    /// A blob, which may be of any model.
    #[error("this credential is narrowed to models, and a digest reaches the weights of any")]
    Digest,
}

impl Scope {
    /// Tells whether it takes nothing away.
    pub const fn is_everything(&self) -> bool {
        self.operations.is_none() && self.models.is_none()
    }

    /// Checks that a request lies within the scope.
    ///
    /// A scope of models leaves reading (lists are filtered) and, of the other operations
    /// that name no model, only those that it expressly lists.
    ///
    /// # Errors
    /// The part that lies outside.
    pub fn check(&self, request: &impl Subject) -> Result<(), OutOfScope> {
        let operation = request.operation();
        if let Some(operations) = &self.operations
            && !operations.contains(&operation)
        {
            return Err(OutOfScope::Operation(operation, list(operations)));
        }
        let Some(patterns) = &self.models else {
            return Ok(());
        };
        let listed = self.operations.is_some() || operation.access() == AccessClass::Read;
        if request.models().is_empty() && !listed {
            return Err(OutOfScope::NoModel(operation));
        }
        let outside = |name| !patterns.iter().any(|pattern| pattern.matches(name));
        match request.models().iter().find(|model| outside(&model.name)) {
            Some(model) => Err(OutOfScope::Model(model.name.to_string(), list(patterns))),
            None => Ok(()),
        }
    }

    /// Checks that a request may name these blobs for a new model to be made of.
    ///
    /// # Errors
    /// The scope is narrowed to models.
    pub fn check_digests(
        &self,
        operation: Operation,
        digests: &[String],
    ) -> Result<(), OutOfScope> {
        let makes = operation == Operation::Create && !digests.is_empty();
        if makes && self.models.is_some() { Err(OutOfScope::Digest) } else { Ok(()) }
    }
}

fn list<T: std::fmt::Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

#[cfg(test)]
mod tests {
    use stockade_core::{ModelName, ModelRef, ModelRole};

    use super::*;

    struct Asked(Operation, Vec<ModelRef>);

    impl Subject for Asked {
        fn operation(&self) -> Operation {
            self.0
        }

        fn models(&self) -> &[ModelRef] {
            &self.1
        }
    }

    fn asked(operation: Operation, models: &[&str]) -> Asked {
        let model =
            |name: &&str| ModelRef { name: ModelName::parse(name).unwrap(), role: ModelRole::Use };
        Asked(operation, models.iter().map(model).collect())
    }

    fn scope(operations: Option<&[Operation]>, models: Option<&[&str]>) -> Scope {
        Scope {
            operations: operations.map(Into::into),
            models: models.map(|all| all.iter().map(|text| text.parse().unwrap()).collect()),
        }
    }

    #[test]
    fn every_model_must_match() {
        let scope = scope(None, Some(&["llama3.2:*", "qwen3:8b"]));
        assert!(scope.check(&asked(Operation::Chat, &["llama3.2:3b"])).is_ok());
        assert!(scope.check(&asked(Operation::Copy, &["llama3.2:3b", "qwen3:8b"])).is_ok());
        let refusal = scope.check(&asked(Operation::Copy, &["llama3.2:3b", "x"])).unwrap_err();
        assert!(refusal.to_string().contains("x:latest"), "{refusal}");
    }

    #[test]
    fn a_scope_of_models_leaves_reading() {
        let models = scope(None, Some(&["llama3.2:*"]));
        assert!(models.check(&asked(Operation::List, &[])).is_ok());
        assert!(models.check(&asked(Operation::UploadBlob, &[])).is_err());
        let both = scope(Some(&[Operation::UploadBlob]), Some(&["llama3.2:*"]));
        assert!(both.check(&asked(Operation::UploadBlob, &[])).is_ok());
        assert!(both.check(&asked(Operation::List, &[])).is_err());
    }

    #[test]
    fn a_scope_of_models_reaches_no_blob() {
        let digests = ["sha256:00".to_owned()];
        let models = scope(Some(&[Operation::Create]), Some(&["*"]));
        assert_eq!(models.check_digests(Operation::Create, &digests), Err(OutOfScope::Digest));
        assert!(models.check_digests(Operation::Create, &[]).is_ok());
        assert!(models.check_digests(Operation::UploadBlob, &digests).is_ok());
        let others = scope(Some(&[Operation::Create]), None);
        assert!(others.check_digests(Operation::Create, &digests).is_ok());
    }

    #[test]
    fn other_operations_are_named() {
        let scope = scope(Some(&[Operation::Chat, Operation::Embed]), None);
        assert!(scope.check(&asked(Operation::Chat, &["any"])).is_ok());
        let refusal = scope.check(&asked(Operation::Pull, &["any"])).unwrap_err().to_string();
        assert!(refusal.contains("pull") && refusal.contains("chat, embed"), "{refusal}");
        assert!(Scope::default().check(&asked(Operation::SignOut, &[])).is_ok());
    }
}
