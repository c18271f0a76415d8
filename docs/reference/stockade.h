/// The contract stockade:policy@1.0.0 for C, as wasm32 lays it out; and what every policy needs.
///
/// One file of a policy includes it. Written by `stockade policy header --language c`; do not
/// change it, write it anew.
///
/// The policy writes three functions:
///
///     stockade_metadata stockade_describe(void);
///     const char *stockade_check(stockade_string settings);
///     stockade_answer stockade_judge(const stockade_request *request, stockade_string settings);
///
/// `describe` says what the policy is and which inputs it reads. `check` is asked once about the
/// settings (JSON) of each binding, and returns what is wrong with them, or NULL. `judge` answers
/// a request for one binding. What it changes outside of itself is gone after the decision.
#ifndef STOCKADE_H
#define STOCKADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A text in UTF-8, which ends after `length` bytes and not with a 0.
typedef struct {
    const char *at;
    uint32_t length;
} stockade_string;
_Static_assert(sizeof(stockade_string) == 8, "size of stockade_string");
_Static_assert(offsetof(stockade_string, length) == 4, "place of stockade_string.length");

typedef struct {
    const stockade_string *items;
    uint32_t count;
} stockade_list_string;
_Static_assert(sizeof(stockade_list_string) == 8, "size of stockade_list_string");
_Static_assert(offsetof(stockade_list_string, count) == 4, "place of stockade_list_string.count");

typedef struct {
    stockade_string first;
    stockade_string second;
} stockade_tuple_string_string;
_Static_assert(sizeof(stockade_tuple_string_string) == 16, "size of stockade_tuple_string_string");
_Static_assert(offsetof(stockade_tuple_string_string, first) == 0, "place of stockade_tuple_string_string.first");
_Static_assert(offsetof(stockade_tuple_string_string, second) == 8, "place of stockade_tuple_string_string.second");

typedef struct {
    const stockade_tuple_string_string *items;
    uint32_t count;
} stockade_list_tuple_string_string;
_Static_assert(sizeof(stockade_list_tuple_string_string) == 8, "size of stockade_list_tuple_string_string");
_Static_assert(offsetof(stockade_list_tuple_string_string, count) == 4, "place of stockade_list_tuple_string_string.count");

/// The caller, as proven by the host. Input `caller`.
typedef struct {
    /// The user's name in the host's configuration, or as the token's issuer says it.
    stockade_string user;
    /// The groups the user belongs to, sorted.
    stockade_list_string groups;
    /// Attributes given to the user in the configuration or by a token's claims.
    stockade_list_tuple_string_string attributes;
} stockade_caller;
_Static_assert(sizeof(stockade_caller) == 24, "size of stockade_caller");
_Static_assert(offsetof(stockade_caller, user) == 0, "place of stockade_caller.user");
_Static_assert(offsetof(stockade_caller, groups) == 8, "place of stockade_caller.groups");
_Static_assert(offsetof(stockade_caller, attributes) == 16, "place of stockade_caller.attributes");

/// The kind of proof by which the caller came.
typedef uint8_t stockade_proof_kind_tag;
enum {
    STOCKADE_PROOF_KIND_API_KEY = 0,
    STOCKADE_PROOF_KIND_BASIC = 1,
    STOCKADE_PROOF_KIND_MTLS = 2,
    STOCKADE_PROOF_KIND_TOKEN = 3,
    STOCKADE_PROOF_KIND_JWT = 4,
    STOCKADE_PROOF_KIND_OLLAMA_KEY = 5,
    STOCKADE_PROOF_KIND_ANONYMOUS = 6,
    STOCKADE_PROOF_KIND_OTHER = 7,
};
typedef struct {
    stockade_proof_kind_tag tag;
    union {
        stockade_string other;
    } of;
} stockade_proof_kind;
_Static_assert(sizeof(stockade_proof_kind) == 12, "size of stockade_proof_kind");
_Static_assert(offsetof(stockade_proof_kind, of) == 4, "place of stockade_proof_kind.of");

typedef struct {
    bool is_some;
    stockade_string value;
} stockade_option_string;
_Static_assert(sizeof(stockade_option_string) == 12, "size of stockade_option_string");
_Static_assert(offsetof(stockade_option_string, is_some) == 0, "place of stockade_option_string.is_some");
_Static_assert(offsetof(stockade_option_string, value) == 4, "place of stockade_option_string.value");

/// By which of its credentials the caller came. Input `credential`.
typedef struct {
    stockade_proof_kind proof;
    /// Its id in the configuration, never the secret.
    stockade_option_string id;
    /// Labels that the configuration gives it.
    stockade_list_tuple_string_string labels;
} stockade_credential;
_Static_assert(sizeof(stockade_credential) == 32, "size of stockade_credential");
_Static_assert(offsetof(stockade_credential, proof) == 0, "place of stockade_credential.proof");
_Static_assert(offsetof(stockade_credential, id) == 12, "place of stockade_credential.id");
_Static_assert(offsetof(stockade_credential, labels) == 24, "place of stockade_credential.labels");

/// The kind of thing that an operation does.
typedef uint8_t stockade_access_class;
enum {
    /// Runs a model: generate, chat, embed, transcribe, load.
    STOCKADE_ACCESS_CLASS_INFERENCE = 0,
    /// Reads what is there: list, show, running, status.
    STOCKADE_ACCESS_CLASS_READ = 1,
    /// Changes models or disk: pull, push, create, copy, delete, blobs, unload, pin.
    STOCKADE_ACCESS_CLASS_MANAGE = 2,
    /// Touches the host owner's ollama.com account.
    STOCKADE_ACCESS_CLASS_ACCOUNT = 3,
    /// Searches or fetches from the web through the owner's account.
    STOCKADE_ACCESS_CLASS_WEB = 4,
};

/// The API the caller speaks.
typedef uint8_t stockade_dialect_tag;
enum {
    STOCKADE_DIALECT_NATIVE = 0,
    STOCKADE_DIALECT_OPENAI = 1,
    STOCKADE_DIALECT_ANTHROPIC = 2,
    STOCKADE_DIALECT_OTHER = 3,
};
typedef struct {
    stockade_dialect_tag tag;
    union {
        stockade_string other;
    } of;
} stockade_dialect;
_Static_assert(sizeof(stockade_dialect) == 12, "size of stockade_dialect");
_Static_assert(offsetof(stockade_dialect, of) == 4, "place of stockade_dialect.of");

