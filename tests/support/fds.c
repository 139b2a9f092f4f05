#include "tests/support/fds.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/support/assert_err.h"

int fds_open(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

ino_t fds_inode(int fd)
{
    struct stat st = { 0 };
    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}
