//! The ways in which callers may say who they are.

use std::time::Duration;

use stockade_authn::{OnBehalf, PasswordRules};
use stockade_core::UserId;
use stockade_yaml::{Located, Problem, Report, Slot, quoted};

use super::headers::header;
use super::quantities::Quantity;
use super::throttle::throttle;
use super::users::Accounts;
use crate::raw::{RawAuthentication, RawOnBehalf};
use crate::types::Authentication;

pub(super) fn authentication(
    slot: Slot<RawAuthentication>,
    accounts: &Accounts,
    report: &mut Report,
) -> Authentication {
    let raw = slot.value().unwrap_or_default();
    let anonymous = anonymous(raw.anonymous, accounts, report);
    let remember = Quantity::duration(Duration::from_secs(1)..=Duration::from_hours(1));
    Authentication {
        key_in_path: raw.key_in_path.value().unwrap_or(false),
        on_behalf: on_behalf(raw.on_behalf, accounts, anonymous.as_ref(), report),
        anonymous,
        password_rules: PasswordRules {
            remember: remember
                .read(raw.remember_passwords, report)
                .unwrap_or(PasswordRules::default().remember),
        },
        throttle: throttle(raw.throttle, report),
        terminate_streams: raw.terminate_streams.value().unwrap_or(false),
    }
}

fn anonymous(slot: Slot<String>, accounts: &Accounts, report: &mut Report) -> Option<UserId> {
    let name = slot.optional()?;
    accounts.user_names.check(&name, report);
    let user = name.check(report, |name| UserId::new(name))?;
    if accounts.disabled.contains(&user) {
        let message = format!("the anonymous user {user:?} is disabled");
        let help = "leave `anonymous` out to refuse callers without a credential";
        report.add(Problem::new(name.at, message).help(help));
    }
    Some(user)
}

fn on_behalf(
    slot: Slot<RawOnBehalf>,
    accounts: &Accounts,
    anonymous: Option<&UserId>,
    report: &mut Report,
) -> Option<OnBehalf> {
    let Located { at, value: raw } = slot.optional()?;
    let name = raw.header.required("header", at, report);
    let name = name.and_then(|text| header(&text, report));
    let by = raw.by.required("by", at, report)?;
    if by.value.is_empty() {
        let problem = Problem::new(by.at, "nobody may speak for others");
        report.add(problem.help("name the users that are front ends, or leave `on_behalf` out"));
    }
    let mut front_ends = Vec::new();
    for name in by.value.into_iter().filter_map(Slot::optional) {
        accounts.user_names.check(&name, report);
        let user = name.check(report, |name| UserId::new(name));
        if user.is_some() && user.as_ref() == anonymous {
            let message = format!("{} is whoever has no credential", quoted(&name.value));
            let help = "a front end proves itself; give it a user and a key of its own";
            report.add(Problem::new(name.at, message).help(help));
        }
        front_ends.extend(user);
    }
    Some(OnBehalf { header: name?, by: front_ends })
}
