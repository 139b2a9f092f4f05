#include "schema/store/text_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "schema/base/bytes.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/thread.h"

#define WAITING_BYTES (64 * MIB) /* that wait to be written; a text that comes then is not kept */
#define FRESH         "new"      /* the file that is being written */
#define NAME_SIZE     (2 * TEXT_HASH_SIZE + 1)
#define TIDY_NS       (3600 * NS_PER_S)
#define KEPT_PARTS    10 /* a full directory is emptied by one of them, so that it is read rarely */

struct waiting_text {
    struct waiting_text *next;
    char name[NAME_SIZE];
    struct bytes text; /* owned */
};

struct text_cache {
    int dir; /* owned */
    struct text_cache_limits limits;
    pthread_t thread;
    bool runs;

    /* Of the thread. */
    int64_t bytes; /* of all files */
    bool failing;

    /* Guarded by lock. */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct waiting_text *head, **tail; /* owned */
    int64_t waiting;                   /* bytes */
    bool stop;
};

static void name_of(const uint8_t hash[TEXT_HASH_SIZE], char out[NAME_SIZE])
{
    (void)sodium_bin2hex(out, NAME_SIZE, hash, TEXT_HASH_SIZE);
}

/* ---- read ---- */

static bool read_all(int fd, struct bytes *ret_text)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || st.st_size > INT32_MAX)
        return false;
    CLEANUP(freep) char *data = malloc((size_t)st.st_size + 1);
    for (size_t at = 0, size = (size_t)st.st_size; data && at < size;) {
        ssize_t n = read(fd, data + at, size - at);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    if (!data)
        return false;
    data[st.st_size] = '\0';
    *ret_text = (struct bytes){ .data = TAKE(data), .len = (size_t)st.st_size };
    return true;
}

bool text_cache_get(struct text_cache *t, const uint8_t hash[TEXT_HASH_SIZE],
                    struct bytes *ret_text)
{
    uint8_t found[TEXT_HASH_SIZE];
    char name[NAME_SIZE];

    if (!t)
        return false;
    name_of(hash, name);
    CLEANUP(closep) int fd = openat(t->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || !read_all(fd, ret_text))
        return false;
    text_hash(ret_text->data, ret_text->len, found);
    if (memcmp(found, hash, sizeof found) == 0) {
        (void)futimens(fd, NULL); /* used last */
        return true;
    }
    bytes_clear(ret_text);
    (void)unlinkat(t->dir, name, 0);
    return false;
}

/* ---- room ---- */

struct kept_text {
    char name[NAME_SIZE];
    int64_t bytes, used_ns;
};

static int compare_used(const void *a, const void *b)
{
    const int64_t x = ((const struct kept_text *)a)->used_ns,
                  y = ((const struct kept_text *)b)->used_ns;

    return (x > y) - (x < y);
}

/* All files, those that were used last at the end; t->bytes is counted anew. The caller frees it.
 */
