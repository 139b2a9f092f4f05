/* Any bytes as a form: never a crash, and what is made of one is JSON that no parser calls broken,
 * and held within the bounds. The boundary is b. */
#include <string.h>

#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/json/field_errors.h"
#include "server/api/form.h"
#include "tests/fuzz/fuzz.h"

#define MOST (64 * KIB)

static struct submission_rules submission = FUZZ_RULES;

static bool one_language(const void *ctx, size_t i, struct suffix_row *ret_row)
{
    (void)ctx;
    *ret_row = (struct suffix_row){ "cpp", "main.cpp" };
    return i == 0;
}

static int hold(void *ctx, size_t more, struct err *e)
{
    size_t *held = ctx;

    (void)e;
    *held += more;
    return 0;
}

static void must_be_json(const struct bytes *json)
{
    struct submission *s = NULL;
    struct field_errors p;
    struct err e;

    if (submission_parse(json->data, json->len, &submission, &s, &p, &e) < 0)
        MUST(e.kind == ERR_INPUT || strstr(e.msg, "deep"));
    submission_free(s);
    field_errors_clear(&p);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return text_init();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes body = { .data = (char *)(uintptr_t)data, .len = size };
    size_t held = 0;
    const struct form_rules rules = { .submission = &submission,
                                      .most = MOST,
                                      .languages = one_language,
                                      .hold = hold,
                                      .hold_ctx = &held };
    struct field_errors p;
    struct bytes json;
    struct err e = { 0 };

    if (form_to_json("multipart/form-data; boundary=b", &body, &rules, &json, &p, &e) == 0) {
        MUST(p.len == 0);
        must_be_json(&json);
        bytes_clear(&json);
    } else {
        MUST(e.kind == ERR_SYNTAX || (e.kind == ERR_INPUT && p.len > 0));
        MUST(text_is_utf8(e.msg, strlen(e.msg)));
        for (size_t i = 0; i < p.len; i++)
            MUST(text_is_utf8(p.list[i].pointer, strlen(p.list[i].pointer)));
    }
    MUST(held <= size + MOST + 64 * KIB);
    field_errors_clear(&p);
    return 0;
}
