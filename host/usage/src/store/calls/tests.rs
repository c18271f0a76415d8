//! The script does what the model does by which the calls are tested.

#[expect(dead_code, reason = "other tests stop it, and look into it")]
#[path = "../../../tests/store/server.rs"]
mod server;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use stockade_core::{QuotaName, random};

use super::*;
use crate::grants::model::{Caller, Model};
use crate::quota::{Period, Resource, Subject};
use crate::window::Window;
use server::{Asked as _, Server};

/// A time that does not pass while the test runs.
const LONG: u64 = 3_600_000;
const LIMIT: u64 = 10_000;

#[derive(Clone, Debug)]
struct Call {
    me: u64,
    before: Option<u64>,
    number: u64,
    is_heard_of: bool,
    settles: bool,
    used: u64,
    held: u64,
    kept: u64,
    wanted: u64,
    unit: Option<u64>,
}

fn call() -> impl Strategy<Value = Call> {
    let amounts = (0..3_000_u64, 0..2_000_u64, 0..2_000_u64, 0..4_000_u64);
    let unit = prop::option::of(0..400_u64);
    let flags = (prop::bool::weighted(0.8), prop::bool::weighted(0.1));
    let who = (1..5_u64, prop::option::weighted(0.2, 1..5_u64), 1..40_u64);
    (who, flags, amounts, unit).prop_map(|(who, flags, (used, held, kept, wanted), unit)| {
        let ((me, before, number), (is_heard_of, settles)) = (who, flags);
        let before = before.filter(|before| *before != me);
        Call { me, before, number, is_heard_of, settles, used, held, kept, wanted, unit }
    })
}

impl Call {
    fn claim(&self) -> Claim {
        let window = Window::new(UnixTime::from_secs(0), UnixTime::from_secs(3_600));
        let floor = self.used + self.held;
        let limit = ClaimedLimit {
            kind: LimitKind::Budget(Resource::Tokens, Period::Hour),
            window,
            limit: LIMIT,
            used: self.used,
            floor,
            keep: floor + self.kept,
            want: floor + self.wanted,
            unit: self.unit,
        };
        Claim { call: self.number, at: window.start(), limits: vec![limit] }
    }

    fn timeout(&self) -> u64 {
        if self.is_heard_of { LONG } else { 0 }
    }

    fn settle(&self) -> u64 {
        if self.settles { LONG } else { 0 }
    }

    async fn of_script(&self, server: &Server, quota: &QuotaName, open: &Connection) -> Reply {
        let id = |number: &u64| format!("{number:016x}").parse().unwrap();
        let settings = StoreSettings {
            settle: Duration::from_millis(self.settle()),
            replica: id(&self.me),
            replicas_before: self.before.iter().map(id).collect(),
            timeout: Duration::from_secs(20),
            ..server.settings()
        };
        let timeout = Duration::from_millis(self.timeout());
        let timeouts = Timeouts { budgets: timeout, running: timeout };
        let calls = Calls::new(&settings, timeouts);
        let account = AccountKey::new("stk", quota, &Subject::Together);
        calls.claim(open.clone(), &account, &self.claim(), 3).await.unwrap().reply
    }

    fn of_model(&self, model: &mut Model) -> Reply {
        let before: Vec<_> = self.before.into_iter().collect();
        let caller = Caller {
            me: self.me,
            before: &before,
            replicas: 3,
            timeout: self.timeout(),
            settle: self.settle(),
            now: 1,
        };
        model.call(caller, &self.claim())
    }
}

async fn replies_are_alike(server: &Server, calls: &[Call]) -> Result<(), TestCaseError> {
    let settings = StoreSettings { timeout: Duration::from_secs(20), ..server.settings() };
    let open = Connection::open(&settings).await.unwrap();
    let quota = QuotaName::new(&format!("quota-{:x}", random::number())).unwrap();
    let mut model = Model::default();
    for call in calls {
        let (told, expected) =
            (call.of_script(server, &quota, &open).await, call.of_model(&mut model));
        prop_assert_eq!(&told.granted, &expected.granted, "{:?}", call);
        prop_assert_eq!(told.settles_for.is_zero(), expected.settles_for.is_zero());
    }
    Ok(())
}

#[test]
fn the_script_replies_as_the_model_does() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(150));
    let calls = prop::collection::vec(call(), 1..40);
    let run = |calls: Vec<Call>| runtime.block_on(replies_are_alike(&server, &calls));
    runner.run(&calls, run).unwrap();
}