static struct kept_text *list_texts(struct text_cache *t, size_t *ret_len)
{
    struct kept_text *list = NULL;
    size_t len = 0, size = 0;
    int fd = openat(t->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    struct stat st;

    t->bytes = 0;
    while (d && (entry = readdir(d))) {
        if (fstatat(t->dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
            strlen(entry->d_name) != NAME_SIZE - 1)
            continue;
        if (len == size) {
            struct kept_text *more = realloc(list, (2 * size + 64) * sizeof *list);
            if (!more)
                break;
            list = more;
            size = 2 * size + 64;
        }
        list[len] =
            (struct kept_text){ .bytes = st.st_size,
                                .used_ns = st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec };
        memcpy(list[len++].name, entry->d_name, NAME_SIZE);
        t->bytes += st.st_size;
    }
    if (d)
        (void)closedir(d);
    else
        closep(&fd);
    if (len > 0)
        qsort(list, len, sizeof *list, compare_used);
    *ret_len = len;
    return list;
}

/* Those that were not used for longest go, until there is room for so much more. */
static void free_room(struct text_cache *t, int64_t more)
{
    const int64_t wanted = t->limits.max_bytes - t->limits.max_bytes / KEPT_PARTS;
    size_t len;

    if (t->bytes + more <= t->limits.max_bytes)
        return;
    CLEANUP(freep) struct kept_text *list = list_texts(t, &len);
    for (size_t i = 0; i < len && t->bytes + more > wanted; i++)
        if (unlinkat(t->dir, list[i].name, 0) == 0)
            t->bytes -= list[i].bytes;
}

/* Those that were not used for as long as rows are kept: what retention deletes stays here no
 * longer.
 */
static void drop_old(struct text_cache *t)
{
    const int64_t before_ns = (clock_wall_ms() - t->limits.keep_ms) * NS_PER_MS;
    size_t len;
    CLEANUP(freep) struct kept_text *list = list_texts(t, &len);

    for (size_t i = 0; t->limits.keep_ms > 0 && i < len && list[i].used_ns < before_ns; i++)
        if (unlinkat(t->dir, list[i].name, 0) == 0)
            t->bytes -= list[i].bytes;
}

/* ---- write ---- */

static int check_free(const struct text_cache *t, struct err *e)
{
    struct statvfs fs;

    if (fstatvfs(t->dir, &fs) < 0)
        return err_errno(e, ERR_DISK, errno, "its disk");
    uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
    return room >= (uint64_t)t->limits.free_bytes
               ? 0
               : err_set(e, ERR_DISK, "only %llu MiB are free", (unsigned long long)room / MIB);
}

static int write_fresh(struct text_cache *t, const struct bytes *text, struct err *e)
{
    CLEANUP(closep)
    int fd = openat(t->dir, FRESH, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return err_errno(e, ERR_DISK, errno, "open a file");
    for (size_t at = 0; at < text->len;) {
        ssize_t n = write(fd, text->data + at, text->len - at);
        if (n <= 0)
            return err_errno(e, ERR_DISK, errno, "write");
        at += (size_t)n;
    }
    return 0;
}

/* Not synced: a file that a crash has cut does not have its hash. */
static int write_text(struct text_cache *t, const struct waiting_text *w, struct err *e)
{
    const int64_t len = (int64_t)w->text.len;

    if (len > t->limits.max_bytes / KEPT_PARTS || faccessat(t->dir, w->name, F_OK, 0) == 0)
        return 0;
    free_room(t, len);
    if (check_free(t, e) < 0)
        return -1;
    if (write_fresh(t, &w->text, e) < 0) {
        (void)unlinkat(t->dir, FRESH, 0);
        return -1;
    }
    if (renameat(t->dir, FRESH, t->dir, w->name) < 0)
        return err_errno(e, ERR_DISK, errno, "rename a file");
    t->bytes += len;
    return 0;
}

static void warn_failing(const char *why)
{
    log_warning("texts_not_kept", log_s("error", why),
                log_s("means", "large texts are read from the database for each run"));
}

static void note_written(struct text_cache *t, int rc, const struct err *e)
{
    if (rc < 0 && !t->failing)
        warn_failing(e->msg);
    t->failing = rc < 0;
}

/* ---- the thread ---- */

/* NULL: the time is over, or the cache ends. */
static struct waiting_text *take_waiting(struct text_cache *t, int64_t until_ns, bool *ret_stop)
{
    bool early = true;

    (void)pthread_mutex_lock(&t->lock);
    while (!t->stop && !t->head && early)
        early = clock_cond_wait(&t->wake, &t->lock, until_ns);
    struct waiting_text *w = t->stop ? NULL : t->head;
    *ret_stop = t->stop;
    if (w && !(t->head = w->next))
        t->tail = &t->head;
    if (w)
        t->waiting -= (int64_t)w->text.len;
    (void)pthread_mutex_unlock(&t->lock);
    return w;
}

static void free_waiting(struct waiting_text *w)
{
    bytes_clear(&w->text);
    free(w);
}

static void *write_texts(void *arg)
{
    struct text_cache *t = arg;
    int64_t next_ns = 0;
    bool stop = false;

    thread_name("text-cache");
    while (!stop) {
        if (clock_mono_ns() >= next_ns) {
            drop_old(t);
            next_ns = clock_mono_ns() + TIDY_NS;
        }
        struct waiting_text *w = take_waiting(t, next_ns, &stop);
        if (!w)
            continue;
        struct err e = { 0 };
        note_written(t, write_text(t, w, &e), &e);
        free_waiting(w);
    }
    return NULL;
}

void text_cache_put(struct text_cache *t, const uint8_t hash[TEXT_HASH_SIZE], const void *data,
                    size_t len)
{
    struct waiting_text *w = t ? calloc(1, sizeof *w) : NULL;

    if (!w || bytes_copy(data, len, &w->text) < 0) {
        free(w);
        return;
    }
    name_of(hash, w->name);
    (void)pthread_mutex_lock(&t->lock);
    bool takes = t->waiting + (int64_t)len <= WAITING_BYTES;
    if (takes) {
        t->waiting += (int64_t)len;
        *t->tail = w;
        t->tail = &w->next;
        (void)pthread_cond_signal(&t->wake);
    }
    (void)pthread_mutex_unlock(&t->lock);
    if (!takes)
        free_waiting(w);
}

/* ---- open, close ---- */

static int open_directory(const char *data_dir, int *ret_dir, struct err *e)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/texts", data_dir);

    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(e, ERR_SETTING, "the directory's name is too long");
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_errno(e, ERR_DISK, errno, "make %s", path);
    *ret_dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return *ret_dir < 0 ? err_errno(e, ERR_DISK, errno, "open %s", path) : 0;
}

struct text_cache *text_cache_open(const char *data_dir, const struct text_cache_limits *limits)
{
    struct text_cache *t = calloc(1, sizeof *t);
    struct err e = { 0 };
    int rc;

    if (!t)
        return NULL;
    *t = (struct text_cache){ .dir = -1, .limits = *limits };
    t->tail = &t->head;
    (void)pthread_mutex_init(&t->lock, NULL);
    clock_cond_init(&t->wake);
    if (open_directory(data_dir, &t->dir, &e) == 0) {
        if ((rc = thread_start(&t->thread, write_texts, t)) == 0)
            t->runs = true;
        else
            (void)err_errno(&e, ERR_NOMEM, rc, "a thread");
    }
    if (t->runs)
        return t;
    warn_failing(e.msg);
    return text_cache_close(t);
}

struct text_cache *text_cache_close(struct text_cache *t)
{
    if (!t)
        return NULL;
    (void)pthread_mutex_lock(&t->lock);
    t->stop = true;
    (void)pthread_cond_signal(&t->wake);
    (void)pthread_mutex_unlock(&t->lock);
    if (t->runs)
        (void)pthread_join(t->thread, NULL);
    for (struct waiting_text *w = t->head, *next; w; w = next) {
        next = w->next;
        free_waiting(w);
    }
    (void)pthread_mutex_destroy(&t->lock);
    (void)pthread_cond_destroy(&t->wake);
    closep(&t->dir);
    free(t);
    return NULL;
}
