//! The content of `Authorization`: a key or a token from a file, which is read again whenever the
//! file has changed.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use stockade_core::{Clock, Secret, UnixTime};
use tokio::sync::{Notify, watch};

use crate::BearerSource;
use crate::private_file::{FileError, LARGEST_BEARER, Stamp, read_private, stamp};
use crate::token::Token;

/// The longest credential that the gateway reads, in bytes.
const LONGEST: usize = 32 << 10;

/// The reason why there is no credential now. It quotes nothing of a file.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file cannot be used.
    #[error("{0}")]
    File(#[from] FileError),
    /// The content of the file is no credential.
    #[error("{}: {reason}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: &'static str,
    },
    /// The token has ended, and nothing can be had for it any more.
    #[error(
        "{}: this token ended at {}; put a new one into the file, which is then used at once",
        .path.display(),
        written(*.at)
    )]
    Ended {
        /// The file.
        path: PathBuf,
        /// Its last second.
        at: UnixTime,
    },
}

/// A time as people write it, in UTC.
pub(crate) fn written(at: UnixTime) -> String {
    // Beyond the year 9999 there is no such form.
    let at = at.as_duration().min(Duration::from_secs(253_402_300_799));
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + at).to_string()
}

/// The credential of one file.
pub(crate) struct Credential {
    source: BearerSource,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Rings when a token is to be renewed earlier than was planned.
    pub(crate) renew: Notify,
    /// Until when the token is good.
    expiry: watch::Sender<Option<UnixTime>>,
}

/// The text that was read, and its state.
#[derive(Default)]
struct State {
    /// The file as it was when it was read.
    file: Stamp,
    bearer: Option<Bearer>,
}

#[derive(Clone)]
struct Bearer {
    header: HeaderValue,
    token: Option<TokenState>,
}

#[derive(Clone)]
struct TokenState {
    token: Token,
    /// The time when it is to be renewed.
    due: UnixTime,
}

/// A token that is to be renewed, and the file that it is from.
pub(crate) struct Renewable {
    pub(crate) header: HeaderValue,
    pub(crate) expiry: UnixTime,
    file: Stamp,
}

/// The state of a renewed token.
pub(crate) enum Kept {
    /// It is in the file.
    Written,
    /// It is used, and the file still holds the one before.
    InMemory(io::Error),
    /// Somebody has put another one into the file, which is used.
    Overtaken,
}

impl Credential {
    pub(crate) fn new(source: BearerSource, clock: Arc<dyn Clock>) -> Self {
        let (expiry, _) = watch::channel(None);
        let (state, renew) = (Mutex::default(), Notify::new());
        Self { source, clock, state, renew, expiry }
    }

    /// The value of `Authorization` now. It looks at the file, so it may block.
    ///
    /// # Errors
    /// There is none that could be sent.
    pub(crate) fn current(&self) -> Result<HeaderValue, CredentialError> {
        let mut state = self.state();
        let bearer = self.loaded(&mut state)?;
        if let Some(TokenState { token, due }) = &bearer.token {
            let now = self.clock.now();
            if token.has_ended(now) {
                let path = self.path().to_owned();
                return Err(CredentialError::Ended { path, at: token.expiry });
            }
            if *due <= now {
                self.renew.notify_one();
            }
        }
        Ok(bearer.header)
    }

    /// Tells until when the token is good, whenever that changes.
    pub(crate) fn expiry(&self) -> watch::Receiver<Option<UnixTime>> {
        self.expiry.subscribe()
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        match &self.source {
            BearerSource::Key(path) | BearerSource::Token(path) => path,
        }
    }

    /// Names it for a message.
    pub(crate) fn description(&self) -> String {
        match &self.source {
            BearerSource::Key(path) => format!("the key in {}", path.display()),
            BearerSource::Token(path) => format!("the token in {}", path.display()),
        }
    }

    /// The time for which the token need not be renewed, and its end; `None` where there is none
    /// that could be. It looks at the file, so it may block.
    pub(crate) fn due(&self) -> Option<(Duration, UnixTime)> {
        let now = self.clock.now();
        let bearer = self.loaded(&mut self.state()).ok()?;
        let TokenState { token, due } = bearer.token?;
        let pause = due.as_duration().saturating_sub(now.as_duration());
        (!token.has_ended(now)).then_some((pause, token.expiry))
    }

    /// Tells whether a text quotes the secret.
    pub(crate) fn is_quoted(&self, text: &str) -> bool {
        let state = self.state();
        let sent = state.bearer.as_ref().and_then(|bearer| bearer.header.to_str().ok());
        let secret = sent.and_then(|sent| sent.strip_prefix("Bearer "));
        secret.is_some_and(|secret| text.contains(secret))
    }

