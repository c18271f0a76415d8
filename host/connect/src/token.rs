//! Tokens of a gateway, as far as whoever carries one can read them: `user:expiry:signature`.

use std::time::Duration;

use stockade_core::{Secret, UnixTime};

/// A token, and until when it is good.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) text: Secret<String>,
    pub(crate) expiry: UnixTime,
}

impl Token {
    /// Reads a token; `None` for a text of another form.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (payload, signature) = text.rsplit_once(':')?;
        let (user, expiry) = payload.rsplit_once(':')?;
        let hex = signature.len() == 64 && signature.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = expiry.bytes().all(|byte| byte.is_ascii_digit());
        let expiry = expiry.parse().ok().filter(|_| hex && digits && !user.is_empty())?;
        Some(Self { text: Secret::new(text.to_owned()), expiry: UnixTime::from_secs(expiry) })
    }

    /// Tells whether it has ended: it is good up to and including its last second.
    pub(crate) fn has_ended(&self, now: UnixTime) -> bool {
        self.expiry < now
    }

    /// The time for which it is good from now on.
    pub(crate) fn left(&self, now: UnixTime) -> Duration {
        self.expiry.as_duration().saturating_sub(now.as_duration())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_its_end() {
        let signature = "0a".repeat(32);
        let token = Token::read(&format!("svc:batch:100:{signature}")).unwrap();
        assert!(!token.has_ended(UnixTime::from_secs(100)));
        assert!(token.has_ended(UnixTime::from_secs(101)));
        assert_eq!(token.left(UnixTime::from_secs(40)), Duration::from_mins(1));
        assert_eq!(token.left(UnixTime::from_secs(400)), Duration::ZERO);
        for other in [
            "sk-local-abc".to_owned(),
            format!("alice:soon:{signature}"),
            format!("alice::{signature}"),
            format!(":100:{signature}"),
            format!("100:{signature}"),
            "alice:100:abc".to_owned(),
            format!("alice:+100:{signature}"),
        ] {
            assert!(Token::read(&other).is_none(), "{other}");
        }
    }
}
