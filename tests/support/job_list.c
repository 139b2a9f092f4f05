#include "tests/support/job_list.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/assert_err.h"

const struct jobs_filter job_list_any = { .state = -1, .status = -1, .limit = 50 };

void job_list_ids(json_t *page, char *out, size_t size)
{
    json_t *item;
    size_t i;

    out[0] = '\0';
    json_array_foreach(json_object_get(page, "results"), i, item)
    {
        size_t at = strlen(out);
        (void)snprintf(out + at, size - at, "%s ", json_string_value(json_object_get(item, "id")));
    }
}

json_t *job_list(struct job_table *t, const struct jobs_filter *f)
{
    json_t *page = NULL;
    struct err e = { 0 };

    if (jobs_list(t->j, f, &page, &e) < 0)
        fail_msg("list: %s", e.msg);
    return page;
}

void job_list_assert_total(const json_t *page, int64_t want)
{
    const json_t *total = json_object_get(page, "total");

    if (!json_is_null(total))
        assert_int_equal(json_integer_value(total), want);
}

void job_list_assert(struct job_table *t, const struct jobs_filter *f, const char *want)
{
    char got[4000];
    json_auto_t *page = job_list(t, f);

    job_list_ids(page, got, sizeof got);
    assert_string_equal(got, want);
    assert_true(json_is_null(json_object_get(page, "next_cursor")));
    if (!f->cursor)
        job_list_assert_total(page, (int64_t)json_array_size(json_object_get(page, "results")));
}
