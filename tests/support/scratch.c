#include "tests/support/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "schema/base/base.h"
#include "tests/support/assert_err.h"

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void scratch_remove(const char *dir) { (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

char *scratch_read(const char *path, size_t *ret_len)
{
    char *text = calloc(1, MIB + 1);
    FILE *f = fopen(path, "re");

    assert_non_null(text);
    if (!f)
        fail_msg("%s cannot be opened", path);
    size_t len = fread(text, 1, MIB, f);
    (void)fclose(f);
    if (len == 0)
        fail_msg("%s cannot be read", path);
    if (ret_len)
        *ret_len = len;
    return text;
}
