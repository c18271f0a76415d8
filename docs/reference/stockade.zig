//! The contract stockade:policy@1.0.0 for Zig, as wasm32 lays it out; and what every policy needs.
//!
//! Written by `stockade policy header --language zig`; do not change it, write it anew.
//!
//! A policy has three functions, and ends with `comptime { stockade.policy(@This()); }`:
//!
//!     pub fn describe() stockade.Metadata
//!     pub fn check(settings: []const u8) ?[]const u8
//!     pub fn judge(request: *const stockade.Request, settings: []const u8) stockade.Answer
//!
//! `describe` says what the policy is and which inputs it reads. `check` is asked once about the
//! settings (JSON) of each binding, and returns what is wrong with them, or null. `judge` answers
//! a request for one binding. What it changes outside of itself is gone after the decision.

/// A text in UTF-8.
pub const String = extern struct {
    at: [*]const u8,
    length: u32,

    pub fn slice(self: String) []const u8 {
        return if (self.length == 0) "" else self.at[0..self.length];
    }

    /// Compares with a text, such as `"chat"`.
    pub fn is(self: String, text: []const u8) bool {
        return equal(self.slice(), text);
    }
};

pub fn string(text: []const u8) String {
    return .{ .at = somewhere(u8, text), .length = @intCast(text.len) };
}

pub fn List(comptime T: type) type {
    return extern struct {
        items: [*]const T,
        count: u32,

        pub fn slice(self: @This()) []const T {
            return if (self.count == 0) &.{} else self.items[0..self.count];
        }
    };
}

pub fn list(comptime T: type, items: []const T) List(T) {
    return .{ .items = somewhere(T, items), .count = @intCast(items.len) };
}

/// The host reads nothing from an empty list, and insists that its address lies in the memory.
fn somewhere(comptime T: type, items: []const T) [*]const T {
    return if (items.len == 0) @ptrFromInt(@alignOf(T)) else items.ptr;
}

pub fn Option(comptime T: type) type {
    return extern struct {
        is_some: bool,
        value: T,

        pub fn get(self: @This()) ?T {
            return if (self.is_some) self.value else null;
        }
    };
}

pub fn none(comptime T: type) Option(T) {
    return .{ .is_some = false, .value = undefined };
}

pub fn some(comptime T: type, value: T) Option(T) {
    return .{ .is_some = true, .value = value };
}

pub fn Pair(comptime A: type, comptime B: type) type {
    return extern struct { first: A, second: B };
}

fn expect(comptime found: usize, comptime wanted: usize) void {
    if (found != wanted) @compileError("not laid out as the contract says; build for wasm32");
}

/// The caller, as proven by the host. Input `caller`.
pub const Caller = extern struct {
    /// The user's name in the host's configuration, or as the token's issuer says it.
    user: String,
    /// The groups the user belongs to, sorted.
    groups: List(String),
    /// Attributes given to the user in the configuration or by a token's claims.
    attributes: List(Pair(String, String)),
};

/// The kind of proof by which the caller came.
pub const ProofKind = extern struct {
    tag: enum(u8) {
        api_key,
        basic,
        mtls,
        token,
        jwt,
        ollama_key,
        anonymous,
        other,
    },
    of: extern union {
        other: String,
    },
};

/// By which of its credentials the caller came. Input `credential`.
pub const Credential = extern struct {
    proof: ProofKind,
    /// Its id in the configuration, never the secret.
    id: Option(String),
    /// Labels that the configuration gives it.
    labels: List(Pair(String, String)),
};

/// The kind of thing that an operation does.
pub const AccessClass = enum(u8) {
    /// Runs a model: generate, chat, embed, transcribe, load.
    inference,
    /// Reads what is there: list, show, running, status.
    read,
    /// Changes models or disk: pull, push, create, copy, delete, blobs, unload, pin.
    manage,
    /// Touches the host owner's ollama.com account.
    account,
    /// Searches or fetches from the web through the owner's account.
    web,
};

/// The API the caller speaks.
pub const Dialect = extern struct {
    tag: enum(u8) {
        native,
        openai,
        anthropic,
        other,
    },
    of: extern union {
        other: String,
    },
};

