/* Any bytes as the label of a filter: never a crash, and what is taken is a label that a submission
 * may have, and is found in the text of all labels of one that has it. */
#include <jansson.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/model/labels.h"
#include "tests/fuzz/fuzz.h"

static struct submission_rules rules = FUZZ_RULES;

static struct submission *send_with(const char *label)
{
    const char *value = strchr(label, ':') + 1;
    char *name = strndup(label, (size_t)(value - 1 - label));
    json_t *json = json_pack("{s:s,s:s,s:{s:s,s:s}}", "language", "c", "source", "x", "labels", "0",
                             "\"a\":\"b\"", name, value);
    char *text = json_dumps(json, 0);
    struct submission *s;
    struct field_errors p;
    struct err e;

    MUST(text);
    MUST(submission_parse(text, strlen(text), &rules, &s, &p, &e) == 0);
    field_errors_clear(&p);
    free(text);
    json_decref(json);
    free(name);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct labels_wanted w;
    struct err e;

    if (labels_wanted_read(text, &w, &e) == 0) {
        struct submission *s = send_with(text);
        MUST(labels_have(s->labels, strlen(s->labels), &w));
        MUST(strlen(s->labels) <= LABELS_TEXT_MAX);
        submission_free(s);
        labels_wanted_clear(&w);
    } else {
        MUST(e.kind == ERR_INPUT);
    }
    free(text);
    return 0;
}
