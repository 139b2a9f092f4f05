#include "schema/bundle/unzip.h"

#include <string.h>
#include <zip.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/bundle/bundle.h"

#define PIECE (64 * KIB)
/* Entries that are looked at for each file that may be taken: folders and hidden files count too.
 */
#define ENTRIES_PER_FILE 4

static int unpack(zip_file_t *from, size_t most, struct buf *data, struct err *e)
{
    zip_int64_t n = 1;

    while (n > 0 && data->len <= most) {
        if (buf_reserve(data, PIECE) < 0)
            return err_set(e, ERR_NOMEM, "unpack");
        n = zip_fread(from, data->data + data->len, PIECE);
        if (n < 0)
            return err_set(e, ERR_INPUT, "%s", zip_file_strerror(from));
        data->len += (size_t)n;
    }
    data->data[data->len] = '\0';
    return 0;
}

static int add_entry(zip_t *archive, zip_uint64_t index, const struct bundle_bounds *bounds,
                     struct bundle *b, struct err *e)
{
    const char *name = zip_get_name(archive, index, ZIP_FL_ENC_GUESS);
    struct buf data = { .data = NULL };

    if (!name)
        return err_set(e, ERR_INPUT, "%s", zip_strerror(archive));
    if (!bundle_wants(name))
        return 0;
    zip_file_t *from = zip_fopen_index(archive, index, 0);
    if (!from)
        return err_set(e, ERR_INPUT, "%s: %s", name, zip_strerror(archive));
    int rc = unpack(from, bounds->bytes - b->bytes, &data, e);
    (void)zip_fclose(from);
    struct bytes bytes = { .data = data.data, .len = data.len };
    if (rc == 0)
        rc = bundle_add(b, bounds, name, &bytes, e);
    bytes_clear(&bytes);
    return rc < 0 ? err_wrap(e, "%s", name) : 0;
}

int unzip_read(const char *path, const struct bundle_bounds *bounds, struct bundle *b,
               struct err *e)
{
    int code = 0, rc = 0;
    zip_t *archive = zip_open(path, ZIP_RDONLY, &code);

    if (!archive) {
        zip_error_t why;
        zip_error_init_with_code(&why, code);
        (void)err_set(e, ERR_INPUT, "%s", zip_error_strerror(&why));
        zip_error_fini(&why);
        return -1;
    }
    zip_int64_t entries = zip_get_num_entries(archive, 0);
    if (entries > (zip_int64_t)(bounds->files * ENTRIES_PER_FILE))
        rc =
            err_set(e, ERR_INPUT, "it has more than %zu entries", bounds->files * ENTRIES_PER_FILE);
    for (zip_int64_t i = 0; i < entries && rc == 0; i++)
        rc = add_entry(archive, (zip_uint64_t)i, bounds, b, e);
    zip_discard(archive);
    return rc;
}
