use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stockade_core::SystemClock;
use stockade_engine::{Engine, EngineConfig};

use super::{Timing, Watch};
use crate::reload::{Reloader, Status, Stillness};

/// A configuration with one group, so that there is something to tell it by.
fn config(group: &str) -> String {
    format!("groups: [{group}]\n# The end.\n")
}

/// Watches a configuration with times that are short where something is waited for.
struct Watching {
    directory: tempfile::TempDir,
    reloader: Arc<Reloader>,
    _watch: Watch,
}

impl Watching {
    fn start(timing: Timing) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stockade.yaml");
        std::fs::write(&path, config("first")).unwrap();
        let engine = Arc::new(Engine::new(EngineConfig::default()).unwrap());
        let reloader = Arc::new(Reloader::start(&path, engine, Arc::new(SystemClock)).unwrap());
        let watch = Watch::start_with(Arc::clone(&reloader), timing).unwrap();
        Self { directory, reloader, _watch: watch }
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("stockade.yaml")
    }

    /// Waits until the number of the generation is this one.
    fn generation(&self, number: u64) {
        assert_eq!(self.until(|status| status.generation >= number).generation, number);
    }

    /// Waits for a state of the configuration.
    fn until(&self, wanted: impl FnMut(&Status) -> bool) -> Status {
        let mut status = self.reloader.current().status();
        let reached = async { status.wait_for(wanted).await.unwrap().clone() };
        let within = async { tokio::time::timeout(Duration::from_mins(1), reached).await };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(within).expect("a change")
    }
}

fn short() -> Timing {
    let moment = Duration::from_millis(50);
    Timing {
        look: moment,
        stillness: Stillness { open: Duration::from_hours(1), prefix: moment, unannounced: moment },
        ..Timing::default()
    }
}

/// A file system that tells of nothing.
#[test]
fn a_change_without_an_event_is_found_by_looking() {
    let watching = Watching::start(Timing { events: false, ..short() });
    std::fs::write(watching.path(), config("second")).unwrap();
    watching.generation(2);
    std::fs::write(watching.path(), config("third")).unwrap();
    watching.generation(3);
}

#[test]
fn the_beginning_of_a_text_is_taken_when_it_stays_so() {
    let watching = Watching::start(Timing { look: Duration::from_hours(1), ..short() });
    std::fs::write(watching.path(), "groups: [first]\n").unwrap();
    watching.generation(2);
}

/// It is closed within the test, so that no time has to pass.
#[test]
fn a_file_is_taken_when_its_writer_closes_it() {
    use std::io::Write as _;

    let watching = Watching::start(Timing { look: Duration::from_hours(1), ..short() });
    let mut file = std::fs::File::create(watching.path()).unwrap();
    file.write_all(b"groups: [fir").unwrap();
    file.write_all(b"st, second]\n").unwrap();
    drop(file);
    watching.generation(2);
    let groups = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert!(groups(&watching.path()).contains("second"));
}

/// A writer who pauses leaves a text that means something else.
#[test]
fn the_half_of_a_file_is_not_taken() {
    use crate::reload::{Occasion, Reload};

    let watching =
        Watching::start(Timing { events: false, look: Duration::from_hours(1), ..short() });
    let stillness = Stillness { prefix: Duration::from_hours(1), ..Stillness::default() };
    let attempt = |text: &str, open: bool| {
        std::fs::write(watching.path(), text).unwrap();
        watching.reloader.attempt(Occasion::Event, &stillness, &|_| open, None)
    };
    assert!(matches!(attempt("groups: [first]\n", true), Reload::Unsettled(_)));
    assert!(matches!(attempt("groups: [first]\n", false), Reload::Unsettled(_)));
    assert!(matches!(attempt("groups: [other, and, more]\n", true), Reload::Unsettled(_)));
    assert!(matches!(attempt("", false), Reload::Unsettled(_)));
    assert!(matches!(attempt("groups: [first]\n# The end.\n", false), Reload::Unchanged));
    assert!(matches!(attempt("groups: [second]\n", false), Reload::Swapped(2)));
}

/// A regular file that cannot be read for a reason that may pass: nothing is mapped at the
/// beginning of a process.
#[test]
fn what_failed_for_want_of_something_is_tried_again() {
    let watching = Watching::start(Timing { retry: Duration::from_millis(1), ..short() });
    std::os::unix::fs::symlink("/proc/self/mem", watching.directory.path().join("m.wasm")).unwrap();
    let text = config("second") + "policies: { m: { module: m.wasm } }\n";
    std::fs::write(watching.path(), text).unwrap();
    let status = watching.until(|status| status.attempts >= 4);
    let errors = status.rejected.expect("nothing that can be taken");
    assert!(errors.is_passing(), "{errors:?}");
    std::fs::write(watching.path(), config("third")).unwrap();
    watching.generation(2);
}
