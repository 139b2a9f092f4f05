/* tests/unit/test_results_csv.c - lines of a CSV: what is quoted, what is no formula, what is null.
 */
#include <jansson.h>
#include <string.h>

#include "schema/base/buf.h"
#include "server/api/results_csv.h"
#include "tests/support/assert_err.h"

static void assert_line(const char *item, const char *want)
{
    json_auto_t *json = json_loads(item, 0, NULL);
    CLEANUP(buf_clear) struct buf out = { .data = NULL };

    assert_non_null(json);
    assert_int_equal(results_csv_row(&out, json), 0);
    assert_string_equal(out.data, want);
}

static void the_first_line_names_the_columns(void **state)
{
    CLEANUP(buf_clear) struct buf out = { .data = NULL };

    (void)state;
    assert_int_equal(results_csv_head(&out), 0);
    assert_string_equal(out.data,
                        "id,state,status,verdict,language,submitted_at,finished_at,duration_ms,"
                        "cpu_time_ms,memory_bytes,tests_total,tests_passed,attempts,error,labels"
                        "\r\n");
}

static void each_member_has_its_cell(void **state)
{
    (void)state;
    assert_line("{\"labels\":{\"b\":\"2\",\"a\":\"\\\"x\\\",\"},\"error\":\"e\",\"attempts\":1,"
                "\"tests_passed\":2,\"tests_total\":3,\"memory_bytes\":4,\"cpu_time_ms\":5,"
                "\"duration_ms\":6,\"finished_at\":\"f\",\"submitted_at\":\"s\",\"language\":\"c\","
                "\"verdict\":\"RE\",\"status\":\"WA\",\"state\":\"done\",\"id\":\"i\","
                "\"more\":7}",
                "i,done,WA,RE,c,s,f,6,5,4,3,2,1,e,\"{\"\"b\"\":\"\"2\"\",\"\"a\"\":\"\"\\\"\"x\\\""
                "\",\"\"}\"\r\n");
    assert_line("{\"id\":\"i\",\"verdict\":null,\"duration_ms\":null,\"labels\":{}}",
                "i,,,,,,,,,,,,,,\r\n");
}

static void a_text_is_no_formula_and_in_one_cell(void **state)
{
    static const struct {
        const char *id, *cell;
    } rows[] = {
        { "plain", "plain" },
        { "", "" },
        { "two words", "two words" },
        { "a,b", "\"a,b\"" },
        { "say \\\"hi\\\"", "\"say \"\"hi\"\"\"" },
        { "\\\"", "\"\"\"\"" },
        { "one\\ntwo", "\"one\ntwo\"" },
        { "one\\rtwo", "\"one\rtwo\"" },
        { "=1+1", "'=1+1" },
        { "+1", "'+1" },
        { "-1", "'-1" },
        { "@SUM(A1)", "'@SUM(A1)" },
        { "\\tx", "'\tx" },
        { "\\r=1", "\"'\r=1\"" },
        { "=HYPERLINK(\\\"u\\\",1)", "\"'=HYPERLINK(\"\"u\"\",1)\"" },
        { "-", "-" },
        { "--", "'--" },
        { "a=1", "a=1" },
        { "\\u00e9,", "\"\xC3\xA9,\"" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char json[100], want[100];
        (void)snprintf(json, sizeof json, "{\"id\":\"%s\"}", rows[i].id);
        (void)snprintf(want, sizeof want, "%s,,,,,,,,,,,,,,\r\n", rows[i].cell);
        assert_line(json, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_names_the_columns),
        cmocka_unit_test(each_member_has_its_cell),
        cmocka_unit_test(a_text_is_no_formula_and_in_one_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