/// The use that a request makes of a model that it names.
typedef uint8_t stockade_model_role_tag;
enum {
    /// Runs or reads it.
    STOCKADE_MODEL_ROLE_USE = 0,
    /// Creates, overwrites, pulls, pushes or deletes it.
    STOCKADE_MODEL_ROLE_TARGET = 1,
    /// Copies from it.
    STOCKADE_MODEL_ROLE_SOURCE = 2,
    /// Builds on it (`from` of a create).
    STOCKADE_MODEL_ROLE_BASE = 3,
    /// Copies to it.
    STOCKADE_MODEL_ROLE_DESTINATION = 4,
    STOCKADE_MODEL_ROLE_OTHER = 5,
};
typedef struct {
    stockade_model_role_tag tag;
    union {
        stockade_string other;
    } of;
} stockade_model_role;
_Static_assert(sizeof(stockade_model_role) == 12, "size of stockade_model_role");
_Static_assert(offsetof(stockade_model_role, of) == 4, "place of stockade_model_role.of");

typedef struct {
    bool is_some;
    uint64_t value;
} stockade_option_u64;
_Static_assert(sizeof(stockade_option_u64) == 16, "size of stockade_option_u64");
_Static_assert(offsetof(stockade_option_u64, is_some) == 0, "place of stockade_option_u64.is_some");
_Static_assert(offsetof(stockade_option_u64, value) == 8, "place of stockade_option_u64.value");

/// Facts of an installed model, as Ollama tells them. Absent means it does not tell.
typedef struct {
    /// Digest of its manifest; two names with one digest are one model.
    stockade_option_string digest;
    /// Size on disk in bytes.
    stockade_option_u64 bytes;
    /// Number of parameters: 8.2B is 8200000000.
    stockade_option_u64 parameters;
    /// Such as `Q4_K_M`.
    stockade_option_string quantization;
    /// Such as `qwen3`.
    stockade_option_string family;
    /// True if it is in memory.
    bool loaded;
} stockade_model_facts;
_Static_assert(sizeof(stockade_model_facts) == 80, "size of stockade_model_facts");
_Static_assert(offsetof(stockade_model_facts, digest) == 0, "place of stockade_model_facts.digest");
_Static_assert(offsetof(stockade_model_facts, bytes) == 16, "place of stockade_model_facts.bytes");
_Static_assert(offsetof(stockade_model_facts, parameters) == 32, "place of stockade_model_facts.parameters");
_Static_assert(offsetof(stockade_model_facts, quantization) == 48, "place of stockade_model_facts.quantization");
_Static_assert(offsetof(stockade_model_facts, family) == 60, "place of stockade_model_facts.family");
_Static_assert(offsetof(stockade_model_facts, loaded) == 72, "place of stockade_model_facts.loaded");

/// Tells whether a model is installed.
typedef uint8_t stockade_presence_tag;
enum {
    STOCKADE_PRESENCE_INSTALLED = 0,
    STOCKADE_PRESENCE_MISSING = 1,
    /// Ollama has not told. A policy that needs to know must not guess.
    STOCKADE_PRESENCE_UNKNOWN = 2,
};
typedef struct {
    stockade_presence_tag tag;
    union {
        stockade_model_facts installed;
    } of;
} stockade_presence;
_Static_assert(sizeof(stockade_presence) == 88, "size of stockade_presence");
_Static_assert(offsetof(stockade_presence, of) == 8, "place of stockade_presence.of");

typedef struct {
    bool is_some;
    stockade_presence value;
} stockade_option_presence;
_Static_assert(sizeof(stockade_option_presence) == 96, "size of stockade_option_presence");
_Static_assert(offsetof(stockade_option_presence, is_some) == 0, "place of stockade_option_presence.is_some");
_Static_assert(offsetof(stockade_option_presence, value) == 8, "place of stockade_option_presence.value");

typedef struct {
    /// The canonical name, always complete and lower case:
    /// `registry.ollama.ai/library/llama3.2:3b`.
    stockade_string name;
    stockade_model_role role;
    /// True if it runs in Ollama's cloud, by its name or by what Ollama tells.
    bool cloud;
    /// Input `catalogue`.
    stockade_option_presence presence;
} stockade_model;
_Static_assert(sizeof(stockade_model) == 120, "size of stockade_model");
_Static_assert(offsetof(stockade_model, name) == 0, "place of stockade_model.name");
_Static_assert(offsetof(stockade_model, role) == 8, "place of stockade_model.role");
_Static_assert(offsetof(stockade_model, cloud) == 20, "place of stockade_model.cloud");
_Static_assert(offsetof(stockade_model, presence) == 24, "place of stockade_model.presence");

typedef struct {
    bool is_some;
    int64_t value;
} stockade_option_s64;
_Static_assert(sizeof(stockade_option_s64) == 16, "size of stockade_option_s64");
_Static_assert(offsetof(stockade_option_s64, is_some) == 0, "place of stockade_option_s64.is_some");
_Static_assert(offsetof(stockade_option_s64, value) == 8, "place of stockade_option_s64.value");

