//! Agents that offer the model tools which search the web, where that is not allowed.

use serde_json::{Value, json};
use stockade_tests::{Log, World, post};

fn bindings(web_search: &str) -> String {
    format!(
        "policies: {{ model-access: {{ module: builtin/model-access }} }}\nbindings:\n  - {{ name: small, \
         subjects: everyone, policy: model-access, settings: {{ allow: [\"llama3.2:*\"], \
         web_search: {web_search} }} }}\n"
    )
}

fn function(name: &str) -> Value {
    json!({ "type": "function", "name": name, "description": "Runs a command in a PTY.",
        "strict": false, "parameters": { "type": "object", "properties": {},
        "required": [], "additionalProperties": false } })
}

/// A turn of Codex 0.171 with its default settings, its tools shortened.
fn codex() -> Value {
    let agents = json!({ "type": "namespace", "name": "multi_agent_v1",
        "description": "Tools for spawning and managing sub-agents.",
        "tools": [function("spawn_agent"), function("wait_agent")] });
    json!({
        "model": "llama3.2:3b",
        "stream": true,
        "input": [{ "type": "message", "role": "user",
            "content": [{ "type": "input_text", "text": "Hello" }] }],
        "tools": [
            function("exec_command"),
            agents,
            function("update_goal"),
            { "type": "web_search", "external_web_access": false },
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": true,
        "reasoning": { "summary": "auto" },
        "store": false,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "01a222e7-04cb-7ae1-946a-9163ce98ea14",
    })
}

/// Claude Code's, in the same way.
fn claude_code() -> Value {
    json!({
        "model": "llama3.2:3b",
        "max_tokens": 500,
        "messages": [{ "role": "user", "content": "Hello" }],
        "tools": [
            { "name": "Bash", "description": "Runs", "input_schema": { "type": "object" } },
            { "type": "web_search_20250305", "name": "web_search", "max_uses": 8 },
        ],
    })
}

/// A tool that a program runs itself has the same name, and is none of Ollama's.
fn own_search() -> Value {
    json!({
        "model": "llama3.2:3b",
        "stream": false,
        "messages": [{ "role": "user", "content": "Hello" }],
        "tools": [{ "type": "function", "function": { "name": "web_search", "parameters": {} } }],
    })
}

async fn forwarded(world: &World, path: &str, body: &Value) -> Value {
    let key = Some(world.key("alice"));
    let reply = world.send(post(path, key, &body.to_string())).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    let request = world.ollama.requests().pop().unwrap();
    assert_eq!(request.target, path);
    serde_json::from_slice(&request.body).unwrap()
}

fn without_last_tool(mut body: Value) -> Value {
    body["tools"].as_array_mut().unwrap().pop();
    body
}

#[tokio::test]
async fn a_binding_drops_the_search_and_nothing_else() {
    let mut log = Log::start();
    let world = World::with(&bindings("drop")).await;
    for (path, body) in [("/v1/responses", codex()), ("/v1/messages", claude_code())] {
        let sent = forwarded(&world, path, &body).await;
        assert_eq!(sent, without_last_tool(body), "{path}");
        let line = log.next_request().await;
        assert_eq!(line["decision"], "permit", "{line}");
        assert_eq!(line["allowed_by"], json!(["small"]), "{line}");
        let dropped = json!([{ "strip-tools": "web-search" }]);
        assert_eq!(line["obligations"]["fields"], dropped, "{line}");
    }
    let sent = forwarded(&world, "/api/chat", &own_search()).await;
    assert_eq!(sent, own_search());
    let line = log.next_request().await;
    assert_eq!(line.get("obligations"), None, "{line}");
}

#[tokio::test]
async fn without_another_tool_there_is_no_list() {
    let world = World::with(&bindings("drop")).await;
    let mut body = codex();
    body["tools"] = json!([{ "type": "web_search" }]);
    let sent = forwarded(&world, "/v1/responses", &body).await;
    assert_eq!(sent.get("tools"), None, "{sent}");
}

/// Caps for everybody hold for callers who may search, too.
#[tokio::test]
async fn tools_are_dropped_by_name_from_whatever_is_allowed() {
    let caps = "  - { name: no agents, subjects: everyone, policy: request-caps, \
                settings: { strip_tools: [web_search, spawn_agent, wait_agent] } }\n";
    let policies = bindings("true")
        .replace("policies: { ", "policies: { request-caps: { module: builtin/request-caps }, ");
    let world = World::with(&format!("{policies}{caps}")).await;
    let sent = forwarded(&world, "/v1/responses", &codex()).await;
    assert_eq!(sent["tools"], json!([function("exec_command"), function("update_goal")]));
    let sent = forwarded(&world, "/api/chat", &own_search()).await;
    assert_eq!(sent.get("tools"), None, "{sent}");
}
