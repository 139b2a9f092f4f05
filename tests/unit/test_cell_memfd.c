/* tests/unit/test_cell_memfd.c - files of memory: sealed, and read from the beginning. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/cell/cell_memfd.h"
#include "schema/base/base.h"
#include "schema/base/err.h"
#include "tests/support/assert_err.h"

static void what_is_made_cannot_be_changed(void **state)
{
    (void)state;
    struct err e;
    char text[4] = "";
    int fd = cell_memfd("x", "abc", 3, &e);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    const int sealed = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    assert_int_equal(fcntl(fd, F_GET_SEALS) & sealed, sealed);
    assert_int_equal(read(fd, text, 4), 3);
    assert_string_equal(text, "abc");
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_RDWR | O_CLOEXEC);
    if (again >= 0) {
        assert_int_equal(write(again, "x", 1), -1);
        assert_int_equal(errno, EPERM);
        closep(&again);
    }
    closep(&fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_made_cannot_be_changed) };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
