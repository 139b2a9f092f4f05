#include "client/testset_read.h"

#include "client/body.h"
#include "client/bundle_read.h"
#include "schema/base/err.h"
#include "schema/bundle/testset.h"

static const struct bundle_bounds tests_bounds = { .files = 10000,
                                                   .bytes = 256 * MIB,
                                                   .wants = testset_wants };

int testset_read(const char *path, struct testset *ret_tests, struct err *e)
{
    *ret_tests = (struct testset){ .pairs = NULL };
    if (bundle_read(path, &tests_bounds, &ret_tests->bundle, e) < 0)
        return err_wrap(e, "tests");
    if (testset_make(ret_tests, e) < 0) {
        testset_clear(ret_tests);
        return err_wrap(e, "tests of %s", path);
    }
    return 0;
}

json_t *testset_json(const struct testset *t)
{
    json_auto_t *tests = json_array();

    for (size_t i = 0; i < t->len; i++) {
        const struct testset_pair *p = &t->pairs[i];
        json_auto_t *test = json_object();
        if (!test || json_object_set_new(test, "number", json_integer((json_int_t)i + 1)) < 0 ||
            body_set_text(test, "input", &p->input->bytes) < 0 ||
            body_set_text(test, "expected_output", &p->answer->bytes) < 0 ||
            json_array_append(tests, test) < 0)
            return NULL;
    }
    return TAKE(tests);
}
