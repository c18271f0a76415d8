use stockade_policy_sdk::prelude::*;

struct Quiet<T>(T);

#[policy]
impl<T: Default> Policy for Quiet<T> {
    type Settings = NoSettings;

    fn new(_: NoSettings) -> Result<Self, Problem> {
        Ok(Self(T::default()))
    }

    fn evaluate(&self, _: &Request) -> Verdict {
        Verdict::abstain()
    }
}

#[settings]
struct NoSettings {}

fn main() {}
