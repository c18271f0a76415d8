//! How callers may say who they are.

use std::time::Duration;

use stockade_authn::PasswordRules;
use stockade_core::UserId;

use super::quantities::Quantity;
use super::throttle::throttle;
use super::users::Accounts;
use crate::config::raw::RawAuthentication;
use crate::config::report::{Problem, Report};
use crate::config::slot::Slot;
use crate::config::types::Authentication;

pub(super) fn authentication(
    slot: Slot<RawAuthentication>,
    accounts: &Accounts,
    report: &mut Report,
) -> Authentication {
    let raw = slot.value().unwrap_or_default();
    let remember = Quantity::duration(Duration::from_secs(1)..=Duration::from_hours(1));
    Authentication {
        key_in_path: raw.key_in_path.value().unwrap_or(false),
        anonymous: anonymous(raw.anonymous, accounts, report),
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
