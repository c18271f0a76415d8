use http::StatusCode;
use stockade_core::{
    Dialect, FieldPath, FieldRule, Limit, LimitedParameter, ModelName, ModelRole, Obligations,
    Operation, Subject,
};

use super::{CanonicalRequest, UpstreamBody, WriteOptions};
use crate::route::{PathValue, ROUTES, Route};
use crate::{ReadLimits, Refusal};

mod changed;
mod contents;
mod limited;
mod linear;
mod meaning;
mod obliged;
mod prompt;
mod properties;
mod refused;
mod spelling;
mod unchangeable;
mod wishes;

fn route(path: &str) -> &'static Route {
    ROUTES.iter().find(|route| route.path.to_string() == path).expect(path)
}

fn read(path: &str, body: &str) -> Result<CanonicalRequest, Refusal> {
    CanonicalRequest::read(
        route(path),
        PathValue::None,
        body.to_owned().into(),
        &ReadLimits::default(),
    )
}

fn understood(path: &str, body: &str) -> CanonicalRequest {
    read(path, body).unwrap_or_else(|refusal| panic!("{path} {body}: {refusal}"))
}

fn json(body: UpstreamBody) -> String {
    match body {
        UpstreamBody::Json(bytes) => String::from_utf8(bytes.into()).unwrap(),
        other => panic!("{other:?} is not JSON"),
    }
}

fn written_with(path: &str, body: &str, obligations: &Obligations) -> Result<String, Refusal> {
    understood(path, body)
        .write(obligations, &WriteOptions::default())
        .map(|upstream| json(upstream.body))
}

fn written(path: &str, body: &str) -> String {
    written_with(path, body, &Obligations::default()).unwrap()
}

fn names(request: &CanonicalRequest) -> Vec<(&str, ModelRole)> {
    let models = request.models().iter();
    models.map(|model| (model.name.short(), model.role)).collect()
}
