//! The server itself, and the account of its owner.

#![expect(clippy::unnecessary_wraps, reason = "all handlers of the route table have one type")]

use http::StatusCode;
use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::go_json::Fields;
use crate::reply::{Failure, Reply};

pub(crate) fn heartbeat(_: &mut Call<'_>) -> Answer {
    Ok(Reply::text(StatusCode::OK, "Ollama is running"))
}

pub(crate) fn version(_: &mut Call<'_>) -> Answer {
    Ok(Reply::ok(&json!({"version": "0.33.0"})))
}

pub(crate) fn status(_: &mut Call<'_>) -> Answer {
    let cloud = json!({"disabled": false, "source": "none"});
    Ok(Reply::ok(&json!({ "cloud": cloud })))
}

pub(crate) fn whoami(_: &mut Call<'_>) -> Answer {
    Ok(Reply::ok(&json!({
        "id": "00000000-0000-0000-0000-000000000000",
        "email": "owner@simulated.example",
        "name": "simulated",
        "plan": "free",
    })))
}

/// The real answer is not known.
pub(crate) fn usage(_: &mut Call<'_>) -> Answer {
    Ok(Reply::ok(&json!({"plan": "free", "simulated": true})))
}

/// The credits that are left, as ollama.com tells them.
pub(crate) fn balance(_: &mut Call<'_>) -> Answer {
    Ok(Reply::ok(&json!({
        "included": {"balance_usd": 72.5, "allowance_usd": 100},
        "purchased": {"balance_usd": 25},
    })))
}

/// Also for `/api/user/keys/…`, whose parameter is ignored.
pub(crate) fn sign_out(_: &mut Call<'_>) -> Answer {
    Ok(Reply::ok(&Value::Null))
}

pub(crate) fn web_search(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    match Fields::of(&body)?.text("query")? {
        "" => Err(Failure::bad_request("query is required")),
        query => Ok(Reply::ok(&json!({"results": [{
            "title": "A simulated result",
            "url": "https://simulated.example/",
            "content": format!("This is a simulated result for: {query}"),
        }]}))),
    }
}

pub(crate) fn web_fetch(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    match Fields::of(&body)?.text("url")? {
        "" => Err(Failure::bad_request("url is required")),
        url => Ok(Reply::ok(&json!({
            "title": "A simulated page",
            "content": format!("This is a simulated page instead of {url}"),
            "links": [],
        }))),
    }
}
