#include "schema/bundle/unzip.h"

#include <string.h>
#include <sys/stat.h>
#include <zip.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/bundle/bundle.h"

#define PIECE (64 * KIB)
/* Entries that are looked at for each file that may be taken: folders and hidden files count too.
 */
#define ENTRIES_PER_FILE 4
/* With what the directory of an archive names each entry. */
#define ENTRY_MAGIC "PK\1\2"

static int unpack(zip_file_t *from, const struct bundle_bounds *bounds, size_t most,
                  struct buf *data, struct err *e)
{
    zip_int64_t n = 1;

    while (n > 0 && data->len <= most) {
        if (buf_reserve(data, PIECE) < 0)
            return err_set(e, ERR_NOMEM, "unpack");
        n = zip_fread(from, data->data + data->len, PIECE);
        if (n < 0)
            return err_set(e, ERR_INPUT, "%s", zip_file_strerror(from));
        if (bounds->hold && bounds->hold(bounds->ctx, (size_t)n, e) < 0)
            return -1;
        data->len += (size_t)n;
    }
    data->data[data->len] = '\0';
    return 0;
}

/* Other ways to compress than these two can ask for gigabytes of memory before the first byte. */
static int check_entry(const zip_stat_t *st, struct err *e)
{
    if ((st->valid & ZIP_STAT_ENCRYPTION_METHOD) && st->encryption_method != ZIP_EM_NONE)
        return err_set(e, ERR_INPUT, "it is encrypted");
    if ((st->valid & ZIP_STAT_COMP_METHOD) && st->comp_method != ZIP_CM_STORE &&
        st->comp_method != ZIP_CM_DEFLATE)
        return err_set(e, ERR_INPUT,
                       "it is compressed by method %u, and only deflate (8) and none (0) are read",
                       st->comp_method);
    return 0;
}

static int unpack_entry(zip_t *archive, zip_uint64_t index, const struct bundle_bounds *bounds,
                        size_t most, struct bytes *ret_bytes, struct err *e)
{
    struct buf data = { .data = NULL };
    zip_stat_t st;

    if (zip_stat_index(archive, index, 0, &st) < 0)
        return err_set(e, ERR_INPUT, "%s", zip_strerror(archive));
    if (check_entry(&st, e) < 0)
        return -1;
    zip_file_t *from = zip_fopen_index(archive, index, 0);
    if (!from)
        return err_set(e, ERR_INPUT, "%s", zip_strerror(archive));
    int rc = unpack(from, bounds, most, &data, e);
    (void)zip_fclose(from);
    if (rc < 0) {
        buf_clear(&data);
        return -1;
    }
    char *fitted = realloc(data.data, data.len + 1);
    *ret_bytes = (struct bytes){ .data = fitted ? fitted : data.data, .len = data.len };
    return 0;
}

/* A link's bytes are where it leads. */
static bool is_link(zip_t *archive, zip_uint64_t index)
{
    zip_uint8_t system;
    zip_uint32_t attributes;

    return zip_file_get_external_attributes(archive, index, 0, &system, &attributes) == 0 &&
           system == ZIP_OPSYS_UNIX && S_ISLNK(attributes >> 16);
}

static int add_entry(zip_t *archive, zip_uint64_t index, const struct bundle_bounds *bounds,
                     struct bundle *b, struct err *e)
{
    const char *name = zip_get_name(archive, index, ZIP_FL_ENC_GUESS);
    struct bytes bytes = { .data = NULL };

    if (!name)
        return err_set(e, ERR_INPUT, "%s", zip_strerror(archive));
    while (strncmp(name, "./", 2) == 0)
        name += 2;
    if (!bundle_wants(bounds, name) || is_link(archive, index))
        return 0;
    int rc = bundle_check_name(name, e);
    if (rc == 0)
        rc = unpack_entry(archive, index, bounds, bounds->bytes - b->bytes, &bytes, e);
    if (rc == 0)
        rc = bundle_add(b, bounds, name, &bytes, e);
    bytes_clear(&bytes);
    return rc < 0 ? err_wrap(e, "%s", name) : 0;
}

static int refuse_entries(const struct bundle_bounds *bounds, struct err *e)
{
    return err_set(e, ERR_INPUT, "it has more than %zu entries", bounds->files * ENTRIES_PER_FILE);
}

/* Closes the archive. */
static int read_entries(zip_t *archive, const struct bundle_bounds *bounds, struct bundle *b,
                        struct err *e)
{
    zip_int64_t entries = zip_get_num_entries(archive, 0);
    int rc = 0;

    if (entries > (zip_int64_t)(bounds->files * ENTRIES_PER_FILE))
        rc = refuse_entries(bounds, e);
    for (zip_int64_t i = 0; i < entries && rc == 0; i++)
        rc = add_entry(archive, (zip_uint64_t)i, bounds, b, e);
    zip_discard(archive);
    return rc;
}

bool unzip_is_archive(const void *data, size_t len)
{
    return len >= 4 && (memcmp(data, "PK\3\4", 4) == 0 || memcmp(data, "PK\5\6", 4) == 0);
}

int unzip_file(const char *path, const struct bundle_bounds *bounds, struct bundle *b,
               struct err *e)
{
    int code = 0;
    zip_t *archive = zip_open(path, ZIP_RDONLY, &code);

    if (!archive) {
        zip_error_t why;
        zip_error_init_with_code(&why, code);
        (void)err_set(e, ERR_INPUT, "%s", zip_error_strerror(&why));
        zip_error_fini(&why);
        return -1;
    }
    return read_entries(archive, bounds, b, e);
}

/* The library makes a record of each entry, some 500 bytes, before it says how many there are. */
static bool has_many_entries(const char *data, size_t len, size_t most)
{
    const char *at = data, *end = data + len;
    size_t n = 0;

    while (n <= most && (at = memmem(at, (size_t)(end - at), ENTRY_MAGIC, 4))) {
        at += 4;
        n++;
    }
    return n > most;
}

int unzip_bytes(const void *data, size_t len, const struct bundle_bounds *bounds, struct bundle *b,
                struct err *e)
{
    zip_t *archive = NULL;
    zip_error_t why;

    if (has_many_entries(data, len, bounds->files * ENTRIES_PER_FILE))
        return refuse_entries(bounds, e);
    zip_error_init(&why);
    zip_source_t *source = zip_source_buffer_create(data, len, 0, &why);
    if (source && !(archive = zip_open_from_source(source, ZIP_RDONLY, &why)))
        zip_source_free(source);
    if (!archive)
        (void)err_set(e, ERR_INPUT, "%s", zip_error_strerror(&why));
    zip_error_fini(&why);
    return archive ? read_entries(archive, bounds, b, e) : -1;
}