    /// Has the token renewed: the gateway does not accept it any more.
    pub(crate) fn refused(&self) {
        let now = self.clock.now();
        let mut state = self.state();
        if let Some(token) = state.bearer.as_mut().and_then(|bearer| bearer.token.as_mut()) {
            token.due = now;
            self.renew.notify_one();
        }
    }

    /// The token to renew.
    pub(crate) fn renewable(&self) -> Option<Renewable> {
        let state = self.state();
        let bearer = state.bearer.as_ref()?;
        let TokenState { token, .. } = bearer.token.as_ref()?;
        Some(Renewable { header: bearer.header.clone(), expiry: token.expiry, file: state.file })
    }

    /// Uses a newer token from now on, and writes it to the file. It blocks.
    pub(crate) fn renewed(&self, from: &Renewable, token: Token) -> Kept {
        let mut state = self.state();
        if state.file != from.file || stamp(self.path()) != from.file {
            return Kept::Overtaken;
        }
        let written = write(self.path(), &token.text);
        let half = token.left(self.clock.now()) / 2;
        let due = UnixTime::from_duration(self.clock.now().as_duration().saturating_add(half));
        let expiry = token.expiry;
        let Ok(header) = header(token.text.expose()) else {
            return Kept::Overtaken;
        };
        state.bearer = Some(Bearer { header, token: Some(TokenState { token, due }) });
        if written.is_ok() {
            state.file = stamp(self.path());
        }
        drop(state);
        self.expiry.send_replace(Some(expiry));
        match written {
            Ok(()) => Kept::Written,
            Err(error) => Kept::InMemory(error),
        }
    }

    /// Nothing that holds the lock can leave it half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn loaded(&self, state: &mut State) -> Result<Bearer, CredentialError> {
        let now = stamp(self.path());
        if let Some(bearer) = state.bearer.as_ref().filter(|_| now.is_some() && now == state.file) {
            return Ok(bearer.clone());
        }
        state.bearer = None;
        let (file, bearer) = self.read()?;
        if state.file.is_some() {
            tracing::info!("{} has changed and is used from now on", self.description());
        }
        let expiry = bearer.token.as_ref().map(|state| state.token.expiry);
        *state = State { file, bearer: Some(bearer.clone()) };
        self.expiry.send_replace(expiry);
        // The renewal may have waited for just this.
        self.renew.notify_one();
        Ok(bearer)
    }

    fn read(&self) -> Result<(Stamp, Bearer), CredentialError> {
        let (file, content) = read_private(self.path(), LARGEST_BEARER)?;
        let wrong = |reason| CredentialError::Content { path: self.path().to_owned(), reason };
        let text = str::from_utf8(content.expose()).map_err(|_| wrong(NOT_ONE_WORD))?.trim();
        let header = header(text).map_err(wrong)?;
        let token = match self.source {
            BearerSource::Key(_) => None,
            BearerSource::Token(_) => {
                let token = Token::read(text).ok_or_else(|| wrong(NO_TOKEN))?;
                // How old it is cannot be seen, so a newer one is asked for at once.
                Some(TokenState { token, due: self.clock.now() })
            }
        };
        Ok((file, Bearer { header, token }))
    }
}

const NOT_ONE_WORD: &str = "it must hold the credential on one line, and nothing else";
const NO_TOKEN: &str = "it holds no token of a gateway (user:expiry:signature), and nothing else can be renewed; \
                        name a file with a key by --key-file";

/// A header that no `Debug` shows.
fn header(text: &str) -> Result<HeaderValue, &'static str> {
    match text {
        "" => return Err("it is empty"),
        text if text.starts_with("-----BEGIN") => {
            return Err("it holds PEM; name a client certificate by --cert and its key by --key");
        }
        text if !text.bytes().all(|byte| byte.is_ascii_graphic()) => return Err(NOT_ONE_WORD),
        text if text.len() > LONGEST => return Err("it holds more than 32768 bytes"),
        _ => {}
    }
    let mut header = HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| NOT_ONE_WORD)?;
    header.set_sensitive(true);
    Ok(header)
}

/// Puts a new file in the place of the old one, whole or not at all.
fn write(path: &Path, text: &Secret<String>) -> io::Result<()> {
    let path = path.canonicalize()?;
    let directory = path.parent().ok_or(io::ErrorKind::NotFound)?;
    // Only its owner can read it.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    writeln!(file, "{}", text.expose())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests;
