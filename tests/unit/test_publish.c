/* tests/unit/test_publish.c - POST /results/{id}/publish over real sockets. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "schema/model/submission.h"
#include "schema/store/outbox.h"
#include "tests/support/assert_err.h"
#include "tests/support/http_client.h"
#include "tests/support/site.h"

static int open_kafka(void **state)
{
    struct site *f = calloc(1, sizeof *f);

    assert_non_null(f);
    site_open_with(f, NULL, 0, true);
    *state = f;
    return 0;
}

static int close_all(void **state)
{
    site_close(*state);
    free(*state);
    return 0;
}

static int64_t waiting(const struct site *f)
{
    int64_t rows, oldest_ms;

    outbox_counts(f->jobs, &rows, &oldest_ms);
    return rows;
}

static void a_final_report_goes_out_again(void **state)
{
    static const char sent[] = "{\"id\":\"a/b\",\"language\":\"c\",\"source\":\"1\"}";
    struct site *f = *state;

    http_expect_status(http_get(f, "POST", "/results/a%%2Fb/publish"), 404);
    http_expect_status(http_post(f, "/submissions", sent), 202);
    http_expect_status(http_get(f, "POST", "/results/a%%2Fb/publish"), 409);
    assert_int_equal(waiting(f), 0);
    site_finish_all(f);
    for (int i = 1; i <= 2; i++) {
        json_auto_t *body = http_expect(http_get(f, "POST", "/results/a%%2Fb/publish"), 202);
        assert_int_equal(json_object_size(body), 2);
        assert_string_equal(http_field(body, "id"), "a/b");
        assert_string_equal(http_field(body, "state"), "done");
        assert_int_equal(waiting(f), i);
    }
}

static void a_cancelled_one_too(void **state)
{
    static const char sent[] = "{\"id\":\"no\",\"language\":\"c\",\"source\":\"1\"}";
    struct site *f = *state;

    http_expect_status(http_post(f, "/submissions", sent), 202);
    http_expect_status(http_get(f, "DELETE", "/submissions/no"), 200);
    json_auto_t *body = http_expect(http_get(f, "POST", "/results/no/publish"), 202);
    assert_string_equal(http_field(body, "state"), "cancelled");
    assert_int_equal(waiting(f), 1);
}

static void only_this_way(void **state)
{
    struct site *f = *state;
    struct http_answer a = http_get(f, "GET", "/results/x/publish");

    assert_true(http_has_header(&a, "\r\nAllow: POST\r\n"));
    http_expect_status(a, 405);
    http_expect_status(http_get(f, "POST", "/results//publish"), 404);
    http_expect_status(http_get(f, "POST", "/results/x/publish?x=1"), 422);
    http_expect_status(http_get(f, "POST", "/results/%%zz/publish"), 400);
}

static void without_kafka_it_is_refused(void **state)
{
    struct site f;
    char id[SUBMISSION_ID_MAX + 1];

    (void)state;
    site_open(&f, NULL, 0);
    http_expect_status(http_post(&f, "/submissions", HELLO), 202);
    int64_t seq = site_claim(&f, id);
    site_finish(&f, seq, id);
    struct http_answer a = http_get(&f, "POST", "/results/%s/publish", id);
    assert_non_null(strstr(a.text.data, "KAFKA_BROKERS"));
    assert_non_null(strstr(a.text.data, "\"code\":\"kafka_off\""));
    http_expect_status(a, 409);
    assert_int_equal(waiting(&f), 0);
    site_close(&f);
}

#define KAFKA(test) cmocka_unit_test_setup_teardown(test, open_kafka, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KAFKA(a_final_report_goes_out_again),
        KAFKA(a_cancelled_one_too),
        KAFKA(only_this_way),
        cmocka_unit_test(without_kafka_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
