use super::*;

fn budget(resource: Resource, period: Period, limit: u64) -> Budget {
    Budget { resource, period, limit: limit.try_into().unwrap() }
}

#[test]
fn limits_say_something_and_nothing_twice() {
    use Period::{Day, Hour};
    use Resource::{InputTokens, Requests, Tokens};
    let limits = |budgets: &[Budget]| Limits::new(None, budgets.to_vec(), None);
    assert_eq!(limits(&[]), Err(InvalidLimits::None));
    assert!(Limits::new(None, Vec::new(), NonZeroU32::new(2)).is_ok());
    let twice = [budget(Requests, Day, 1), budget(Requests, Hour, 1), budget(Requests, Day, 2)];
    let error = limits(&twice).unwrap_err();
    assert_eq!(error.to_string(), "the quota limits requests per day twice");
    let both = [budget(Tokens, Day, 1), budget(InputTokens, Hour, 1)];
    assert_eq!(limits(&both), Err(InvalidLimits::TogetherAndApart));
}

#[test]
fn a_limit_that_is_never_reached_is_found() {
    let budgets = vec![
        budget(Resource::Tokens, Period::Hour, 50_000),
        budget(Resource::Tokens, Period::Day, 30_000),
        budget(Resource::Tokens, Period::Month, 31_000),
        budget(Resource::GpuTime, Period::Month, 1),
    ];
    let limits = Limits::new(None, budgets, None).unwrap();
    let found: Vec<_> = limits.never_reached().map(|found| found.to_string()).collect();
    let expected = "the limit of 50000 tokens per hour is never reached: there are 30000 per day";
    assert_eq!(found, [expected]);
}
