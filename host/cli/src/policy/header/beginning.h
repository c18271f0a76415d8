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