/// Parameters of the request, read from its body. Absent means the caller said
/// nothing. Input `parameters`.
typedef struct {
    /// True if the answer will be streamed (the route's default applied).
    bool streaming;
    /// Context length in tokens (`options.num_ctx`).
    stockade_option_s64 context;
    /// Largest number of tokens to produce (`num_predict`, `max_tokens`, …).
    stockade_option_s64 output;
    /// Seconds for which the model stays loaded; negative means for ever.
    stockade_option_s64 keep_alive;
    /// Number of images that the request carries.
    uint32_t images;
    /// Number of tools that the request offers to the model.
    uint32_t tools;
    /// True if a tool makes Ollama search the web on the owner's account.
    bool web_search;
    /// True if the request asks for the rendered prompt instead of an answer.
    bool debug_render;
    /// True if a pull or push asks for plain HTTP.
    bool insecure;
    /// The remote host of a model that is being created.
    stockade_option_string remote_host;
    /// `think`: `true`, `false`, or a level such as `high`.
    stockade_option_string think;
    /// `format`: `json`, or `schema` for one of the caller's own.
    stockade_option_string format;
    /// Options that make Ollama load the model anew, by name: `num_gpu`, `num_thread`, …
    stockade_list_string runner_options;
} stockade_parameters;
_Static_assert(sizeof(stockade_parameters) == 112, "size of stockade_parameters");
_Static_assert(offsetof(stockade_parameters, streaming) == 0, "place of stockade_parameters.streaming");
_Static_assert(offsetof(stockade_parameters, context) == 8, "place of stockade_parameters.context");
_Static_assert(offsetof(stockade_parameters, output) == 24, "place of stockade_parameters.output");
_Static_assert(offsetof(stockade_parameters, keep_alive) == 40, "place of stockade_parameters.keep_alive");
_Static_assert(offsetof(stockade_parameters, images) == 56, "place of stockade_parameters.images");
_Static_assert(offsetof(stockade_parameters, tools) == 60, "place of stockade_parameters.tools");
_Static_assert(offsetof(stockade_parameters, web_search) == 64, "place of stockade_parameters.web_search");
_Static_assert(offsetof(stockade_parameters, debug_render) == 65, "place of stockade_parameters.debug_render");
_Static_assert(offsetof(stockade_parameters, insecure) == 66, "place of stockade_parameters.insecure");
_Static_assert(offsetof(stockade_parameters, remote_host) == 68, "place of stockade_parameters.remote_host");
_Static_assert(offsetof(stockade_parameters, think) == 80, "place of stockade_parameters.think");
_Static_assert(offsetof(stockade_parameters, format) == 92, "place of stockade_parameters.format");
_Static_assert(offsetof(stockade_parameters, runner_options) == 104, "place of stockade_parameters.runner_options");

/// The amount of text. Input `prompt`.
typedef struct {
    /// Bytes of all texts.
    uint64_t bytes;
    /// True if the caller sends a system prompt.
    bool system;
} stockade_prompt;
_Static_assert(sizeof(stockade_prompt) == 16, "size of stockade_prompt");
_Static_assert(offsetof(stockade_prompt, bytes) == 0, "place of stockade_prompt.bytes");
_Static_assert(offsetof(stockade_prompt, system) == 8, "place of stockade_prompt.system");

/// One text of the request, from whichever API. Input `texts`.
typedef struct {
    /// `system`, `user`, `assistant`, `tool`, `prompt`, `suffix`, `input`, or as the
    /// caller calls it.
    stockade_string role;
    stockade_string text;
} stockade_text;
_Static_assert(sizeof(stockade_text) == 16, "size of stockade_text");
_Static_assert(offsetof(stockade_text, role) == 0, "place of stockade_text.role");
_Static_assert(offsetof(stockade_text, text) == 8, "place of stockade_text.text");

/// A blob that the request names. It reaches the weights of every model on the host.
/// Input `blobs`.
typedef struct {
    /// `sha256:…`.
    stockade_string digest;
    /// True if the caller has sent it.
    bool uploaded;
} stockade_blob;
_Static_assert(sizeof(stockade_blob) == 12, "size of stockade_blob");
_Static_assert(offsetof(stockade_blob, digest) == 0, "place of stockade_blob.digest");
_Static_assert(offsetof(stockade_blob, uploaded) == 8, "place of stockade_blob.uploaded");

typedef uint8_t stockade_transport_tag;
enum {
    STOCKADE_TRANSPORT_PLAIN = 0,
    STOCKADE_TRANSPORT_TLS = 1,
    STOCKADE_TRANSPORT_MUTUAL_TLS = 2,
    STOCKADE_TRANSPORT_OTHER = 3,
};
typedef struct {
    stockade_transport_tag tag;
    union {
        stockade_string other;
    } of;
} stockade_transport;
_Static_assert(sizeof(stockade_transport) == 12, "size of stockade_transport");
_Static_assert(offsetof(stockade_transport, of) == 4, "place of stockade_transport.of");

/// The origin of the call. Input `client`.
typedef struct {
    /// The caller's IP address, trusted proxies already taken into account.
    stockade_string address;
    stockade_transport transport;
    /// The name of the listener, if it has one.
    stockade_option_string listener;
} stockade_client;
_Static_assert(sizeof(stockade_client) == 32, "size of stockade_client");
_Static_assert(offsetof(stockade_client, address) == 0, "place of stockade_client.address");
_Static_assert(offsetof(stockade_client, transport) == 8, "place of stockade_client.transport");
_Static_assert(offsetof(stockade_client, listener) == 20, "place of stockade_client.listener");

/// The time at which the host received the request. Input `time`.
typedef struct {
    /// Seconds since 1970-01-01T00:00:00Z.
    uint64_t unix_seconds;
    /// Day of the week in the configured zone: 1 is Monday, 7 is Sunday.
    uint8_t weekday;
    /// Minutes since midnight in the configured zone, 0 to 1439.
    uint16_t minute_of_day;
} stockade_time;
_Static_assert(sizeof(stockade_time) == 16, "size of stockade_time");
_Static_assert(offsetof(stockade_time, unix_seconds) == 0, "place of stockade_time.unix_seconds");
_Static_assert(offsetof(stockade_time, weekday) == 8, "place of stockade_time.weekday");
_Static_assert(offsetof(stockade_time, minute_of_day) == 10, "place of stockade_time.minute_of_day");

/// The usage in one window, this request not counted.
typedef struct {
    uint64_t requests;
    /// Of prompts and answers together.
    uint64_t tokens;
    uint64_t gpu_milliseconds;
} stockade_counter;
_Static_assert(sizeof(stockade_counter) == 24, "size of stockade_counter");
_Static_assert(offsetof(stockade_counter, requests) == 0, "place of stockade_counter.requests");
_Static_assert(offsetof(stockade_counter, tokens) == 8, "place of stockade_counter.tokens");
_Static_assert(offsetof(stockade_counter, gpu_milliseconds) == 16, "place of stockade_counter.gpu_milliseconds");

