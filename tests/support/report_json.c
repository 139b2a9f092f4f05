#include "tests/support/report_json.h"

#include <string.h>

#include "schema/base/base.h"
#include "tests/support/assert_err.h"

json_t *report_load(const char *json, size_t len)
{
    json_error_t why;
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (!root)
        fail_msg("%s in %s", why.text, json);
    assert_int_equal(strlen(json), len);
    return root;
}

const char *report_text(json_t *report, const char *name)
{
    const char *text = json_string_value(json_object_get(report, name));
    return text ? text : "(null)";
}

int64_t report_int(json_t *report, const char *name)
{
    json_t *n = json_object_get(report, name);
    return json_is_integer(n) ? json_integer_value(n) : -1;
}

json_t *report_test(json_t *report, size_t i)
{
    return json_array_get(json_object_get(report, "tests"), i);
}

void report_expect(json_t *report, const char *verdict, const char *what)
{
    if (strcmp(report_text(report, "verdict"), verdict) != 0) {
        CLEANUP(freep) char *text = json_dumps(report, JSON_INDENT(1));
        fail_msg("%s: not %s: %.3000s", what, verdict, text);
    }
}
