//! The end of one segment and the beginning of the next.

use stockade_core::UnixTime;

use super::{Begin, Kind, Trouble, Writer};
use crate::key::SigningKey;
use crate::key_file::sync_directory;
use crate::retention;
use crate::segment::{After, SegmentHead};
use crate::segment_file::SegmentFile;

impl Writer {
    /// Ends the segment where it is large or old enough, and begins the next.
    pub(super) fn rotate_if_due(&mut self) -> Result<(), Trouble> {
        let Some((file, _, since)) = &self.segment else { return Ok(()) };
        let age = self.shared.clock.now().as_duration().saturating_sub(since.as_duration());
        let rules = self.settings.rotation;
        if file.length() < rules.size && age < rules.age {
            return Ok(());
        }
        // What became of this one is to be known before it ends.
        self.look(true)?;
        let Some((file, _, _)) = &self.segment else { return Ok(()) };
        let segment = file.number + 1;
        let key = SigningKey::generate().ok_or(Trouble::Failing("no key".to_owned()))?;
        self.keys.prepare(&key).map_err(Trouble::of)?;
        self.checkpoint(Some(&key))?;
        self.sync()?;
        // From here on the segment has ended, whatever becomes of the next.
        self.segment = None;
        self.begin = Some(Begin { segment, after: None, key });
        self.begin_segment()?;
        self.retain();
        Ok(())
    }

    /// Gives up a segment that somebody else has written to. The next one goes on with its chain
    /// and its key.
    pub(super) fn abandon(&mut self, next: u64) {
        if let Some((_, key, _)) = self.segment.take() {
            self.begin = Some(Begin { segment: next, after: Some(After::Damage), key });
        }
    }

    /// Makes the next segment, if there is to be one.
    pub(super) fn begin_segment(&mut self) -> Result<(), Trouble> {
        let Some(Begin { segment, after, key }) = &self.begin else { return Ok(()) };
        let directory = &self.settings.directory;
        let time = self.shared.clock.now();
        let mut file = SegmentFile::open(directory, *segment, 0).map_err(Trouble::of)?;
        let head = SegmentHead::new(*segment, &key.verifier(&self.origin), *after);
        let members = serde_json::to_vec(&head).map_err(|error| Trouble::of(error.into()))?;
        let (mut chain, mut line) = (self.chain, Vec::new());
        chain.append(&mut line, time, Kind::Segment, &members);
        file.write(&line).and_then(|()| file.file().sync_all()).map_err(Trouble::of)?;
        sync_directory(directory).map_err(Trouble::of)?;
        if !matches!(after, Some(After::Damage)) {
            self.keys.promote().map_err(Trouble::of)?;
        }
        self.chain = chain;
        self.unsigned = self.unsigned.min(chain.next - 1);
        self.segment = self.begin.take().map(|begin| (file, begin.key, time));
        Ok(())
    }

    /// Looks for segments that are too old or too many, and tells of them by lines.
    pub(super) fn retain(&mut self) {
        let now: UnixTime = self.shared.clock.now();
        let open = self.segment.as_ref().map(|(file, _, _)| file.number);
        let rules = self.settings.retention;
        match retention::expired(&self.settings.directory, open, (rules, now)) {
            Ok(expired) => {
                for segment in &expired {
                    self.remark(Kind::Retention, &segment.members());
                }
                self.expired = expired;
            }
            Err(error) => tracing::warn!(%error, "segments of the audit log cannot be looked at"),
        }
    }

    /// Removes the segments of which lines tell that they are removed. What cannot be removed stays.
    pub(super) fn remove_expired(&mut self) {
        for segment in self.expired.drain(..) {
            if let Err(error) = segment.remove(&self.settings.directory) {
                let path = segment.path.display();
                tracing::warn!(%path, %error, "a segment of the audit log cannot be removed");
            }
        }
    }
}
