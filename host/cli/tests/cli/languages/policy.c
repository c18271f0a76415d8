// Gives the answer that its settings name.

#include "stockade.h"

stockade_metadata stockade_describe(void) {
    return (stockade_metadata){
        .name = STOCKADE_TEXT("answers"),
        .version = STOCKADE_TEXT("1.0.0"),
        .settings_schema = STOCKADE_TEXT("{}"),
    };
}

const char *stockade_check(stockade_string settings) {
    return settings.length > 2 ? NULL : "write an answer";
}

static const stockade_limit LIMITS[] = {{
    .parameter = {.tag = STOCKADE_LIMITED_PARAMETER_OUTPUT},
    .maximum = {true, 100},
}};
static const stockade_field_rule FIELDS[] = {
    {.tag = STOCKADE_FIELD_RULE_STRIP, .of = {.strip = STOCKADE_TEXT("think")}},
};

stockade_answer stockade_judge(const stockade_request *request, stockade_string settings) {
    stockade_string word;
    stockade_obligations obligations = {
        .limits = STOCKADE_LIST(LIMITS), .fields = STOCKADE_LIST(FIELDS)};
    if (!stockade_json_text(settings, &word)) __builtin_trap();
    if (!stockade_is(request->operation, "chat")) return stockade_abstain();
    if (request->models.count != 1) return stockade_deny("name one model");
    stockade_string model = request->models.items[0].name;
    if (!stockade_starts_with(model, stockade_c_string("registry.ollama.ai/")))
        return stockade_deny("another registry");
    if (stockade_ends_with(model, stockade_c_string(":70b"))) return stockade_deny("too large");
    if (stockade_is(word, "allow")) return stockade_allow(obligations);
    if (stockade_is(word, "restrict")) return stockade_restrict(obligations);
    return stockade_abstain_because("almost");
}