/// The use that a request makes of a model that it names.
pub const ModelRole = extern struct {
    tag: enum(u8) {
        /// Runs or reads it.
        use,
        /// Creates, overwrites, pulls, pushes or deletes it.
        target,
        /// Copies from it.
        source,
        /// Builds on it (`from` of a create).
        base,
        /// Copies to it.
        destination,
        other,
    },
    of: extern union {
        other: String,
    },
};

/// Facts of an installed model, as Ollama tells them. Absent means it does not tell.
pub const ModelFacts = extern struct {
    /// Digest of its manifest; two names with one digest are one model.
    digest: Option(String),
    /// Size on disk in bytes.
    bytes: Option(u64),
    /// Number of parameters: 8.2B is 8200000000.
    parameters: Option(u64),
    /// Such as `Q4_K_M`.
    quantization: Option(String),
    /// Such as `qwen3`.
    family: Option(String),
    /// True if it is in memory.
    loaded: bool,
};

/// Tells whether a model is installed.
pub const Presence = extern struct {
    tag: enum(u8) {
        installed,
        missing,
        /// Ollama has not told. A policy that needs to know must not guess.
        unknown,
    },
    of: extern union {
        installed: ModelFacts,
    },
};

pub const Model = extern struct {
    /// The canonical name, always complete and lower case:
    /// `registry.ollama.ai/library/llama3.2:3b`.
    name: String,
    role: ModelRole,
    /// True if it runs in Ollama's cloud, by its name or by what Ollama tells.
    cloud: bool,
    /// Input `catalogue`.
    presence: Option(Presence),
};

/// Parameters of the request, read from its body. Absent means the caller said
/// nothing. Input `parameters`.
pub const Parameters = extern struct {
    /// True if the answer will be streamed (the route's default applied).
    streaming: bool,
    /// Context length in tokens (`options.num_ctx`).
    context: Option(i64),
    /// Largest number of tokens to produce (`num_predict`, `max_tokens`, …).
    output: Option(i64),
    /// Seconds for which the model stays loaded; negative means for ever.
    keep_alive: Option(i64),
    /// Number of images that the request carries.
    images: u32,
    /// Number of tools that the request offers to the model.
    tools: u32,
    /// True if a tool makes Ollama search the web on the owner's account.
    web_search: bool,
    /// True if the request asks for the rendered prompt instead of an answer.
    debug_render: bool,
    /// True if a pull or push asks for plain HTTP.
    insecure: bool,
    /// The remote host of a model that is being created.
    remote_host: Option(String),
    /// `think`: `true`, `false`, or a level such as `high`.
    think: Option(String),
    /// `format`: `json`, or `schema` for one of the caller's own.
    format: Option(String),
    /// Options that make Ollama load the model anew, by name: `num_gpu`, `num_thread`, …
    runner_options: List(String),
};

/// The amount of text. Input `prompt`.
pub const Prompt = extern struct {
    /// Bytes of all texts.
    bytes: u64,
    /// True if the caller sends a system prompt.
    system: bool,
};

/// One text of the request, from whichever API. Input `texts`.
pub const Text = extern struct {
    /// `system`, `user`, `assistant`, `tool`, `prompt`, `suffix`, `input`, or as the
    /// caller calls it.
    role: String,
    text: String,
};

/// A blob that the request names. It reaches the weights of every model on the host.
/// Input `blobs`.
pub const Blob = extern struct {
    /// `sha256:…`.
    digest: String,
    /// True if the caller has sent it.
    uploaded: bool,
};

pub const Transport = extern struct {
    tag: enum(u8) {
        plain,
        tls,
        mutual_tls,
        other,
    },
    of: extern union {
        other: String,
    },
};

/// The origin of the call. Input `client`.
pub const Client = extern struct {
    /// The caller's IP address, trusted proxies already taken into account.
    address: String,
    transport: Transport,
    /// The name of the listener, if it has one.
    listener: Option(String),
};

