/* Any bytes as key and value: never a crash, an id is always legal, a reason always text, and what
 * is accepted is what the parser alone accepts. */
#include <string.h>

#include "bridge/consume/envelope.h"
#include "schema/base/err.h"
#include "schema/base/text.h"
#include "tests/fuzz/fuzz.h"

static const struct submission_rules rules = FUZZ_RULES;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return text_init();
}

static void check(const struct envelope *v, const char *value, size_t len)
{
    struct submission *s = NULL;
    struct field_errors p;

    MUST(submission_id_is_legal(v->derived, strlen(v->derived)));
    MUST(!v->id[0] || submission_id_is_legal(v->id, strlen(v->id)));
    MUST(text_is_utf8(v->reason, strlen(v->reason)));
    bool good = value && submission_parse(value, len, &rules, &s, &p, NULL) == 0;
    MUST(good == (v->kind == ENVELOPE_SUBMISSION));
    MUST(good == (v->submission != NULL));
    if (value)
        field_errors_clear(&p);
    submission_free(s);
}

/* The first byte says how long the key is; 255: there is none, 254: no value either. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    size_t key_len = size > 0 ? data[0] : 255, body = size > 0 ? size - 1 : 0;
    bool key = key_len < 254, value = key_len != 254;
    struct envelope v;

    key_len = !key ? 0 : key_len < body ? key_len : body;
    const struct envelope_message m = { .key = key ? bytes + 1 : NULL,
                                        .key_len = key_len,
                                        .value = value ? bytes + size - (body - key_len) : NULL,
                                        .value_len = value ? body - key_len : 0,
                                        .topic = "scripts",
                                        .offset = 7 };
    MUST(envelope_open(&m, &rules, 1 << 20, &v, NULL) == 0);
    check(&v, m.value, m.value_len);
    envelope_clear(&v);
    return 0;
}