typedef struct {
    /// The last sixty seconds, and up to ten more: requests count when they begin, tokens and
    /// GPU time when they end. The others are windows of the calendar.
    stockade_counter minute;
    stockade_counter hour;
    stockade_counter day;
    stockade_counter month;
} stockade_windows;
_Static_assert(sizeof(stockade_windows) == 96, "size of stockade_windows");
_Static_assert(offsetof(stockade_windows, minute) == 0, "place of stockade_windows.minute");
_Static_assert(offsetof(stockade_windows, hour) == 24, "place of stockade_windows.hour");
_Static_assert(offsetof(stockade_windows, day) == 48, "place of stockade_windows.day");
_Static_assert(offsetof(stockade_windows, month) == 72, "place of stockade_windows.month");

/// The usage of the caller so far. Input `usage`.
typedef struct {
    /// All of it.
    stockade_windows total;
    /// With the models of this request.
    stockade_windows with_model;
} stockade_usage;
_Static_assert(sizeof(stockade_usage) == 192, "size of stockade_usage");
_Static_assert(offsetof(stockade_usage, total) == 0, "place of stockade_usage.total");
_Static_assert(offsetof(stockade_usage, with_model) == 96, "place of stockade_usage.with_model");

typedef struct {
    const stockade_model *items;
    uint32_t count;
} stockade_list_model;
_Static_assert(sizeof(stockade_list_model) == 8, "size of stockade_list_model");
_Static_assert(offsetof(stockade_list_model, count) == 4, "place of stockade_list_model.count");

typedef struct {
    bool is_some;
    stockade_caller value;
} stockade_option_caller;
_Static_assert(sizeof(stockade_option_caller) == 28, "size of stockade_option_caller");
_Static_assert(offsetof(stockade_option_caller, is_some) == 0, "place of stockade_option_caller.is_some");
_Static_assert(offsetof(stockade_option_caller, value) == 4, "place of stockade_option_caller.value");

typedef struct {
    bool is_some;
    stockade_credential value;
} stockade_option_credential;
_Static_assert(sizeof(stockade_option_credential) == 36, "size of stockade_option_credential");
_Static_assert(offsetof(stockade_option_credential, is_some) == 0, "place of stockade_option_credential.is_some");
_Static_assert(offsetof(stockade_option_credential, value) == 4, "place of stockade_option_credential.value");

typedef struct {
    bool is_some;
    stockade_parameters value;
} stockade_option_parameters;
_Static_assert(sizeof(stockade_option_parameters) == 120, "size of stockade_option_parameters");
_Static_assert(offsetof(stockade_option_parameters, is_some) == 0, "place of stockade_option_parameters.is_some");
_Static_assert(offsetof(stockade_option_parameters, value) == 8, "place of stockade_option_parameters.value");

typedef struct {
    bool is_some;
    stockade_list_string value;
} stockade_option_list_string;
_Static_assert(sizeof(stockade_option_list_string) == 12, "size of stockade_option_list_string");
_Static_assert(offsetof(stockade_option_list_string, is_some) == 0, "place of stockade_option_list_string.is_some");
_Static_assert(offsetof(stockade_option_list_string, value) == 4, "place of stockade_option_list_string.value");

typedef struct {
    bool is_some;
    stockade_prompt value;
} stockade_option_prompt;
_Static_assert(sizeof(stockade_option_prompt) == 24, "size of stockade_option_prompt");
_Static_assert(offsetof(stockade_option_prompt, is_some) == 0, "place of stockade_option_prompt.is_some");
_Static_assert(offsetof(stockade_option_prompt, value) == 8, "place of stockade_option_prompt.value");

typedef struct {
    const stockade_text *items;
    uint32_t count;
} stockade_list_text;
_Static_assert(sizeof(stockade_list_text) == 8, "size of stockade_list_text");
_Static_assert(offsetof(stockade_list_text, count) == 4, "place of stockade_list_text.count");

typedef struct {
    bool is_some;
    stockade_list_text value;
} stockade_option_list_text;
_Static_assert(sizeof(stockade_option_list_text) == 12, "size of stockade_option_list_text");
_Static_assert(offsetof(stockade_option_list_text, is_some) == 0, "place of stockade_option_list_text.is_some");
_Static_assert(offsetof(stockade_option_list_text, value) == 4, "place of stockade_option_list_text.value");

typedef struct {
    const stockade_blob *items;
    uint32_t count;
} stockade_list_blob;
_Static_assert(sizeof(stockade_list_blob) == 8, "size of stockade_list_blob");
_Static_assert(offsetof(stockade_list_blob, count) == 4, "place of stockade_list_blob.count");

typedef struct {
    bool is_some;
    stockade_list_blob value;
} stockade_option_list_blob;
_Static_assert(sizeof(stockade_option_list_blob) == 12, "size of stockade_option_list_blob");
_Static_assert(offsetof(stockade_option_list_blob, is_some) == 0, "place of stockade_option_list_blob.is_some");
_Static_assert(offsetof(stockade_option_list_blob, value) == 4, "place of stockade_option_list_blob.value");

typedef struct {
    bool is_some;
    stockade_client value;
} stockade_option_client;
_Static_assert(sizeof(stockade_option_client) == 36, "size of stockade_option_client");
_Static_assert(offsetof(stockade_option_client, is_some) == 0, "place of stockade_option_client.is_some");
_Static_assert(offsetof(stockade_option_client, value) == 4, "place of stockade_option_client.value");

typedef struct {
    bool is_some;
    stockade_time value;
} stockade_option_time;
_Static_assert(sizeof(stockade_option_time) == 24, "size of stockade_option_time");
_Static_assert(offsetof(stockade_option_time, is_some) == 0, "place of stockade_option_time.is_some");
_Static_assert(offsetof(stockade_option_time, value) == 8, "place of stockade_option_time.value");

typedef struct {
    bool is_some;
    stockade_usage value;
} stockade_option_usage;
_Static_assert(sizeof(stockade_option_usage) == 200, "size of stockade_option_usage");
_Static_assert(offsetof(stockade_option_usage, is_some) == 0, "place of stockade_option_usage.is_some");
_Static_assert(offsetof(stockade_option_usage, value) == 8, "place of stockade_option_usage.value");