/// The time at which the host received the request. Input `time`.
pub const Time = extern struct {
    /// Seconds since 1970-01-01T00:00:00Z.
    unix_seconds: u64,
    /// Day of the week in the configured zone: 1 is Monday, 7 is Sunday.
    weekday: u8,
    /// Minutes since midnight in the configured zone, 0 to 1439.
    minute_of_day: u16,
};

/// The usage in one window, this request not counted.
pub const Counter = extern struct {
    requests: u64,
    /// Of prompts and answers together.
    tokens: u64,
    gpu_milliseconds: u64,
};

pub const Windows = extern struct {
    /// The last sixty seconds, and up to ten more: requests count when they begin, tokens and
    /// GPU time when they end. The others are windows of the calendar.
    minute: Counter,
    hour: Counter,
    day: Counter,
    month: Counter,
};

/// The usage of the caller so far. Input `usage`.
pub const Usage = extern struct {
    /// All of it.
    total: Windows,
    /// With the models of this request.
    with_model: Windows,
};

/// The first four facts are told to every policy, the others to those that list the
/// input in `describe`; from the rest they are withheld.
pub const Request = extern struct {
    /// `generate`, `chat`, `embed`, `transcribe`, `load`, `unload`, `pin`, `list`,
    /// `running`, `show`, `recommend`, `status`, `pull`, `push`, `create`, `copy`,
    /// `delete`, `upload-blob`, `check-blob`, `whoami`, `sign-out`, `web-search`,
    /// `web-fetch`. Text, because Ollama adds operations within a minor version.
    operation: String,
    access: AccessClass,
    dialect: Dialect,
    /// Every model that the request names.
    models: List(Model),
    caller: Option(Caller),
    credential: Option(Credential),
    parameters: Option(Parameters),
    /// Names of the tools that the request offers. Input `tools`.
    tools: Option(List(String)),
    prompt: Option(Prompt),
    texts: Option(List(Text)),
    blobs: Option(List(Blob)),
    client: Option(Client),
    time: Option(Time),
    usage: Option(Usage),
    /// The canonical JSON body. Input `body`.
    body: Option(String),
};

/// A number of a request that can be limited.
pub const LimitedParameter = extern struct {
    tag: enum(u8) {
        context,
        output,
        keep_alive,
        /// By its path in the body, such as `options.num_gpu`.
        other,
    },
    of: extern union {
        other: String,
    },
};

/// Limits of one number of the request. A value outside is moved to the nearest within.
pub const Limit = extern struct {
    parameter: LimitedParameter,
    minimum: Option(i64),
    maximum: Option(i64),
    /// Written into a request that does not mention the parameter.
    insert: Option(i64),
};

/// Some of the tools that a request offers to the model.
pub const ToolSelector = extern struct {
    tag: enum(u8) {
        /// Those that make Ollama search the web on the owner's account.
        web_search,
        /// Those of this name, as `tools` has it.
        named,
    },
    of: extern union {
        named: String,
    },
};

/// A rule for a field of the body, by its path: `think`, `options.num_gpu`, `tools`.
/// A field that names a model cannot be named here.
pub const FieldRule = extern struct {
    tag: enum(u8) {
        /// Taken out, if it is there.
        strip,
        /// A request that has it is refused.
        forbid,
        /// Written with this JSON value (no object, no list), if it is not there.
        insert,
        /// Tools taken out of `tools`, whichever API the caller speaks.
        strip_tools,
    },
    of: extern union {
        strip: String,
        forbid: String,
        insert: Pair(String, String),
        strip_tools: ToolSelector,
    },
};

/// Demands that the host meets before it forwards the request. A request that is
/// changed by them is judged again.
pub const Obligations = extern struct {
    /// Forward this model instead of the one asked for.
    replace_model: Option(String),
    limits: List(Limit),
    fields: List(FieldRule),
    /// Labels for the record of the request.
    labels: List(Pair(String, String)),
    /// The class of its turn: `high`, `normal`, `low`.
    priority: Option(String),
    /// The group of hosts that may answer it.
    host_group: Option(String),
};

/// The kind of a no.
pub const DenialKind = extern struct {
    tag: enum(u8) {
        /// It stays so.
        forbidden,
        /// It may be asked again, from this time on (seconds since 1970) if there is one.
        later,
    },
    of: extern union {
        later: Option(u64),
    },
};

