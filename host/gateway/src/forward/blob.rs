//! Uploads of blobs: what Ollama has already is not sent again, and who has sent what is remembered.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use stockade_authn::Identity;
use stockade_config as config;
use stockade_core::UserId;
use tokio::time::timeout;

use crate::body::BlobReader;
use crate::decide::blobs::SentBlobs;
use crate::decide::catalogue::UpstreamCatalogue;
use crate::forward::upstream::{Outgoing, Upstream, UpstreamError};

/// The longest time in which Ollama tells whether it has a blob.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way to Ollama, and what is to be told of what happens there.
pub(crate) struct Host {
    pub(crate) connections: Arc<Upstream>,
    pub(crate) catalogue: Arc<UpstreamCatalogue>,
    pub(crate) blobs: Arc<SentBlobs>,
}

/// The state of an upload.
pub(super) enum Upload {
    /// It is another request.
    None,
    /// It has to be sent.
    Begun(SentBlob),
    /// Ollama has the blob, and the caller has it, too. This is the answer.
    Done(StatusCode),
}

/// A blob that a caller sends.
pub(super) struct SentBlob {
    reader: BlobReader,
    user: UserId,
}

impl Host {
    /// Begins to send a blob, where a request does. One that Ollama has is read to its end here: it
    /// would answer without a look at it, and break off the connection over the rest.
    pub(super) async fn upload(
        &self,
        upstream: &config::Upstream,
        outgoing: &Outgoing,
        caller: Option<&Identity>,
    ) -> Result<Upload, UpstreamError> {
        let (Some(reader), Some(caller)) = (outgoing.body.blob(), caller) else {
            return Ok(Upload::None);
        };
        let sent = SentBlob { reader, user: caller.principal.user.clone() };
        let has = timeout(PATIENCE, self.has(upstream, outgoing.path.clone()));
        // Where it does not tell, the upload will.
        if matches!(has.await, Ok(Ok(StatusCode::OK))) {
            return Ok(Upload::Done(sent.received(&self.blobs).await?));
        }
        Ok(Upload::Begun(sent))
    }

    async fn has(
        &self,
        upstream: &config::Upstream,
        path: String,
    ) -> Result<StatusCode, UpstreamError> {
        let question = Outgoing::own(upstream, Method::HEAD, path)?;
        Ok(self.connections.send(upstream, question).await?.status())
    }
}

impl SentBlob {
    /// Remembers who has sent a blob that Ollama has, and returns the status for the sender: as if
    /// nobody else had ever sent it.
    pub(super) async fn received(
        self,
        blobs: &Arc<SentBlobs>,
    ) -> Result<StatusCode, UpstreamError> {
        let digest = self.reader.prove().await.map_err(UpstreamError::CallerBody)?;
        let news = blobs.remember(&self.user, &digest).await;
        Ok(if news { StatusCode::CREATED } else { StatusCode::OK })
    }
}