/// The first four facts are told to every policy, the others to those that list the
/// input in `describe`; from the rest they are withheld.
typedef struct {
    /// `generate`, `chat`, `embed`, `transcribe`, `load`, `unload`, `pin`, `list`,
    /// `running`, `show`, `recommend`, `status`, `pull`, `push`, `create`, `copy`,
    /// `delete`, `upload-blob`, `check-blob`, `whoami`, `sign-out`, `web-search`,
    /// `web-fetch`. Text, because Ollama adds operations within a minor version.
    stockade_string operation;
    stockade_access_class access;
    stockade_dialect dialect;
    /// Every model that the request names.
    stockade_list_model models;
    stockade_option_caller caller;
    stockade_option_credential credential;
    stockade_option_parameters parameters;
    /// Names of the tools that the request offers. Input `tools`.
    stockade_option_list_string tools;
    stockade_option_prompt prompt;
    stockade_option_list_text texts;
    stockade_option_list_blob blobs;
    stockade_option_client client;
    stockade_option_time time;
    stockade_option_usage usage;
    /// The canonical JSON body. Input `body`.
    stockade_option_string body;
} stockade_request;
_Static_assert(sizeof(stockade_request) == 560, "size of stockade_request");
_Static_assert(offsetof(stockade_request, operation) == 0, "place of stockade_request.operation");
_Static_assert(offsetof(stockade_request, access) == 8, "place of stockade_request.access");
_Static_assert(offsetof(stockade_request, dialect) == 12, "place of stockade_request.dialect");
_Static_assert(offsetof(stockade_request, models) == 24, "place of stockade_request.models");
_Static_assert(offsetof(stockade_request, caller) == 32, "place of stockade_request.caller");
_Static_assert(offsetof(stockade_request, credential) == 60, "place of stockade_request.credential");
_Static_assert(offsetof(stockade_request, parameters) == 96, "place of stockade_request.parameters");
_Static_assert(offsetof(stockade_request, tools) == 216, "place of stockade_request.tools");
_Static_assert(offsetof(stockade_request, prompt) == 232, "place of stockade_request.prompt");
_Static_assert(offsetof(stockade_request, texts) == 256, "place of stockade_request.texts");
_Static_assert(offsetof(stockade_request, blobs) == 268, "place of stockade_request.blobs");
_Static_assert(offsetof(stockade_request, client) == 280, "place of stockade_request.client");
_Static_assert(offsetof(stockade_request, time) == 320, "place of stockade_request.time");
_Static_assert(offsetof(stockade_request, usage) == 344, "place of stockade_request.usage");
_Static_assert(offsetof(stockade_request, body) == 544, "place of stockade_request.body");

/// A number of a request that can be limited.
typedef uint8_t stockade_limited_parameter_tag;
enum {
    STOCKADE_LIMITED_PARAMETER_CONTEXT = 0,
    STOCKADE_LIMITED_PARAMETER_OUTPUT = 1,
    STOCKADE_LIMITED_PARAMETER_KEEP_ALIVE = 2,
    /// By its path in the body, such as `options.num_gpu`.
    STOCKADE_LIMITED_PARAMETER_OTHER = 3,
};
typedef struct {
    stockade_limited_parameter_tag tag;
    union {
        stockade_string other;
    } of;
} stockade_limited_parameter;
_Static_assert(sizeof(stockade_limited_parameter) == 12, "size of stockade_limited_parameter");
_Static_assert(offsetof(stockade_limited_parameter, of) == 4, "place of stockade_limited_parameter.of");

/// Limits of one number of the request. A value outside is moved to the nearest within.
typedef struct {
    stockade_limited_parameter parameter;
    stockade_option_s64 minimum;
    stockade_option_s64 maximum;
    /// Written into a request that does not mention the parameter.
    stockade_option_s64 insert;
} stockade_limit;
_Static_assert(sizeof(stockade_limit) == 64, "size of stockade_limit");
_Static_assert(offsetof(stockade_limit, parameter) == 0, "place of stockade_limit.parameter");
_Static_assert(offsetof(stockade_limit, minimum) == 16, "place of stockade_limit.minimum");
_Static_assert(offsetof(stockade_limit, maximum) == 32, "place of stockade_limit.maximum");
_Static_assert(offsetof(stockade_limit, insert) == 48, "place of stockade_limit.insert");

/// Some of the tools that a request offers to the model.
typedef uint8_t stockade_tool_selector_tag;
enum {
    /// Those that make Ollama search the web on the owner's account.
    STOCKADE_TOOL_SELECTOR_WEB_SEARCH = 0,
    /// Those of this name, as `tools` has it.
    STOCKADE_TOOL_SELECTOR_NAMED = 1,
};
typedef struct {
    stockade_tool_selector_tag tag;
    union {
        stockade_string named;
    } of;
} stockade_tool_selector;
_Static_assert(sizeof(stockade_tool_selector) == 12, "size of stockade_tool_selector");
_Static_assert(offsetof(stockade_tool_selector, of) == 4, "place of stockade_tool_selector.of");

/// A rule for a field of the body, by its path: `think`, `options.num_gpu`, `tools`.
/// A field that names a model cannot be named here.
typedef uint8_t stockade_field_rule_tag;
enum {
    /// Taken out, if it is there.
    STOCKADE_FIELD_RULE_STRIP = 0,
    /// A request that has it is refused.
    STOCKADE_FIELD_RULE_FORBID = 1,
    /// Written with this JSON value (no object, no list), if it is not there.
    STOCKADE_FIELD_RULE_INSERT = 2,
    /// Tools taken out of `tools`, whichever API the caller speaks.
    STOCKADE_FIELD_RULE_STRIP_TOOLS = 3,
};
typedef struct {
    stockade_field_rule_tag tag;
    union {
        stockade_string strip;
        stockade_string forbid;
        stockade_tuple_string_string insert;
        stockade_tool_selector strip_tools;
    } of;
} stockade_field_rule;
_Static_assert(sizeof(stockade_field_rule) == 20, "size of stockade_field_rule");
_Static_assert(offsetof(stockade_field_rule, of) == 4, "place of stockade_field_rule.of");