pub const Denial = extern struct {
    /// Shown to the caller.
    reason: String,
    /// For the operator's log and for `explain`; never shown to callers.
    note: Option(String),
    kind: DenialKind,
};

pub const Verdict = extern struct {
    tag: enum(u8) {
        /// Permits it, if the obligations are met.
        allow,
        /// Permits nothing. The obligations hold if another policy allows.
        restrict,
        /// Refuses it, whoever allows.
        deny,
        /// Nothing to say. A note says why an allow was not given, where that was close:
        /// it reaches the caller if nobody allows.
        abstain,
    },
    of: extern union {
        allow: Obligations,
        restrict: Obligations,
        deny: Denial,
        abstain: Option(String),
    },
};

/// A verdict, and for how long.
pub const Answer = extern struct {
    verdict: Verdict,
    /// For a verdict that depends on `time`: it stays the same until then (seconds since
    /// 1970), whatever the time. Absent means for this second.
    valid_until: Option(u64),
};

/// One thing that is wrong with a binding's settings.
pub const Problem = extern struct {
    /// Which of the settings, counted from 0 in the order given.
    binding: u32,
    /// The place in them, such as `allow[2]`; empty for the whole.
    path: String,
    message: String,
};

/// The description that a policy gives of itself.
pub const Metadata = extern struct {
    name: String,
    version: String,
    /// JSON Schema of one binding's settings.
    settings_schema: String,
    /// The inputs that it is told: `caller`, `credential`, `catalogue`, `parameters`, `tools`,
    /// `prompt`, `texts`, `blobs`, `client`, `time`, `usage`, `body`. An allow for a
    /// model made of blobs counts only where `blobs` is among them.
    inputs: List(String),
};

pub const Level = enum(u8) {
    trace,
    debug,
    info,
    warn,
    @"error",
};

/// The arguments that the host gives to `evaluate`.
pub const EvaluateArguments = extern struct {
    request: Request,
    bindings: List(u32),
};

