// Refuses requests that offer tools to a model, except from the group that its settings name.

#include "stockade.h"

/// The inputs that the policy reads; everything else is withheld from it.
static const stockade_string INPUTS[] = {STOCKADE_TEXT("caller"), STOCKADE_TEXT("parameters")};

stockade_metadata stockade_describe(void) {
    return (stockade_metadata){
        .name = STOCKADE_TEXT("no-tools"),
        .version = STOCKADE_TEXT("0.1.0"),
        .settings_schema = STOCKADE_TEXT("{\"type\":\"string\",\"minLength\":1}"),
        .inputs = STOCKADE_LIST(INPUTS),
    };
}

const char *stockade_check(stockade_string settings) {
    stockade_string group;
    if (!stockade_json_text(settings, &group)) return "write the name of a group, such as \"ops\"";
    return NULL;
}

stockade_answer stockade_judge(const stockade_request *request, stockade_string settings) {
    stockade_string exempt;
    if (!stockade_json_text(settings, &exempt)) __builtin_trap();
    if (stockade_request_parameters(request)->tools == 0) return stockade_abstain();
    if (stockade_contains(stockade_request_caller(request)->groups, exempt))
        return stockade_abstain();
    stockade_log(STOCKADE_LEVEL_DEBUG, stockade_c_string("a request offers tools"));
    return stockade_deny("tools are not allowed for you; leave out the field `tools`");
}
