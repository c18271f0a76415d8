//! Policies that are compiled in a process of their own: this test program, started again.

use std::io::stdin;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use stockade_engine::{
    Artifacts, Compiler, CompilerProcess, Engine, EngineConfig, Failure, LoadError, serve_compiler,
};

use crate::guest::{Guest, one};
use crate::request::{Request, is_allowed};

/// The program of a compiler process of these tests. As a test it does nothing: it is not given
/// a socket.
#[test]
#[ignore = "it is a program for the other tests"]
fn be_the_compiler() {
    let socket = UnixStream::from(stdin().as_fd().try_clone_to_owned().unwrap());
    serve_compiler(&socket).unwrap();
}

fn process() -> CompilerProcess {
    let program = std::env::current_exe().unwrap();
    CompilerProcess::new(
        &program,
        &["--exact", "process::be_the_compiler", "--ignored", "--nocapture"],
    )
}

fn engine(process: CompilerProcess) -> Engine {
    let mut config = EngineConfig::compiling(Compiler::Process(process));
    config.configure_deadline = Duration::from_mins(1);
    Engine::new(config).unwrap()
}

fn refusal(engine: &Engine, guest: &Guest) -> LoadError {
    let limits = engine.config().default_limits();
    let prepared = engine.prepare(&guest.source(), &one(), limits);
    prepared.map(|policy| panic!("accepted: {policy:?}")).unwrap_err()
}

#[test]
fn what_it_makes_runs_here_and_serves_later_generations() {
    let engine = engine(process());
    engine.self_test().unwrap();
    let limits = engine.config().default_limits();
    let mut settings: Vec<String> = (0..400).map(|n| format!("{{\"n\":{n}}}")).collect();
    let source = Guest::new().source();
    let first = engine.prepare(&source, &settings, limits).unwrap();
    let Artifacts { built, reused: 0 } = first.artifacts() else {
        panic!("{:?}", first.artifacts());
    };
    assert!(built >= 3, "{built}");
    assert_eq!((first.contract(), first.metadata().name.as_str()), ("1.0.0", "wat"));

    // The next one is started for the one artifact that is new.
    engine.rest();
    settings[200] = "{\"n\":0.5}".to_owned();
    let second = engine.prepare(&source, &settings, limits).unwrap();
    assert_eq!(second.artifacts(), Artifacts { built: 1, reused: built - 1 });
    let outcomes = second.evaluate_blocking(&Request::ordinary().input(), &[0, 200, 399]).outcomes;
    assert!(outcomes.len() == 3 && outcomes.iter().all(is_allowed));
}

#[test]
fn what_a_policy_says_about_its_settings_comes_back() {
    let engine = engine(process());
    let panics = Guest::new().configuring("(unreachable)");
    let error = refusal(&engine, &panics);
    assert!(
        matches!(&error, LoadError::Configure { binding: Some(0), failure: Failure::Trap(_) }),
        "{error:?}"
    );
    // It is the same process that makes the next one.
    let limits = engine.config().default_limits();
    assert!(engine.prepare(&Guest::new().source(), &one(), limits).is_ok());
}

#[test]
fn one_that_takes_too_long_is_stopped_and_the_next_policy_is_made() {
    let engine = engine(CompilerProcess { step: Duration::from_secs(1), ..process() });
    let loops = Guest::new().configuring("(loop $again (br $again)) (unreachable)");
    assert_eq!(
        refusal(&engine, &loops).to_string(),
        "cannot be compiled: it took more than 1 seconds of processor time"
    );
    let limits = engine.config().default_limits();
    assert!(engine.prepare(&Guest::new().source(), &one(), limits).is_ok());
}

/// However little of the processor it gets: only a process that does nothing is given up.
#[test]
fn one_that_is_slow_is_waited_for() {
    let engine = engine(process());
    let spin = || {
        let end = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let seen = std::sync::Arc::clone(&end);
        let thread = std::thread::spawn(move || {
            while !seen.load(std::sync::atomic::Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        (end, thread)
    };
    let busy: Vec<_> = (0..8).map(|_| spin()).collect();
    let limits = engine.config().default_limits();
    let prepared = engine.prepare(&Guest::new().source(), &one(), limits);
    for (end, thread) in busy {
        end.store(true, std::sync::atomic::Ordering::Relaxed);
        thread.join().unwrap();
    }
    prepared.unwrap();
}

#[test]
fn one_that_takes_too_much_memory_is_stopped() {
    let engine = engine(CompilerProcess { memory_bytes: 64 << 20, ..process() });
    let limits = engine.config().default_limits();
    let source = Guest::new().source();
    let prepare = |settings| engine.prepare(&source, &[settings], limits).map(drop);
    // It would have them twice, as it gets them and as it reads them.
    let error = prepare(format!("\"{}\"", "x".repeat(30 << 20))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot be compiled: it took more than the 64 MiB of memory that there are for it"
    );
    prepare("{}".to_owned()).unwrap();
}

#[test]
fn a_program_that_is_no_compiler_is_named_as_the_reason() {
    let refused = |process| refusal(&engine(process), &Guest::new()).to_string();
    let with = |program: &str, step| {
        let process = CompilerProcess::new(Path::new(program), &[]);
        refused(CompilerProcess { step, ..process })
    };
    let long = Duration::from_secs(20);
    let missing = with("/there/is/no/such/program", long);
    assert!(
        missing.starts_with(
            "the process that compiles policies, /there/is/no/such/program, cannot be started: "
        ),
        "{missing}"
    );
    let ends = with("true", long);
    assert_eq!(ends, "the process that compiles policies ended: exit status: 0");
    // It reads everything and answers nothing.
    let silent = with("cat", Duration::from_millis(10));
    assert_eq!(silent, "the process that compiles policies did nothing for 0.03 seconds");
    // It stays, and what it says is no message.
    let babbles = ["-c", "echo 'Good morning to you all' >&0; exec cat > /dev/null"];
    let babble = refused(CompilerProcess::new(Path::new("/bin/sh"), &babbles));
    assert!(
        babble.starts_with("the process that compiles policies ended: it cannot be understood: "),
        "{babble}"
    );
}
