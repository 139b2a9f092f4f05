/* tests/support/fds.h - which descriptors this process has. */
#pragma once

#include <sys/types.h>

/* How many of the first 256 are open. */
int fds_open(void);

/* What it is open on; fails the test when it is not open. */
ino_t fds_inode(int fd);
