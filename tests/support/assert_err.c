#include "tests/support/assert_err.h"

void assert_ok(int rc, const struct err *e)
{
    if (rc < 0)
        fail_msg("%s", e->msg);
}
