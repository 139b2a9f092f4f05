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

#define MAGIC      "scrcbld1" /* to be changed with the format */
#define HASH_SIZE  32
#define COPY_BYTES (64 * KIB)

struct entry_head {
    char magic[8]; /* without its NUL */
    uint64_t log_len, artefact_len;
    int32_t exit_code;
    uint32_t built;          /* 1: there is an artefact */
    uint8_t hash[HASH_SIZE]; /* of everything before it and behind it */
};
#define HASHED offsetof(struct entry_head, hash)

/* Size of the artefact; 0 without one. */
static int artefact_len(const struct build_outcome *outcome, uint64_t *ret_len)
{
    struct stat st = { .st_size = 0 };

    if (outcome->artefact_fd >= 0 && fstat(outcome->artefact_fd, &st) < 0)
        return -1;
    *ret_len = (uint64_t)st.st_size;
    return 0;
}

int64_t build_entry_size(const struct build_outcome *outcome)
{
    uint64_t len;

    if (artefact_len(outcome, &len) < 0)
        return -1;
    return (int64_t)(sizeof(struct entry_head) + outcome->log.len + len);
}

static void begin_hash(crypto_generichash_state *h, const struct entry_head *head)
{
    (void)crypto_generichash_init(h, NULL, 0, HASH_SIZE);
    (void)crypto_generichash_update(h, (const unsigned char *)head, HASHED);
}

/* A short write to a file means that the disk is full. False with errno. */
static bool write_whole(int fd, const char *data, size_t len)
{
    errno = ENOSPC;
    return write(fd, data, len) == (ssize_t)len;
}

/* Hashes a range of `from`, and copies it to `to`, unless that is -1. False with errno. */
static bool hash_and_copy(int from, int64_t offset, uint64_t len, crypto_generichash_state *h,
                          int to)
{
    char buffer[COPY_BYTES];

    while (len > 0) {
        ssize_t n = pread(from, buffer, len < sizeof buffer ? (size_t)len : sizeof buffer, offset);
        if (n == 0)
            errno = EIO;
        if (n <= 0)
            return false;
        (void)crypto_generichash_update(h, (const unsigned char *)buffer, (size_t)n);
        if (to >= 0 && !write_whole(to, buffer, (size_t)n))
            return false;
        offset += n;
        len -= (uint64_t)n;
    }
    return true;
}

/* The head is written last: a file that was cut short has none. */
int build_entry_write(int fd, const struct build_outcome *outcome, struct err *e)
{
    struct entry_head head = { .magic = MAGIC,
                               .log_len = outcome->log.len,
                               .exit_code = outcome->exit_code,
                               .built = outcome->artefact_fd >= 0 };
    crypto_generichash_state h;

    if (artefact_len(outcome, &head.artefact_len) < 0)
        return err_errno(e, ERR_BUG, errno, "look at an artefact");
    begin_hash(&h, &head);
    (void)crypto_generichash_update(&h, (const unsigned char *)outcome->log.data, outcome->log.len);
    if (lseek(fd, sizeof head, SEEK_SET) < 0 ||
        !write_whole(fd, outcome->log.data, outcome->log.len) ||
        !hash_and_copy(outcome->artefact_fd, 0, head.artefact_len, &h, fd))
        return err_errno(e, ERR_DISK, errno, "keep a build");
    (void)crypto_generichash_final(&h, head.hash, sizeof head.hash);
    if (pwrite(fd, &head, sizeof head, 0) != (ssize_t)sizeof head)
        return err_errno(e, ERR_DISK, errno, "keep a build");
    return 0;
}

/* ---- reading ---- */

static bool is_head_valid(const struct entry_head *head, int64_t size)
{
    uint64_t body = (uint64_t)size - sizeof *head;

    return memcmp(head->magic, MAGIC, sizeof head->magic) == 0 && head->log_len <= body &&
           head->artefact_len == body - head->log_len && head->built <= 1 &&
           (head->built || head->artefact_len == 0);
}

static bool is_hash_right(int fd, const struct entry_head *head)
{
    uint8_t hash[HASH_SIZE];
    crypto_generichash_state h;

    begin_hash(&h, head);
    if (!hash_and_copy(fd, sizeof *head, head->log_len + head->artefact_len, &h, -1))
        return false;
    (void)crypto_generichash_final(&h, hash, sizeof hash);
    return memcmp(hash, head->hash, sizeof hash) == 0;
}

static bool read_log(int fd, uint64_t len, struct buf *log)
{
    if (len == 0)
        return true;
    if (buf_reserve(log, (size_t)len) < 0 ||
        pread(fd, log->data, (size_t)len, sizeof(struct entry_head)) != (ssize_t)len)
        return false;
    log->len = (size_t)len;
    return true;
}

bool build_entry_read(int fd, bool check, struct build_outcome *ret_outcome)
{
    struct build_outcome outcome = { .artefact_fd = -1 };
    struct entry_head head;
    struct stat st;
    struct err e;

    if (fstat(fd, &st) < 0 || pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head ||
        !is_head_valid(&head, st.st_size) || (check && !is_hash_right(fd, &head)))
        return false;
    outcome.exit_code = head.exit_code;
    outcome.repeatable = true;
    if (!read_log(fd, head.log_len, &outcome.log)) {
        build_outcome_clear(&outcome);
        return false;
    }
    if (head.built) {
        outcome.artefact_fd = cell_memfd_copy("artefact", fd, (int64_t)(sizeof head + head.log_len),
                                              head.artefact_len, &e);
        if (outcome.artefact_fd < 0) {
            build_outcome_clear(&outcome);
            return false;
        }
    }
    *ret_outcome = outcome;
    return true;
}
