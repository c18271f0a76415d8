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
