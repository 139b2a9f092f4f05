#include "engine/build/build_entry.h"

#include <errno.h>
#include <sodium.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/build/build_outcome.h"
#include "engine/cell/cell_memfd.h"
#include "schema/base/err.h"

#define MAGIC     "scrcbld1" /* another format is another magic */
#define HASH_SIZE 32
#define PIECE     (64 * KIB)

struct head {
    char magic[8]; /* without its NUL */
    uint64_t log_len, artefact_len;
    int32_t exit_code;
    uint32_t built;          /* 1: there is an artefact */
    uint8_t hash[HASH_SIZE]; /* of all before it, and all behind it */
};
#define HASHED offsetof(struct head, hash)

/* The artefact's bytes; 0 without one. */
static int artefact_len(const struct build_outcome *o, uint64_t *ret_len)
{
    struct stat st = { .st_size = 0 };

    if (o->artefact_fd >= 0 && fstat(o->artefact_fd, &st) < 0)
        return -1;
    *ret_len = (uint64_t)st.st_size;
    return 0;
}

int64_t build_entry_size(const struct build_outcome *o)
{
    uint64_t len;

    if (artefact_len(o, &len) < 0)
        return -1;
    return (int64_t)(sizeof(struct head) + o->log.len + len);
}

static void begin_hash(crypto_generichash_state *h, const struct head *head)
{
    (void)crypto_generichash_init(h, NULL, 0, HASH_SIZE);
    (void)crypto_generichash_update(h, (const unsigned char *)head, HASHED);
}

/* A file takes all of it, or the disk is full. */
static bool put(int fd, const char *data, size_t len)
{
    errno = ENOSPC;
    return write(fd, data, len) == (ssize_t)len;
}

/* Hashes a range of `from`, and writes it to `to`, when that is one. False with errno. */
static bool pass(int from, int64_t offset, uint64_t len, crypto_generichash_state *h, int to)
{
    char piece[PIECE];

    while (len > 0) {
        ssize_t n = pread(from, piece, len < sizeof piece ? (size_t)len : sizeof piece, offset);
        if (n == 0)
            errno = EIO;
        if (n <= 0)
            return false;
        (void)crypto_generichash_update(h, (const unsigned char *)piece, (size_t)n);
        if (to >= 0 && !put(to, piece, (size_t)n))
            return false;
        offset += n;
        len -= (uint64_t)n;
    }
    return true;
}

/* The head comes last: a file that was cut short has none. */
int build_entry_write(int fd, const struct build_outcome *o, struct err *e)
{
    struct head head = { .magic = MAGIC,
                         .log_len = o->log.len,
                         .exit_code = o->exit_code,
                         .built = o->artefact_fd >= 0 };
    crypto_generichash_state h;

    if (artefact_len(o, &head.artefact_len) < 0)
        return err_errno(e, ERR_BUG, errno, "look at an artefact");
    begin_hash(&h, &head);
    (void)crypto_generichash_update(&h, (const unsigned char *)o->log.data, o->log.len);
    if (lseek(fd, sizeof head, SEEK_SET) < 0 || !put(fd, o->log.data, o->log.len) ||
        !pass(o->artefact_fd, 0, head.artefact_len, &h, fd))
        return err_errno(e, ERR_DISK, errno, "keep a build");
    (void)crypto_generichash_final(&h, head.hash, sizeof head.hash);
    if (pwrite(fd, &head, sizeof head, 0) != (ssize_t)sizeof head)
        return err_errno(e, ERR_DISK, errno, "keep a build");
    return 0;
}

/* ---- reading ---- */

static bool is_whole(const struct head *head, int64_t size)
{
    uint64_t body = (uint64_t)size - sizeof *head;

    return memcmp(head->magic, MAGIC, sizeof head->magic) == 0 && head->log_len <= body &&
           head->artefact_len == body - head->log_len && head->built <= 1 &&
           (head->built || head->artefact_len == 0);
}

static bool hash_fits(int fd, const struct head *head)
{
    uint8_t hash[HASH_SIZE];
    crypto_generichash_state h;

    begin_hash(&h, head);
    if (!pass(fd, sizeof *head, head->log_len + head->artefact_len, &h, -1))
        return false;
    (void)crypto_generichash_final(&h, hash, sizeof hash);
    return memcmp(hash, head->hash, sizeof hash) == 0;
}

static bool read_log(int fd, uint64_t len, struct buf *log)
{
    if (len == 0)
        return true;
    if (buf_reserve(log, (size_t)len) < 0 ||
        pread(fd, log->data, (size_t)len, sizeof(struct head)) != (ssize_t)len)
        return false;
    log->len = (size_t)len;
    return true;
}

bool build_entry_read(int fd, bool check, struct build_outcome *ret_outcome)
{
    struct build_outcome o = { .artefact_fd = -1 };
    struct head head;
    struct stat st;
    struct err e;

    if (fstat(fd, &st) < 0 || pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head ||
        !is_whole(&head, st.st_size) || (check && !hash_fits(fd, &head)))
        return false;
    o.exit_code = head.exit_code;
    o.repeatable = true;
    if (!read_log(fd, head.log_len, &o.log)) {
        build_outcome_clear(&o);
        return false;
    }
    if (head.built) {
        o.artefact_fd = cell_memfd_copy("artefact", fd, (int64_t)(sizeof head + head.log_len),
                                        head.artefact_len, &e);
        if (o.artefact_fd < 0) {
            build_outcome_clear(&o);
            return false;
        }
    }
    *ret_outcome = o;
    return true;
}
