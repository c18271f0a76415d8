
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