typedef struct {
    const stockade_limit *items;
    uint32_t count;
} stockade_list_limit;
_Static_assert(sizeof(stockade_list_limit) == 8, "size of stockade_list_limit");
_Static_assert(offsetof(stockade_list_limit, count) == 4, "place of stockade_list_limit.count");

typedef struct {
    const stockade_field_rule *items;
    uint32_t count;
} stockade_list_field_rule;
_Static_assert(sizeof(stockade_list_field_rule) == 8, "size of stockade_list_field_rule");
_Static_assert(offsetof(stockade_list_field_rule, count) == 4, "place of stockade_list_field_rule.count");

/// Demands that the host meets before it forwards the request. A request that is
/// changed by them is judged again.
typedef struct {
    /// Forward this model instead of the one asked for.
    stockade_option_string replace_model;
    stockade_list_limit limits;
    stockade_list_field_rule fields;
    /// Labels for the record of the request.
    stockade_list_tuple_string_string labels;
    /// The class of its turn: `high`, `normal`, `low`.
    stockade_option_string priority;
    /// The group of hosts that may answer it.
    stockade_option_string host_group;
} stockade_obligations;
_Static_assert(sizeof(stockade_obligations) == 60, "size of stockade_obligations");
_Static_assert(offsetof(stockade_obligations, replace_model) == 0, "place of stockade_obligations.replace_model");
_Static_assert(offsetof(stockade_obligations, limits) == 12, "place of stockade_obligations.limits");
_Static_assert(offsetof(stockade_obligations, fields) == 20, "place of stockade_obligations.fields");
_Static_assert(offsetof(stockade_obligations, labels) == 28, "place of stockade_obligations.labels");
_Static_assert(offsetof(stockade_obligations, priority) == 36, "place of stockade_obligations.priority");
_Static_assert(offsetof(stockade_obligations, host_group) == 48, "place of stockade_obligations.host_group");

/// The kind of a no.
typedef uint8_t stockade_denial_kind_tag;
enum {
    /// It stays so.
    STOCKADE_DENIAL_KIND_FORBIDDEN = 0,
    /// It may be asked again, from this time on (seconds since 1970) if there is one.
    STOCKADE_DENIAL_KIND_LATER = 1,
};
typedef struct {
    stockade_denial_kind_tag tag;
    union {
        stockade_option_u64 later;
    } of;
} stockade_denial_kind;
_Static_assert(sizeof(stockade_denial_kind) == 24, "size of stockade_denial_kind");
_Static_assert(offsetof(stockade_denial_kind, of) == 8, "place of stockade_denial_kind.of");

typedef struct {
    /// Shown to the caller.
    stockade_string reason;
    /// For the operator's log and for `explain`; never shown to callers.
    stockade_option_string note;
    stockade_denial_kind kind;
} stockade_denial;
_Static_assert(sizeof(stockade_denial) == 48, "size of stockade_denial");
_Static_assert(offsetof(stockade_denial, reason) == 0, "place of stockade_denial.reason");
_Static_assert(offsetof(stockade_denial, note) == 8, "place of stockade_denial.note");
_Static_assert(offsetof(stockade_denial, kind) == 24, "place of stockade_denial.kind");

typedef uint8_t stockade_verdict_tag;
enum {
    /// Permits it, if the obligations are met.
    STOCKADE_VERDICT_ALLOW = 0,
    /// Permits nothing. The obligations hold if another policy allows.
    STOCKADE_VERDICT_RESTRICT = 1,
    /// Refuses it, whoever allows.
    STOCKADE_VERDICT_DENY = 2,
    /// Nothing to say. A note says why an allow was not given, where that was close:
    /// it reaches the caller if nobody allows.
    STOCKADE_VERDICT_ABSTAIN = 3,
};
typedef struct {
    stockade_verdict_tag tag;
    union {
        stockade_obligations allow;
        stockade_obligations restrict_;
        stockade_denial deny;
        stockade_option_string abstain;
    } of;
} stockade_verdict;
_Static_assert(sizeof(stockade_verdict) == 72, "size of stockade_verdict");
_Static_assert(offsetof(stockade_verdict, of) == 8, "place of stockade_verdict.of");

/// A verdict, and for how long.
typedef struct {
    stockade_verdict verdict;
    /// For a verdict that depends on `time`: it stays the same until then (seconds since
    /// 1970), whatever the time. Absent means for this second.
    stockade_option_u64 valid_until;
} stockade_answer;
_Static_assert(sizeof(stockade_answer) == 88, "size of stockade_answer");
_Static_assert(offsetof(stockade_answer, verdict) == 0, "place of stockade_answer.verdict");
_Static_assert(offsetof(stockade_answer, valid_until) == 72, "place of stockade_answer.valid_until");

/// One thing that is wrong with a binding's settings.
typedef struct {
    /// Which of the settings, counted from 0 in the order given.
    uint32_t binding;
    /// The place in them, such as `allow[2]`; empty for the whole.
    stockade_string path;
    stockade_string message;
} stockade_problem;
_Static_assert(sizeof(stockade_problem) == 20, "size of stockade_problem");
_Static_assert(offsetof(stockade_problem, binding) == 0, "place of stockade_problem.binding");
_Static_assert(offsetof(stockade_problem, path) == 4, "place of stockade_problem.path");
_Static_assert(offsetof(stockade_problem, message) == 12, "place of stockade_problem.message");

/// The description that a policy gives of itself.
typedef struct {
    stockade_string name;
    stockade_string version;
    /// JSON Schema of one binding's settings.
    stockade_string settings_schema;
    /// The inputs that it is told: `caller`, `credential`, `catalogue`, `parameters`, `tools`,
    /// `prompt`, `texts`, `blobs`, `client`, `time`, `usage`, `body`. An allow for a
    /// model made of blobs counts only where `blobs` is among them.
    stockade_list_string inputs;
} stockade_metadata;
_Static_assert(sizeof(stockade_metadata) == 32, "size of stockade_metadata");
_Static_assert(offsetof(stockade_metadata, name) == 0, "place of stockade_metadata.name");
_Static_assert(offsetof(stockade_metadata, version) == 8, "place of stockade_metadata.version");
_Static_assert(offsetof(stockade_metadata, settings_schema) == 16, "place of stockade_metadata.settings_schema");
_Static_assert(offsetof(stockade_metadata, inputs) == 24, "place of stockade_metadata.inputs");

