
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
