//! The ways in which callers may say who they are.

use std::time::Duration;

use stockade_authn::{OnBehalf, PasswordRules};
use stockade_core::UserId;
use stockade_yaml::{Diagnostics, Field, Problem, Spanned, quoted};

use super::headers::header;
use super::quantities::Quantity;
use super::throttle::throttle;
use super::users::Accounts;
use crate::raw::{RawAuthentication, RawOnBehalf};
use crate::types::Authentication;

pub(super) fn authentication(
    slot: Field<RawAuthentication>,
    accounts: &Accounts,
    diagnostics: &mut Diagnostics,
) -> Authentication {
    let raw = slot.value().unwrap_or_default();
    let anonymous = anonymous(raw.anonymous, accounts, diagnostics);
    let remember = Quantity::duration(Duration::from_secs(1)..=Duration::from_hours(1));
    Authentication {
        key_in_path: raw.key_in_path.value().unwrap_or(false),
        on_behalf: on_behalf(raw.on_behalf, accounts, anonymous.as_ref(), diagnostics),
        anonymous,
        password_rules: PasswordRules {
            remember: remember
                .read(raw.remember_passwords, diagnostics)
                .unwrap_or(PasswordRules::default().remember),
        },
        throttle: throttle(raw.throttle, diagnostics),
        terminate_streams: raw.terminate_streams.value().unwrap_or(false),
    }
}

fn anonymous(
    slot: Field<String>,
    accounts: &Accounts,
    diagnostics: &mut Diagnostics,
) -> Option<UserId> {
    let name = slot.optional()?;
    accounts.user_names.check(&name, diagnostics);
    let user = name.check(diagnostics, |name| UserId::new(name))?;
    if accounts.disabled.contains(&user) {
        let message = format!("the anonymous user {user:?} is disabled");
        let help = "leave `anonymous` out to refuse callers without a credential";
        diagnostics.add(Problem::new(name.at, message).help(help));
    }
    Some(user)
}

fn on_behalf(
    slot: Field<RawOnBehalf>,
    accounts: &Accounts,
    anonymous: Option<&UserId>,
    diagnostics: &mut Diagnostics,
) -> Option<OnBehalf> {
    let Spanned { at, value: raw } = slot.optional()?;
    let name = raw.header.required("header", at, diagnostics);
    let name = name.and_then(|text| header(&text, diagnostics));
    let by = raw.by.required("by", at, diagnostics)?;
    if by.value.is_empty() {
        let problem = Problem::new(by.at, "nobody may speak for others");
        diagnostics
            .add(problem.help("name the users that are front ends, or leave `on_behalf` out"));
    }
    let mut front_ends = Vec::new();
    for name in by.value.into_iter().filter_map(Field::optional) {
        accounts.user_names.check(&name, diagnostics);
        let user = name.check(diagnostics, |name| UserId::new(name));
        if user.is_some() && user.as_ref() == anonymous {
            let message = format!("{} is whoever has no credential", quoted(&name.value));
            let help = "a front end proves itself; give it a user and a key of its own";
            diagnostics.add(Problem::new(name.at, message).help(help));
        }
        front_ends.extend(user);
    }
    Some(OnBehalf { header: name?, by: front_ends })
}