typedef uint8_t stockade_level;
enum {
    STOCKADE_LEVEL_TRACE = 0,
    STOCKADE_LEVEL_DEBUG = 1,
    STOCKADE_LEVEL_INFO = 2,
    STOCKADE_LEVEL_WARN = 3,
    STOCKADE_LEVEL_ERROR = 4,
};

typedef struct {
    const stockade_problem *items;
    uint32_t count;
} stockade_list_problem;
_Static_assert(sizeof(stockade_list_problem) == 8, "size of stockade_list_problem");
_Static_assert(offsetof(stockade_list_problem, count) == 4, "place of stockade_list_problem.count");

typedef struct {
    bool is_error;
    stockade_list_problem error;
} stockade_configured;
_Static_assert(sizeof(stockade_configured) == 12, "size of stockade_configured");
_Static_assert(offsetof(stockade_configured, is_error) == 0, "place of stockade_configured.is_error");
_Static_assert(offsetof(stockade_configured, error) == 4, "place of stockade_configured.error");

typedef struct {
    const uint32_t *items;
    uint32_t count;
} stockade_list_u32;
_Static_assert(sizeof(stockade_list_u32) == 8, "size of stockade_list_u32");
_Static_assert(offsetof(stockade_list_u32, count) == 4, "place of stockade_list_u32.count");

typedef struct {
    const stockade_answer *items;
    uint32_t count;
} stockade_list_answer;
_Static_assert(sizeof(stockade_list_answer) == 8, "size of stockade_list_answer");
_Static_assert(offsetof(stockade_list_answer, count) == 4, "place of stockade_list_answer.count");

/// The arguments that the host gives to `evaluate`.
typedef struct {
    stockade_request request;
    stockade_list_u32 bindings;
} stockade_evaluate_arguments;
_Static_assert(sizeof(stockade_evaluate_arguments) == 568, "size of stockade_evaluate_arguments");
_Static_assert(offsetof(stockade_evaluate_arguments, request) == 0, "place of stockade_evaluate_arguments.request");
_Static_assert(offsetof(stockade_evaluate_arguments, bindings) == 560, "place of stockade_evaluate_arguments.bindings");

static _Noreturn void stockade_undeclared(const char *input);

/// Returns the input `catalogue`, which `stockade_describe` has to declare.
static inline const stockade_presence *stockade_model_presence(const stockade_model *model) {
    if (!model->presence.is_some) stockade_undeclared("catalogue");
    return &model->presence.value;
}

/// Returns the input `caller`, which `stockade_describe` has to declare.
static inline const stockade_caller *stockade_request_caller(const stockade_request *request) {
    if (!request->caller.is_some) stockade_undeclared("caller");
    return &request->caller.value;
}

/// Returns the input `credential`, which `stockade_describe` has to declare.
static inline const stockade_credential *stockade_request_credential(const stockade_request *request) {
    if (!request->credential.is_some) stockade_undeclared("credential");
    return &request->credential.value;
}

/// Returns the input `parameters`, which `stockade_describe` has to declare.
static inline const stockade_parameters *stockade_request_parameters(const stockade_request *request) {
    if (!request->parameters.is_some) stockade_undeclared("parameters");
    return &request->parameters.value;
}

/// Returns the input `tools`, which `stockade_describe` has to declare.
static inline const stockade_list_string *stockade_request_tools(const stockade_request *request) {
    if (!request->tools.is_some) stockade_undeclared("tools");
    return &request->tools.value;
}

/// Returns the input `prompt`, which `stockade_describe` has to declare.
static inline const stockade_prompt *stockade_request_prompt(const stockade_request *request) {
    if (!request->prompt.is_some) stockade_undeclared("prompt");
    return &request->prompt.value;
}

/// Returns the input `texts`, which `stockade_describe` has to declare.
static inline const stockade_list_text *stockade_request_texts(const stockade_request *request) {
    if (!request->texts.is_some) stockade_undeclared("texts");
    return &request->texts.value;
}

/// Returns the input `blobs`, which `stockade_describe` has to declare.
static inline const stockade_list_blob *stockade_request_blobs(const stockade_request *request) {
    if (!request->blobs.is_some) stockade_undeclared("blobs");
    return &request->blobs.value;
}

/// Returns the input `client`, which `stockade_describe` has to declare.
static inline const stockade_client *stockade_request_client(const stockade_request *request) {
    if (!request->client.is_some) stockade_undeclared("client");
    return &request->client.value;
}

/// Returns the input `time`, which `stockade_describe` has to declare.
static inline const stockade_time *stockade_request_time(const stockade_request *request) {
    if (!request->time.is_some) stockade_undeclared("time");
    return &request->time.value;
}

/// Returns the input `usage`, which `stockade_describe` has to declare.
static inline const stockade_usage *stockade_request_usage(const stockade_request *request) {
    if (!request->usage.is_some) stockade_undeclared("usage");
    return &request->usage.value;
}

#define STOCKADE_EXPORT(name) __attribute__((export_name(name)))

stockade_metadata stockade_describe(void);
const char *stockade_check(stockade_string settings);
stockade_answer stockade_judge(const stockade_request *request, stockade_string settings);

/// A `stockade_string` from a literal, and a list from an array; for initializers.
#define STOCKADE_TEXT(literal) {literal, sizeof(literal) - 1}
#define STOCKADE_LIST(array) {array, sizeof(array) / sizeof((array)[0])}

static inline stockade_string stockade_c_string(const char *text) {
    stockade_string string = {text, 0};
    while (text[string.length]) string.length++;
    return string;
}

static inline bool stockade_ends_with(stockade_string text, stockade_string end) {
    if (text.length < end.length) return false;
    const char *at = text.at + (text.length - end.length);
    for (uint32_t i = 0; i < end.length; i++)
        if (at[i] != end.at[i]) return false;
    return true;
}

static inline bool stockade_starts_with(stockade_string text, stockade_string start) {
    if (text.length > start.length) text.length = start.length;
    return text.length == start.length && stockade_ends_with(text, start);
}