comptime {
    expect(@offsetOf(Caller, "user"), 0);
    expect(@offsetOf(Caller, "groups"), 8);
    expect(@offsetOf(Caller, "attributes"), 16);
    expect(@sizeOf(Caller), 24);
    expect(@offsetOf(ProofKind, "of"), 4);
    expect(@sizeOf(ProofKind), 12);
    expect(@offsetOf(Credential, "proof"), 0);
    expect(@offsetOf(Credential, "id"), 12);
    expect(@offsetOf(Credential, "labels"), 24);
    expect(@sizeOf(Credential), 32);
    expect(@sizeOf(AccessClass), 1);
    expect(@offsetOf(Dialect, "of"), 4);
    expect(@sizeOf(Dialect), 12);
    expect(@offsetOf(ModelRole, "of"), 4);
    expect(@sizeOf(ModelRole), 12);
    expect(@offsetOf(ModelFacts, "digest"), 0);
    expect(@offsetOf(ModelFacts, "bytes"), 16);
    expect(@offsetOf(ModelFacts, "parameters"), 32);
    expect(@offsetOf(ModelFacts, "quantization"), 48);
    expect(@offsetOf(ModelFacts, "family"), 60);
    expect(@offsetOf(ModelFacts, "loaded"), 72);
    expect(@sizeOf(ModelFacts), 80);
    expect(@offsetOf(Presence, "of"), 8);
    expect(@sizeOf(Presence), 88);
    expect(@offsetOf(Model, "name"), 0);
    expect(@offsetOf(Model, "role"), 8);
    expect(@offsetOf(Model, "cloud"), 20);
    expect(@offsetOf(Model, "presence"), 24);
    expect(@sizeOf(Model), 120);
    expect(@offsetOf(Parameters, "streaming"), 0);
    expect(@offsetOf(Parameters, "context"), 8);
    expect(@offsetOf(Parameters, "output"), 24);
    expect(@offsetOf(Parameters, "keep_alive"), 40);
    expect(@offsetOf(Parameters, "images"), 56);
    expect(@offsetOf(Parameters, "tools"), 60);
    expect(@offsetOf(Parameters, "web_search"), 64);
    expect(@offsetOf(Parameters, "debug_render"), 65);
    expect(@offsetOf(Parameters, "insecure"), 66);
    expect(@offsetOf(Parameters, "remote_host"), 68);
    expect(@offsetOf(Parameters, "think"), 80);
    expect(@offsetOf(Parameters, "format"), 92);
    expect(@offsetOf(Parameters, "runner_options"), 104);
    expect(@sizeOf(Parameters), 112);
    expect(@offsetOf(Prompt, "bytes"), 0);
    expect(@offsetOf(Prompt, "system"), 8);
    expect(@sizeOf(Prompt), 16);
    expect(@offsetOf(Text, "role"), 0);
    expect(@offsetOf(Text, "text"), 8);
    expect(@sizeOf(Text), 16);
    expect(@offsetOf(Blob, "digest"), 0);
    expect(@offsetOf(Blob, "uploaded"), 8);
    expect(@sizeOf(Blob), 12);
    expect(@offsetOf(Transport, "of"), 4);
    expect(@sizeOf(Transport), 12);
    expect(@offsetOf(Client, "address"), 0);
    expect(@offsetOf(Client, "transport"), 8);
    expect(@offsetOf(Client, "listener"), 20);
    expect(@sizeOf(Client), 32);
    expect(@offsetOf(Time, "unix_seconds"), 0);
    expect(@offsetOf(Time, "weekday"), 8);
    expect(@offsetOf(Time, "minute_of_day"), 10);
    expect(@sizeOf(Time), 16);
    expect(@offsetOf(Counter, "requests"), 0);
    expect(@offsetOf(Counter, "tokens"), 8);
    expect(@offsetOf(Counter, "gpu_milliseconds"), 16);
    expect(@sizeOf(Counter), 24);
    expect(@offsetOf(Windows, "minute"), 0);
    expect(@offsetOf(Windows, "hour"), 24);
    expect(@offsetOf(Windows, "day"), 48);
    expect(@offsetOf(Windows, "month"), 72);
    expect(@sizeOf(Windows), 96);
    expect(@offsetOf(Usage, "total"), 0);
    expect(@offsetOf(Usage, "with_model"), 96);
    expect(@sizeOf(Usage), 192);
    expect(@offsetOf(Request, "operation"), 0);
    expect(@offsetOf(Request, "access"), 8);
    expect(@offsetOf(Request, "dialect"), 12);
    expect(@offsetOf(Request, "models"), 24);
    expect(@offsetOf(Request, "caller"), 32);
    expect(@offsetOf(Request, "credential"), 60);
    expect(@offsetOf(Request, "parameters"), 96);
    expect(@offsetOf(Request, "tools"), 216);
    expect(@offsetOf(Request, "prompt"), 232);
    expect(@offsetOf(Request, "texts"), 256);
    expect(@offsetOf(Request, "blobs"), 268);
    expect(@offsetOf(Request, "client"), 280);
    expect(@offsetOf(Request, "time"), 320);
    expect(@offsetOf(Request, "usage"), 344);
    expect(@offsetOf(Request, "body"), 544);
    expect(@sizeOf(Request), 560);
    expect(@offsetOf(LimitedParameter, "of"), 4);
    expect(@sizeOf(LimitedParameter), 12);
    expect(@offsetOf(Limit, "parameter"), 0);
    expect(@offsetOf(Limit, "minimum"), 16);
    expect(@offsetOf(Limit, "maximum"), 32);
    expect(@offsetOf(Limit, "insert"), 48);
    expect(@sizeOf(Limit), 64);
    expect(@offsetOf(ToolSelector, "of"), 4);
    expect(@sizeOf(ToolSelector), 12);
    expect(@offsetOf(FieldRule, "of"), 4);
    expect(@sizeOf(FieldRule), 20);
    expect(@offsetOf(Obligations, "replace_model"), 0);
    expect(@offsetOf(Obligations, "limits"), 12);
    expect(@offsetOf(Obligations, "fields"), 20);
    expect(@offsetOf(Obligations, "labels"), 28);
    expect(@offsetOf(Obligations, "priority"), 36);
    expect(@offsetOf(Obligations, "host_group"), 48);
    expect(@sizeOf(Obligations), 60);
    expect(@offsetOf(DenialKind, "of"), 8);
    expect(@sizeOf(DenialKind), 24);
    expect(@offsetOf(Denial, "reason"), 0);
    expect(@offsetOf(Denial, "note"), 8);
    expect(@offsetOf(Denial, "kind"), 24);
    expect(@sizeOf(Denial), 48);
    expect(@offsetOf(Verdict, "of"), 8);
    expect(@sizeOf(Verdict), 72);
    expect(@offsetOf(Answer, "verdict"), 0);
    expect(@offsetOf(Answer, "valid_until"), 72);
    expect(@sizeOf(Answer), 88);
    expect(@offsetOf(Problem, "binding"), 0);
    expect(@offsetOf(Problem, "path"), 4);
    expect(@offsetOf(Problem, "message"), 12);
    expect(@sizeOf(Problem), 20);
    expect(@offsetOf(Metadata, "name"), 0);
    expect(@offsetOf(Metadata, "version"), 8);
    expect(@offsetOf(Metadata, "settings_schema"), 16);
    expect(@offsetOf(Metadata, "inputs"), 24);
    expect(@sizeOf(Metadata), 32);
    expect(@sizeOf(Level), 1);
    expect(@offsetOf(EvaluateArguments, "request"), 0);
    expect(@offsetOf(EvaluateArguments, "bindings"), 560);
    expect(@sizeOf(EvaluateArguments), 568);
}

