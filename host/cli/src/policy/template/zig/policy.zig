//! Refuses requests that offer tools to a model, except from the group that its settings name.

const stockade = @import("stockade.zig");

/// The inputs that the policy reads; everything else is withheld from it.
const inputs = [_]stockade.String{ stockade.string("caller"), stockade.string("parameters") };

pub fn describe() stockade.Metadata {
    return .{
        .name = stockade.string("no-tools"),
        .version = stockade.string("0.1.0"),
        .settings_schema = stockade.string("{\"type\":\"string\",\"minLength\":1}"),
        .inputs = stockade.list(stockade.String, &inputs),
    };
}

pub fn check(settings: []const u8) ?[]const u8 {
    if (stockade.jsonText(settings) == null) return "write the name of a group, such as \"ops\"";
    return null;
}

pub fn judge(request: *const stockade.Request, settings: []const u8) stockade.Answer {
    const exempt = stockade.jsonText(settings) orelse @trap();
    if (stockade.input(request, "parameters").tools == 0) return stockade.abstain;
    const caller = stockade.input(request, "caller");
    if (stockade.contains(caller.groups, exempt)) return stockade.abstain;
    stockade.log(.debug, "a request offers tools");
    return stockade.deny("tools are not allowed for you; leave out the field `tools`");
}

comptime {
    stockade.policy(@This());
}
