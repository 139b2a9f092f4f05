/* tests/support/assert_err.h - cmocka with all that it needs, and assertions on calls that fill a
 * struct err. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/base/err.h"

/* Fails the test with the message of *e unless rc is a success. */
void assert_ok(int rc, const struct err *e);

/* In the call, `e` is where its error goes. */
#define ASSERT_OK(call)                                                                            \
    do {                                                                                           \
        struct err err_ = { .kind = ERR_NONE };                                                    \
        struct err *e = &err_;                                                                     \
        if ((call) < 0)                                                                            \
            fail_msg("%s: %s: %s", #call, err_kind_name(err_.kind), err_.msg);                     \
    } while (0)

#define ASSERT_ERR(kind_, call)                                                                    \
    do {                                                                                           \
        struct err err_ = { .kind = ERR_NONE };                                                    \
        struct err *e = &err_;                                                                     \
        if ((call) >= 0)                                                                           \
            fail_msg("%s did not fail", #call);                                                    \
        if (err_.kind != (kind_))                                                                  \
            fail_msg("%s: %s: %s", #call, err_kind_name(err_.kind), err_.msg);                     \
    } while (0)