/// An input that `describe` declares: a field of a request, or `presence` of a model, for which
/// `catalogue` is declared. Where it is not, the request is refused.
pub fn input(
    from: anytype,
    comptime field: []const u8,
) *const @TypeOf(@field(from.*, field).value) {
    const told = &@field(from.*, field);
    if (!told.is_some) {
        const name = if (comptime equal(field, "presence")) "catalogue" else field;
        log(.@"error", "`" ++ name ++ "` is read and not declared: add it to the inputs in describe");
        @trap();
    }
    return &told.value;
}

/// Nothing to say: the safe answer to everything that the policy does not know.
pub const abstain = answer(.{ .tag = .abstain, .of = .{ .abstain = none(String) } });

/// Nothing to say, and why an allow was not given. The caller is told if nobody else allows.
pub fn abstainBecause(note: []const u8) Answer {
    return answer(.{ .tag = .abstain, .of = .{ .abstain = some(String, string(note)) } });
}

/// Refuses the request for good; the caller is shown the reason.
pub fn deny(reason: []const u8) Answer {
    return answer(.{ .tag = .deny, .of = .{ .deny = .{
        .reason = string(reason),
        .note = none(String),
        .kind = .{ .tag = .forbidden, .of = undefined },
    } } });
}

/// Obligations with nothing in them.
pub const nothing: Obligations = .{
    .replace_model = none(String),
    .limits = list(Limit, &.{}),
    .fields = list(FieldRule, &.{}),
    .labels = list(Pair(String, String), &.{}),
    .priority = none(String),
    .host_group = none(String),
};

/// Permits the request if the obligations are met.
pub fn allow(obligations: Obligations) Answer {
    return answer(.{ .tag = .allow, .of = .{ .allow = obligations } });
}

/// Permits nothing; the obligations hold if another policy allows.
pub fn restrict(obligations: Obligations) Answer {
    return answer(.{ .tag = .restrict, .of = .{ .restrict = obligations } });
}

fn answer(verdict: Verdict) Answer {
    return .{ .verdict = verdict, .valid_until = none(u64) };
}

pub fn equal(a: []const u8, b: []const u8) bool {
    if (a.len != b.len) return false;
    for (a, b) |one, other| if (one != other) return false;
    return true;
}

pub fn startsWith(text: []const u8, start: []const u8) bool {
    return text.len >= start.len and equal(text[0..start.len], start);
}

pub fn endsWith(text: []const u8, end: []const u8) bool {
    return text.len >= end.len and equal(text[text.len - end.len ..], end);
}

