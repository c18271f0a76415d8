//! The route table as a page of the documentation.

use std::fmt::Write;

use super::{BodyKind, OLLAMA, ROUTES, Route};
use crate::shape::{Field, Kind, Shape};

const INTRODUCTION: &str = "\
# Routes

Every request that Stockade forwards is one of these; whatever else is asked gets 404,
405 or 400. These are the routes of Ollama {OLLAMA}, and of newer ones `POST /v1/systemone` (0.35),
`GET /api/usage` and `GET /api/balance` (0.40.1), by which the server on the host asks ollama.com for the
account that it is signed in with. The names are those of Ollama's release notes and of its documentation
of ollama.com; that the server on the host has the balance under the same name is not verified. No query
is forwarded, so usage is that of ollama.com's default range. Of all other routes the gateway says that
it does not know them. This page is generated from the route table.

The operation is what policies are asked about. A body can narrow it: `generate`, `chat`
and `embed` with nothing to answer are `load`; with a `keep_alive` of less than a second too,
`unload`; with one that is negative or more than a day, `pin`. `POST /v1/systemone` asks a decision
model; its body may have 64 KiB, and 32 MiB with images, and its errors are those of Ollama's own API.

| Method | Path | Operation | Class | API | Models | Streams |
|---|---|---|---|---|---|---|
";

const FIELDS: &str = "
## Fields

What Stockade reads of a body. All other fields are forwarded as they are, unless they
differ from a known field in nothing but the case of letters: those are refused, because
Ollama would take one for the other.
";

/// The page `docs/reference/routes.md`.
pub fn reference_markdown() -> String {
    let mut page = INTRODUCTION.replace("{OLLAMA}", OLLAMA);
    for route in ROUTES {
        page.push_str(&row(route));
    }
    page.push_str(FIELDS);
    for route in ROUTES {
        if let BodyKind::Json(shape) = route.body {
            page.push_str(&section(route, shape));
        }
    }
    page
}

fn row(route: &Route) -> String {
    let methods: Vec<&str> = route.methods.iter().map(http::Method::as_str).collect();
    let models: Vec<String> = route
        .model_fields()
        .map(|(field, role)| format!("`{field}` ({})", format!("{role:?}").to_lowercase()))
        .collect();
    format!(
        "| {} | `{}` | {} | {} | {} | {} | {} |\n",
        methods.join(", "),
        route.path,
        route.operation,
        format!("{:?}", route.operation.access()).to_lowercase(),
        format!("{:?}", route.dialect).to_lowercase(),
        models.join(", "),
        match route.response.streams_by_default() {
            None => "never",
            Some(true) => "unless `stream` is false",
            Some(false) => "if `stream` is true",
        }
    )
}

fn section(route: &Route, shape: &Shape) -> String {
    let mut section = format!("\n### {} {}\n\n", route.methods[0], route.path);
    let mut lines = String::new();
    describe(&mut lines, "", shape.fields);
    if lines.is_empty() {
        lines.push_str("Nothing: the body is checked and forwarded.\n");
    }
    section.push_str(&lines);
    section
}

fn describe(out: &mut String, parent: &str, fields: &[Field]) {
    for field in fields {
        match field.kind {
            Kind::Options(inner) => describe(out, &format!("{parent}{}.", field.name), inner),
            kind => {
                if let Some(meaning) = kind.meaning() {
                    // Writing to a string cannot fail.
                    let _ = writeln!(out, "- `{parent}{}`: {meaning}", field.name);
                }
            }
        }
    }
}
