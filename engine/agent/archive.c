#include "engine/agent/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "engine/agent/fault.h"

#define DEPTH_MAX 64

struct archive_entry {
    uint32_t name_len, size;
};

/* Copies the first component of *name (a NUL-terminated path) and moves *name behind it. False when
 * an archive may not have such a component. */
static bool next_component(const char **name, char component[NAME_MAX + 1])
{
    size_t len = strcspn(*name, "/");

    if (len == 0 || len > NAME_MAX)
        return false;
    memcpy(component, *name, len);
    component[len] = '\0';
    *name += len;
    if (strcmp(component, ".") == 0 || strcmp(component, "..") == 0)
        return false;
    if (**name != '/')
        return true;
    (*name)++;
    return **name != '\0';
}

int archive_create(int dir, const char *name, size_t len, int *ret_fd, struct fault *f)
{
    CLEANUP(closep) int at = -1;
    char path[AGENT_ARCHIVE_NAME_MAX + 1], component[NAME_MAX + 1];
    const char *rest = path;

    if (len == 0 || len > AGENT_ARCHIVE_NAME_MAX || memchr(name, '\0', len))
        return fault_set(f, "file name of %zu bytes", len);
    memcpy(path, name, len);
    path[len] = '\0';

    for (int depth = 0; depth <= DEPTH_MAX; depth++) {
        int here = at >= 0 ? at : dir;

        if (!next_component(&rest, component))
            break;
        if (*rest == '\0') {
            int fd =
                openat(here, component, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
            if (fd < 0)
                return fault_errno(f, "create %.150s", path);
            *ret_fd = fd;
            return 0;
        }
        if (mkdirat(here, component, 0755) < 0 && errno != EEXIST)
            return fault_errno(f, "mkdir for %.150s", path);
        int next = openat(here, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            return fault_errno(f, "open directory for %.150s", path);
        closep(&at);
        at = next;
    }
    return fault_set(f, "file name '%.150s' is not a plain relative path", path);
}

int archive_copy(int in, off_t from, size_t size, int out, struct fault *f)
{
    while (size > 0) {
        ssize_t n = sendfile(out, in, &from, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_errno(f, "copy");
        if (n == 0)
            return fault_set(f, "copy: %zu bytes are missing", size);
        size -= (size_t)n;
    }
    return 0;
}

static int unpack_one_file(int fd, off_t *at, int dir, struct fault *f)
{
    CLEANUP(closep) int out = -1;
    char name[AGENT_ARCHIVE_NAME_MAX];
    struct archive_entry entry;

    if (pread(fd, &entry, sizeof entry, *at) != (ssize_t)sizeof entry)
        return fault_set(f, "archive: cut in a header");
    *at += (off_t)sizeof entry;
    if (entry.name_len == 0 || entry.name_len > sizeof name)
        return fault_set(f, "archive: name of %u bytes", entry.name_len);
    if (pread(fd, name, entry.name_len, *at) != (ssize_t)entry.name_len)
        return fault_set(f, "archive: cut in a name");
    *at += entry.name_len;
    if (archive_create(dir, name, entry.name_len, &out, f) < 0)
        return -1;
    if (archive_copy(fd, *at, entry.size, out, f) < 0)
        return -1;
    *at += entry.size;
    return 0;
}

int archive_unpack(int fd, int dir, struct fault *f)
{
    struct stat st;
    off_t at = 0;

    if (fstat(fd, &st) < 0)
        return fault_errno(f, "archive");
    for (int files = 0; at < st.st_size; files++) {
        if (files == AGENT_ARCHIVE_FILES_MAX)
            return fault_set(f, "archive: more than %d files", AGENT_ARCHIVE_FILES_MAX);
        if (unpack_one_file(fd, &at, dir, f) < 0)
            return -1;
    }
    return 0;
}

struct packing {
    int out;
    uint64_t left; /* more bytes may be written */
    int files;
    size_t len; /* of path */
    char path[AGENT_ARCHIVE_NAME_MAX + 1];
    enum agent_collected what; /* AGENT_COLLECTED until packing stops early */
    struct fault *f;
};

/* Stops packing because of what the tree holds, which is no fault. */
static int pack_stop(struct packing *p, enum agent_collected what)
{
    p->what = what;
    return 0;
}

static int pack_dir(struct packing *p, int dir, int depth);

static int pack_file(struct packing *p, int fd, off_t size)
{
    struct archive_entry entry = { .name_len = (uint32_t)p->len, .size = (uint32_t)size };
    uint64_t all = sizeof entry + p->len + (uint64_t)size;

    if (size > UINT32_MAX || all > p->left || p->files++ == AGENT_ARCHIVE_FILES_MAX)
        return pack_stop(p, AGENT_COLLECTED_TOO_BIG);
    p->left -= all;
    if (write(p->out, &entry, sizeof entry) != (ssize_t)sizeof entry ||
        write(p->out, p->path, p->len) != (ssize_t)p->len)
        return fault_errno(p->f, "write an archive");
    return archive_copy(fd, 0, (size_t)size, p->out, p->f);
}

/* p->path is the path of the entry `name` of dir. */
static int pack_entry(struct packing *p, int dir, const char *name, int depth)
{
    struct stat st;
    CLEANUP(closep)
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 && (errno == ELOOP || errno == ENXIO))
        return 0; /* a link or a socket */
    if (fd < 0 && errno == EACCES)
        return pack_stop(p, AGENT_COLLECTED_NOT_REGULAR);
    if (fd < 0 || fstat(fd, &st) < 0)
        return fault_errno(p->f, "open a file of the artefact");
    if (S_ISREG(st.st_mode))
        return pack_file(p, fd, st.st_size);
    if (!S_ISDIR(st.st_mode))
        return 0;
    return depth == DEPTH_MAX ? pack_stop(p, AGENT_COLLECTED_TOO_BIG) : pack_dir(p, fd, depth + 1);
}

static bool push_component(struct packing *p, const char *name)
{
    size_t len = strlen(name);

    if (p->len + (p->len > 0) + len > AGENT_ARCHIVE_NAME_MAX)
        return false;
    if (p->len > 0)
        p->path[p->len++] = '/';
    memcpy(p->path + p->len, name, len + 1);
    p->len += len;
    return true;
}

static int pack_dir(struct packing *p, int dir, int depth)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    size_t len = p->len;

    if (fd < 0 && errno == EACCES)
        return pack_stop(p, AGENT_COLLECTED_NOT_REGULAR);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (!stream) {
        (void)fault_errno(p->f, "open a directory of the artefact");
        closep(&fd);
        return -1;
    }
    for (const struct dirent *entry;
         rc == 0 && p->what == AGENT_COLLECTED && (entry = readdir(stream));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        rc = push_component(p, entry->d_name) ? pack_entry(p, dir, entry->d_name, depth)
                                              : pack_stop(p, AGENT_COLLECTED_TOO_BIG);
        p->len = len;
    }
    (void)closedir(stream);
    return rc;
}

int archive_pack(int dir, int out, uint64_t max, enum agent_collected *ret_what, struct fault *f)
{
    struct packing p = { .out = out, .left = max, .what = AGENT_COLLECTED, .f = f };

    if (pack_dir(&p, dir, 0) < 0)
        return -1;
    *ret_what = p.what;
    return 0;
}
