//! The place of an audit log.

use std::path::PathBuf;

use anyhow::bail;
use jiff::tz::TimeZone;

use crate::Output;
use stockade_config as config;

/// The log of a configuration, or that of a directory.
#[derive(clap::Args)]
pub(super) struct Place {
    /// The configuration that names the log.
    #[arg(long, short, default_value = "stockade.yaml", conflicts_with = "directory")]
    config: PathBuf,
    /// The directory of the log, where no configuration is at hand.
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

/// A log, and the zone in which times are shown.
pub(super) struct Log {
    pub(super) directory: PathBuf,
    pub(super) zone: TimeZone,
}

impl Place {
    /// Returns the log. `None` where the configuration does not load, which is told.
    ///
    /// # Errors
    /// Where there is no log.
    pub(super) fn find(&self, output: &Output) -> anyhow::Result<Option<Log>> {
        let log = match &self.directory {
            Some(directory) => Log { directory: directory.clone(), zone: TimeZone::UTC },
            None => match config::load(&self.config, stockade_control::shipped::NAMES) {
                Ok(loaded) => {
                    let Some(audit) = loaded.config.audit else {
                        bail!(
                            "{} keeps no audit log: write `state_directory: …`, or \
                             `audit: {{ directory: … }}`",
                            self.config.display()
                        );
                    };
                    Log { directory: audit.log.directory, zone: loaded.config.time_zone }
                }
                Err(errors) => {
                    output.config_errors(&errors)?;
                    return Ok(None);
                }
            },
        };
        if !log.directory.is_dir() {
            bail!("there is no audit log in {}: has a gateway run?", log.directory.display());
        }
        Ok(Some(log))
    }
}
