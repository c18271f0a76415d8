//! The figures of an ordinary configuration: five shipped policies for everybody.

use super::progress;
use crate::grid::Grid;
use crate::lists::{self, Lists};
use crate::promises::Promise;
use crate::report::Report;
use crate::shipped::{self, Cost, Effort, Found, MANY, Subject};
use crate::whole::Bench;

/// Whole requests and lists with five shipped policies.
pub fn shipped(report: &mut Report, bench: &Bench, quick: bool) {
    progress("whole requests: five shipped policies");
    let effort = if quick { Effort::QUICK } else { Effort::FULL };
    match shipped::measure(bench, effort) {
        Ok(found) => requests(report, &found),
        Err(error) => report.absent(&REQUESTS, &error),
    }
    progress("lists of 200 models: five shipped policies");
    let found = [true, false].map(|is_remembered| lists::measure(bench, is_remembered, quick));
    let [remembered, fresh] = found;
    match &remembered {
        Ok(lists) => {
            report.figure(Promise::ListProcessor, Ok(lists.processor));
            report.figure(Promise::Bystanders, Ok(lists.bystanders));
        }
        Err(error) => report.absent(&[Promise::ListProcessor, Promise::Bystanders], error),
    }
    report.grid(list_grid([("remembered", remembered), ("fresh", fresh)]));
}

const REQUESTS: [Promise; 4] = [
    Promise::RememberedProcessor,
    Promise::FreshProcessor,
    Promise::RememberedAlone,
    Promise::FreshAlone,
];

fn requests(report: &mut Report, found: &Found) {
    let (alone, processor) = (|cost: &Cost| cost.alone, |cost: &Cost| cost.processor);
    let figures = [
        (Promise::RememberedProcessor, found.ratio(Subject::Remembered, processor)),
        (Promise::FreshProcessor, found.ratio(Subject::Fresh, processor)),
        (Promise::RememberedAlone, found.ratio(Subject::Remembered, alone)),
        (Promise::FreshAlone, found.ratio(Subject::Fresh, alone)),
    ];
    for (promise, figure) in figures {
        report.figure(promise, Ok(figure));
    }
    report.grid(request_grid(found));
}

fn request_grid(found: &Found) -> Grid {
    let many = format!("{MANY}: CPU µs");
    let columns = ["key, model, policies", "1: p50 µs", "× floor", "1: CPU µs", "× floor"];
    let columns = [&columns[..], &[many.as_str(), "× floor"]].concat();
    let mut grid =
        Grid::new("whole requests, five shipped policies, 1 and 32 connections", &columns);
    let figures: [fn(&Cost) -> f64; 3] =
        [|cost| cost.alone, |cost| cost.processor_alone, |cost| cost.processor];
    for subject in Subject::ALL {
        let both = |figure| [found.median(subject, figure), found.ratio(subject, figure)];
        let row = figures.into_iter().flat_map(both).map(Some);
        grid.push(subject.name(), row.collect());
    }
    grid
}

fn list_grid(rows: [(&str, anyhow::Result<Lists>); 2]) -> Grid {
    let columns = ["verdicts", "CPU ms", "others' chats alone, p99 ms", "meanwhile, p99 ms"];
    let mut grid = Grid::new("lists of 200 models, five shipped policies", &columns);
    for (name, found) in rows {
        match found {
            Ok(Lists { processor, undisturbed, bystanders }) => {
                grid.push(name, [processor, undisturbed, bystanders].map(Some).to_vec());
            }
            Err(error) => grid.absent(name, format!("{error:#}")),
        }
    }
    grid
}
