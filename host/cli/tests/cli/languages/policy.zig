//! Gives the answer that its settings name.

const stockade = @import("stockade.zig");

pub fn describe() stockade.Metadata {
    return .{
        .name = stockade.string("answers"),
        .version = stockade.string("1.0.0"),
        .settings_schema = stockade.string("{}"),
        .inputs = stockade.list(stockade.String, &.{}),
    };
}

pub fn check(settings: []const u8) ?[]const u8 {
    return if (settings.len > 2) null else "write an answer";
}

const limits = [_]stockade.Limit{.{
    .parameter = .{ .tag = .output, .of = undefined },
    .minimum = stockade.none(i64),
    .maximum = stockade.some(i64, 100),
    .insert = stockade.none(i64),
}};
const fields = [_]stockade.FieldRule{
    .{ .tag = .strip, .of = .{ .strip = stockade.string("think") } },
};

pub fn judge(request: *const stockade.Request, settings: []const u8) stockade.Answer {
    const word = stockade.jsonText(settings) orelse @trap();
    var obligations = stockade.nothing;
    obligations.limits = stockade.list(stockade.Limit, &limits);
    obligations.fields = stockade.list(stockade.FieldRule, &fields);
    if (!request.operation.is("chat")) return stockade.abstain;
    if (request.models.count != 1) return stockade.deny("name one model");
    const model = request.models.slice()[0].name.slice();
    if (!stockade.startsWith(model, "registry.ollama.ai/")) return stockade.deny("another registry");
    if (stockade.endsWith(model, ":70b")) return stockade.deny("too large");
    if (stockade.equal(word, "allow")) return stockade.allow(obligations);
    if (stockade.equal(word, "restrict")) return stockade.restrict(obligations);
    return stockade.abstainBecause("almost");
}

comptime {
    stockade.policy(@This());
}
