#include "client/bundle_read.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/bundle/bundle.h"
#include "schema/bundle/unzip.h"

#define PIECE ((size_t)(64 * KIB))

/* At most `most` bytes and one more, so that the bound is seen to be passed. */
static int read_descriptor(int fd, size_t most, struct buf *data)
{
    for (ssize_t n = 1; n > 0 && data->len <= most;) {
        if (buf_reserve(data, PIECE) < 0) {
            errno = ENOMEM;
            return -1;
        }
        n = read(fd, data->data + data->len, PIECE);
        if (n < 0)
            return -1;
        data->len += (size_t)n;
    }
    data->data[data->len] = '\0';
    return 0;
}

int bundle_read_file(const char *path, size_t most, struct bytes *ret_bytes, struct err *e)
{
    struct buf data = { .data = NULL };
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int rc = 0;

    if (fd < 0 || read_descriptor(fd, most, &data) < 0)
        rc = err_errno(e, ERR_INPUT, errno, "%s", path);
    else if (data.len > most)
        rc = err_set(e, ERR_INPUT, "%s: larger than %zu bytes", path, most);
    if (rc < 0) {
        buf_clear(&data);
        return -1;
    }
    *ret_bytes = (struct bytes){ .data = data.data, .len = data.len };
    return 0;
}

static int add_plain(const char *path, const char *name, const struct bundle_bounds *bounds,
                     struct bundle *b, struct err *e)
{
    struct bytes bytes = { .data = NULL };
    int rc = bundle_read_file(path, bounds->bytes - b->bytes, &bytes, e);

    if (rc == 0)
        rc = bundle_add(b, bounds, name, &bytes, e);
    bytes_clear(&bytes);
    return rc;
}

static int add_directory(const char *path, const struct bundle_bounds *bounds, struct bundle *b,
                         struct err *e)
{
    CLEANUP(freep) char *top = strdup(path);
    char *const tops[] = { top, NULL };
    FTS *walk = top ? fts_open(tops, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL) : NULL;
    int rc = walk ? 0 : err_errno(e, ERR_INPUT, errno, "%s", path);
    FTSENT *entry;

    while (rc == 0 && (entry = fts_read(walk))) {
        const char *name = entry->fts_path + strlen(path);
        name += strspn(name, "/");
        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)
            rc = err_errno(e, ERR_INPUT, entry->fts_errno, "%s", entry->fts_path);
        else if (entry->fts_info == FTS_D && entry->fts_level > 0 && bundle_hides(name))
            (void)fts_set(walk, entry, FTS_SKIP);
        else if (entry->fts_info == FTS_F && bundle_wants(bounds, name))
            rc = add_plain(entry->fts_path, name, bounds, b, e);
    }
    if (walk)
        (void)fts_close(walk);
    return rc;
}

static int compare_names(const void *a_, const void *b_)
{
    const struct bundle_file *a = a_, *b = b_;
    return strverscmp(a->name, b->name);
}

static bool is_zip(const char *path)
{
    char head[4];
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0 || read(fd, head, sizeof head) != sizeof head)
        return false;
    return unzip_is_archive(head, sizeof head);
}

static int read_any(const char *path, const struct bundle_bounds *bounds, struct bundle *b,
                    struct err *e)
{
    const char *slash = strrchr(path, '/');
    struct stat st;

    if (stat(path, &st) < 0)
        return err_errno(e, ERR_INPUT, errno, "%s", path);
    if (S_ISDIR(st.st_mode))
        return add_directory(path, bounds, b, e);
    /* A pipe has no beginning that could be looked at. */
    if (S_ISREG(st.st_mode) && is_zip(path))
        return unzip_file(path, bounds, b, e) < 0 ? err_wrap(e, "%s", path) : 0;
    return add_plain(path, slash ? slash + 1 : path, bounds, b, e);
}

int bundle_read(const char *path, const struct bundle_bounds *bounds, struct bundle *ret_bundle,
                struct err *e)
{
    *ret_bundle = (struct bundle){ .files = NULL };
    if (read_any(path, bounds, ret_bundle, e) < 0) {
        bundle_clear(ret_bundle);
        return -1;
    }
    if (ret_bundle->len > 1)
        qsort(ret_bundle->files, ret_bundle->len, sizeof *ret_bundle->files, compare_names);
    return 0;
}