static inline bool stockade_equal(stockade_string a, stockade_string b) {
    return a.length == b.length && stockade_ends_with(a, b);
}

/// Compares with a C string, such as `"chat"`.
static inline bool stockade_is(stockade_string text, const char *word) {
    return stockade_equal(text, stockade_c_string(word));
}

/// Finds a text in a list, such as a group among those of a caller.
static inline bool stockade_contains(stockade_list_string list, stockade_string text) {
    for (uint32_t i = 0; i < list.count; i++)
        if (stockade_equal(list.items[i], text)) return true;
    return false;
}

/// Reads settings that are one text in JSON; false for anything else, for an empty text, and for
/// one with a backslash.
static inline bool stockade_json_text(stockade_string json, stockade_string *text) {
    if (json.length < 3 || json.at[0] != '"') return false;
    for (uint32_t i = 0; i < json.length; i++)
        if (json.at[i] == '\\') return false;
    text->at = json.at + 1;
    text->length = json.length - 2;
    return true;
}

extern unsigned char __heap_base;
static uintptr_t stockade_next;

/// Takes memory and never gives it back: an instance lives for one decision.
STOCKADE_EXPORT("cabi_realloc")
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    if (!stockade_next) stockade_next = (uintptr_t)&__heap_base;
    uintptr_t at = (stockade_next + align - 1) & ~(align - 1);
    uintptr_t has = __builtin_wasm_memory_size(0) * 65536, end = at + size;
    if (end < at) __builtin_trap();
    if (end > has && __builtin_wasm_memory_grow(0, (end - has + 65535) / 65536) == (size_t)-1)
        __builtin_trap();
    stockade_next = end;
    for (size_t i = 0; i < old_size && i < size; i++) ((char *)at)[i] = ((char *)old)[i];
    return (void *)at;
}

static inline void *stockade_new(size_t size) { return cabi_realloc(NULL, 0, 8, size); }

__attribute__((import_module("stockade:policy/log@1.0.0"), import_name("write")))
void stockade_log_write(uint32_t level, uint64_t bytes, uint32_t count, uint32_t more);

/// Writes a line into the operator's log.
static inline void stockade_log(stockade_level level, stockade_string line) {
    do {
        uint32_t count = line.length < 8 ? line.length : 8;
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < count; i++) bytes |= (uint64_t)(uint8_t)line.at[i] << (8 * i);
        line.at += count;
        line.length -= count;
        stockade_log_write(level, bytes, count, line.length > 0);
    } while (line.length > 0);
}

/// Refuses the request, because the policy reads what it has not declared.
static _Noreturn void stockade_undeclared(const char *input) {
    stockade_string name = stockade_c_string(input), text = stockade_c_string(
        " is read and not declared: add it to the inputs in stockade_describe");
    char *line = stockade_new(name.length + text.length);
    for (uint32_t i = 0; i < name.length; i++) line[i] = name.at[i];
    for (uint32_t i = 0; i < text.length; i++) line[name.length + i] = text.at[i];
    stockade_log(STOCKADE_LEVEL_ERROR, (stockade_string){line, name.length + text.length});
    __builtin_trap();
}

/// Nothing to say: the safe answer to everything that the policy does not know.
static inline stockade_answer stockade_abstain(void) {
    return (stockade_answer){.verdict = {.tag = STOCKADE_VERDICT_ABSTAIN}};
}

/// Nothing to say, and why an allow was not given. The caller is told if nobody else allows.
static inline stockade_answer stockade_abstain_because(const char *note) {
    stockade_answer answer = stockade_abstain();
    answer.verdict.of.abstain = (stockade_option_string){true, stockade_c_string(note)};
    return answer;
}

/// Refuses the request for good; the caller is shown the reason.
static inline stockade_answer stockade_deny(const char *reason) {
    stockade_denial denial = {.reason = stockade_c_string(reason)};
    return (stockade_answer){.verdict = {.tag = STOCKADE_VERDICT_DENY, .of = {.deny = denial}}};
}

/// Permits the request if the obligations are met; `(stockade_obligations){0}` has none.
static inline stockade_answer stockade_allow(stockade_obligations obligations) {
    return (stockade_answer){
        .verdict = {.tag = STOCKADE_VERDICT_ALLOW, .of = {.allow = obligations}}};
}

/// Permits nothing; the obligations hold if another policy allows.
static inline stockade_answer stockade_restrict(stockade_obligations obligations) {
    return (stockade_answer){
        .verdict = {.tag = STOCKADE_VERDICT_RESTRICT, .of = {.restrict_ = obligations}}};
}

/// The settings of the bindings. The host's snapshot carries them into every decision.
static stockade_list_string stockade_settings;

STOCKADE_EXPORT("stockade:policy/policy@1.0.0#describe")
const stockade_metadata *stockade_export_describe(void) {
    stockade_metadata *metadata = stockade_new(sizeof *metadata);
    *metadata = stockade_describe();
    return metadata;
}

STOCKADE_EXPORT("stockade:policy/policy@1.0.0#configure")
const stockade_configured *stockade_export_configure(const stockade_string *items, uint32_t count) {
    stockade_settings = (stockade_list_string){items, count};
    stockade_problem *problems = stockade_new(count * sizeof *problems);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *message = stockade_check(items[i]);
        if (message) problems[wrong++] = (stockade_problem){i, {"", 0}, stockade_c_string(message)};
    }
    stockade_configured *result = stockade_new(sizeof *result);
    *result = (stockade_configured){wrong > 0, {problems, wrong}};
    return result;
}

STOCKADE_EXPORT("stockade:policy/policy@1.0.0#evaluate")
const stockade_list_answer *stockade_export_evaluate(const stockade_evaluate_arguments *given) {
    uint32_t count = given->bindings.count;
    stockade_answer *answers = stockade_new(count * sizeof *answers);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t binding = given->bindings.items[i];
        answers[i] = stockade_judge(&given->request, stockade_settings.items[binding]);
    }
    stockade_list_answer *list = stockade_new(sizeof *list);
    *list = (stockade_list_answer){answers, count};
    return list;
}

#endif
