//! Credentials that contradict each other.

/// Two places with different credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clash {
    /// The two headers.
    Headers,
    /// `Authorization`, and the path.
    AuthorizationAndPath,
    /// `x-api-key`, and the path.
    ApiKeyAndPath,
    /// One header that was sent twice.
    Repeated,
    /// A token in a header that an issuer's proxy sets, and another one, or the path.
    Asserted,
    /// The connection's certificate, and any of the others.
    Certificate,
}

impl Clash {
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Headers => {
                "`Authorization` and `x-api-key` carry two different credentials; send one \
                 (Anthropic's clients take them from ANTHROPIC_AUTH_TOKEN and ANTHROPIC_API_KEY)"
            }
            Self::AuthorizationAndPath => {
                "`Authorization` and the key in the path, or the token that a proxy in front has \
                 added, are two different credentials; send one"
            }
            Self::ApiKeyAndPath => {
                "`x-api-key` and the key in the path, or the token that a proxy in front has added, \
                 are two different credentials; send one"
            }
            Self::Repeated => {
                "a header carries two different credentials, because it is sent twice; send one"
            }
            Self::Asserted => {
                "the token that a proxy in front has added and another one, or the key in the \
                 path, are two different credentials; send one"
            }
            Self::Certificate => {
                "the client certificate and what is sent besides are two different credentials, \
                 of two users; send one"
            }
        }
    }
}
