/* tests/support/scratch.h - files and directories of a test. */
#pragma once

#include <stddef.h>

/* Removes it with all that is in it; links are not followed. */
void scratch_remove(const char *dir);

/* All of a file of at most 1 MiB, a NUL behind it; the caller owns it. Fails the test when it
 * cannot be read. ret_len may be NULL. */
char *scratch_read(const char *path, size_t *ret_len);