/// Finds a text in a list, such as a group among those of a caller.
pub fn contains(texts: List(String), text: []const u8) bool {
    for (texts.slice()) |one| if (one.is(text)) return true;
    return false;
}

/// Settings that are one text in JSON; null for anything else, for an empty text, and for one with
/// a backslash.
pub fn jsonText(json: []const u8) ?[]const u8 {
    if (json.len < 3 or json[0] != '"') return null;
    for (json) |byte| if (byte == '\\') return null;
    return json[1 .. json.len - 1];
}

const Write = fn (level: u32, bytes: u64, count: u32, more: u32) callconv(.c) void;
const write = @extern(*const Write, .{
    .name = "write",
    .library_name = "stockade:policy/log@1.0.0",
});

/// Writes a line into the operator's log.
pub fn log(level: Level, line: []const u8) void {
    var rest = line;
    while (true) {
        const count = @min(rest.len, 8);
        var bytes: u64 = 0;
        for (rest[0..count], 0..) |byte, i| bytes |= @as(u64, byte) << @intCast(8 * i);
        rest = rest[count..];
        write(@intFromEnum(level), bytes, @intCast(count), @intFromBool(rest.len > 0));
        if (rest.len == 0) return;
    }
}

extern var __heap_base: u8;
var next: usize = 0;

/// Takes memory and never gives it back: an instance lives for one decision.
fn realloc(old: usize, old_size: usize, alignment: usize, size: usize) callconv(.c) usize {
    if (next == 0) next = @intFromPtr(&__heap_base);
    const at = (next + alignment - 1) & ~(alignment - 1);
    const has = @wasmMemorySize(0) * 65536;
    const end = at +% size;
    if (end < at) @trap();
    if (end > has and @wasmMemoryGrow(0, (end - has + 65535) / 65536) == -1) @trap();
    next = end;
    for (0..@min(old_size, size)) |i| {
        @as(*u8, @ptrFromInt(at + i)).* = @as(*const u8, @ptrFromInt(old + i)).*;
    }
    return at;
}

fn create(comptime T: type, count: usize) [*]T {
    return @ptrFromInt(realloc(0, 0, 8, @max(count, 1) * @sizeOf(T)));
}

/// The settings of the bindings. The host's snapshot carries them into every decision.
var settings_list: List(String) = undefined;

/// Exports a policy.
pub fn policy(comptime Policy: type) void {
    const Exports = struct {
        fn describe() callconv(.c) *const Metadata {
            const metadata = create(Metadata, 1);
            metadata[0] = Policy.describe();
            return &metadata[0];
        }

        fn configure(items: [*]const String, count: u32) callconv(.c) *const Option(List(Problem)) {
            settings_list = .{ .items = items, .count = count };
            const problems = create(Problem, count);
            var wrong: u32 = 0;
            for (settings_list.slice(), 0..) |one, binding| {
                const message = Policy.check(one.slice()) orelse continue;
                problems[wrong] = .{
                    .binding = @intCast(binding),
                    .path = string(""),
                    .message = string(message),
                };
                wrong += 1;
            }
            // A result with nothing but an error is laid out like an option.
            const result = create(Option(List(Problem)), 1);
            result[0] = .{ .is_some = wrong > 0, .value = .{ .items = problems, .count = wrong } };
            return &result[0];
        }

        fn evaluate(given: *const EvaluateArguments) callconv(.c) *const List(Answer) {
            const bindings = given.bindings.slice();
            const answers = create(Answer, bindings.len);
            for (bindings, 0..) |binding, i| {
                answers[i] = Policy.judge(&given.request, settings_list.slice()[binding].slice());
            }
            const result = create(List(Answer), 1);
            result[0] = .{ .items = answers, .count = @intCast(bindings.len) };
            return &result[0];
        }
    };
    @export(&realloc, .{ .name = "cabi_realloc" });
    @export(&Exports.describe, .{ .name = "stockade:policy/policy@1.0.0#describe" });
    @export(&Exports.configure, .{ .name = "stockade:policy/policy@1.0.0#configure" });
    @export(&Exports.evaluate, .{ .name = "stockade:policy/policy@1.0.0#evaluate" });
}
