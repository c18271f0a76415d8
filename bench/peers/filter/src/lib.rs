//! The same question that Stockade answers, as a filter for Envoy: whose key is this, and
//! may they use that model? One virtual machine lives on from request to request, as is
//! usual with proxy-wasm.

use std::collections::HashMap;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use serde::Deserialize;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_root_context(|_| Box::new(Root(Rc::default())));
}}

/// The key of each user, and the models that they may use.
#[derive(Default, Deserialize)]
struct Rules {
    users: HashMap<String, String>,
    allowed: HashMap<String, Vec<String>>,
}

struct Root(Rc<Rules>);

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        let rules = serde_json::from_slice(&text);
        rules.map(|rules| self.0 = Rc::new(rules)).is_ok()
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Call { rules: Rc::clone(&self.0), user: None }))
    }
}

struct Call {
    rules: Rc<Rules>,
    user: Option<String>,
}

impl Context for Call {}

#[derive(Deserialize)]
struct Asked {
    model: String,
}

impl Call {
    fn refuse(&self, status: u32, body: &'static str) -> Action {
        let headers = vec![("content-type", "application/json")];
        self.send_http_response(status, headers, Some(body.as_bytes()));
        Action::Pause
    }

    fn may_use(&self, model: &str) -> bool {
        let models = self.user.as_ref().and_then(|user| self.rules.allowed.get(user));
        models.is_some_and(|models| models.iter().any(|allowed| allowed == model))
    }
}

impl HttpContext for Call {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let header = self.get_http_request_header("authorization");
        self.user = header.and_then(|value| self.rules.users.get(&value).cloned());
        if self.user.is_none() {
            return self.refuse(401, "{\"error\":\"unauthorized\"}");
        }
        if end_of_stream {
            return self.refuse(400, "{\"error\":\"no body\"}");
        }
        self.set_http_request_header("authorization", None);
        // The headers wait for the verdict over the body.
        Action::Pause
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        let body = self.get_http_request_body(0, size).unwrap_or_default();
        match serde_json::from_slice::<Asked>(&body) {
            Ok(asked) if self.may_use(&asked.model) => Action::Continue,
            Ok(_) => self.refuse(403, "{\"error\":\"model not allowed\"}"),
            Err(_) => self.refuse(400, "{\"error\":\"invalid JSON\"}"),
        }
    }
}
