#include "engine/agent/wipe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "engine/agent/fault.h"
#include "engine/agent/process.h"

#define WIPE_TRIES 5

/* mountinfo has blanks and some other characters as \ooo. */
static void unescape(char *s)
{
    char *to = s;

    for (; *s; s++) {
        if (s[0] == '\\' && s[1] && s[2] && s[3]) {
            *to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 3;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

/* id parent dev root PATH OPTIONS [optional...] - TYPE source super-options */
static int add_place(struct wipe *w, char *line, struct fault *f)
{
    char *path = NULL, *options = NULL, *save = NULL, *word = strtok_r(line, " ", &save);
    struct stat st;

    for (int i = 0; word && strcmp(word, "-") != 0; i++, word = strtok_r(NULL, " ", &save)) {
        path = i == 4 ? word : path;
        options = i == 5 ? word : options;
    }
    const char *type = strtok_r(NULL, " ", &save);
    if (!path || !options || !type || strncmp(options, "rw", 2) != 0 ||
        (strcmp(type, "tmpfs") != 0 && strcmp(type, "mqueue") != 0))
        return 0;
    unescape(path);
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !(st.st_mode & S_IWOTH))
        return 0;
    if (w->len == WIPE_PLACES_MAX)
        return fault_set(f, "more than %d writable places", WIPE_PLACES_MAX);
    struct wipe_place *p = &w->places[w->len++];
    p->dev = st.st_dev;
    (void)snprintf(p->path, sizeof p->path, "%.79s", path);
    p->fd = TAKE_FD(fd);
    return 0;
}

int wipe_find(struct wipe *ret_wipe, struct fault *f)
{
    struct wipe w = { 0 };
    char line[4096];
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    int result = 0;

    if (!mounts)
        return fault_errno(f, "mountinfo");
    while (result == 0 && fgets(line, sizeof line, mounts))
        result = add_place(&w, line, f);
    (void)fclose(mounts);
    if (result == 0)
        *ret_wipe = w;
    return result;
}

static DIR *open_listing(int dir)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

    if (!d)
        closep(&fd);
    return d;
}

static const char *next_name(DIR *d)
{
    const struct dirent *entry;

    while ((entry = readdir(d)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return entry->d_name;
    return NULL;
}

/* Removes a file, link, device or empty directory. 0; 1: a directory that is not empty; -1. */
static int remove_entry(int dir, const char *name)
{
    if (unlinkat(dir, name, 0) == 0)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
        return 0;
    return errno == ENOTEMPTY || errno == EEXIST ? 1 : -1;
}

/* Removes entries of dir until one is a directory that is not empty. 0: dir is empty; 1: ret_name
 * is the name of that directory; -1. */
static int remove_entries(int dir, char ret_name[NAME_MAX + 1])
{
    DIR *d = open_listing(dir);
    int result = d ? 0 : -1;

    for (const char *name; result == 0 && (name = next_name(d));) {
        result = remove_entry(dir, name);
        if (result == 1)
            (void)snprintf(ret_name, NAME_MAX + 1, "%s", name);
    }
    if (d)
        (void)closedir(d);
    return result;
}

/* Opens a directory that we own, whatever its mode. */
static int open_own_dir(int dir, const char *name)
{
    (void)fchmodat(dir, name, 0700, 0);
    return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Removes a tree that we alone own and that nobody changes any more, however deep, with one
 * descriptor: it goes down into one directory and up again. A directory is left only when it is
 * empty, so that the next remove_entries() of its parent removes it. */
static int remove_tree(int parent, const char *top)
{
    char name[NAME_MAX + 1];
    CLEANUP(closep) int dir = open_own_dir(parent, top);

    for (long depth = 0; dir >= 0;) {
        int found = remove_entries(dir, name);
        if (found < 0)
            return -1;
        if (found == 0 && depth-- == 0)
            return unlinkat(parent, top, AT_REMOVEDIR);
        int next =
            found ? open_own_dir(dir, name) : openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        depth += found;
        closep(&dir);
        dir = next;
    }
    return -1;
}

static int wipe_one_place(const struct wipe_place *p, uid_t uid)
{
    DIR *d = open_listing(p->fd);
    int result = d ? 0 : -1;
    struct stat st;

    for (const char *name; result == 0 && (name = next_name(d));) {
        if (fstatat(p->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            result = -1;
        else if (st.st_uid == uid && st.st_dev == p->dev)
            result = remove_entry(p->fd, name);
        if (result == 1)
            result = remove_tree(p->fd, name);
    }
    if (d)
        (void)closedir(d);
    return result;
}

static int wipe_places(const struct wipe *w, uid_t uid, struct fault *f)
{
    for (size_t i = 0; i < w->len; i++)
        if (wipe_one_place(&w->places[i], uid) < 0)
            return fault_errno(f, "wipe %s", w->places[i].path);
    return 0;
}

/* The kernel should kill this child before the agent: the child can be started again. */
static void offer_to_oom_killer(void)
{
    CLEANUP(closep) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0)
        (void)!write(fd, "1000", 4);
}

/* Without CAP_DAC_OVERRIDE the agent cannot enter a directory of another uid, so a child takes that
 * uid. Returns its wait status, or -1. */
static int wipe_in_child(const struct wipe *w, uid_t uid)
{
    int status;
    pid_t pid = process_fork(0);

    if (pid == 0) {
        struct fault ignored;
        offer_to_oom_killer();
        if (syscall(SYS_setresgid, uid, uid, uid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
            _exit(2);
        _exit(wipe_places(w, uid, &ignored) < 0);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return pid < 0 ? -1 : status;
}

/* Where files have filled the memory, the kernel may kill the child; each try frees some. */
static int wipe_as_user(const struct wipe *w, uid_t uid, struct fault *f)
{
    int status = -1;

    for (int i = 0; i < WIPE_TRIES && status != 0; i++)
        status = wipe_in_child(w, uid);
    return status == 0 ? 0 : fault_set(f, "wiping as uid %u failed (status %d)", uid, status);
}

/* The name of something in the place; NULL: it is empty. Mounts in it are places of their own. */
static const char *find_leftover(const struct wipe_place *p, char name[NAME_MAX + 1])
{
    DIR *d = open_listing(p->fd);
    const char *found = d ? NULL : "(unreadable)";
    struct stat st;

    for (const char *n; !found && d && (n = next_name(d));) {
        if (fstatat(p->fd, n, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev != p->dev)
            continue;
        (void)snprintf(name, NAME_MAX + 1, "%s", n);
        found = name;
    }
    if (d)
        (void)closedir(d);
    return found;
}

int wipe_remove(const struct wipe *w, uid_t uid, struct fault *f)
{
    char name[NAME_MAX + 1];
    bool dirty = false;

    for (size_t i = 0; i < w->len; i++)
        dirty = dirty || find_leftover(&w->places[i], name);
    if (!dirty)
        return 0;
    return wipe_as_user(w, uid, f) < 0 ? -1 : wipe_places(w, 0, f);
}

static int verify_alone(struct fault *f)
{
    DIR *d = opendir("/proc");
    long other = 0;

    if (!d)
        return fault_errno(f, "/proc");
    for (const char *name; other == 0 && (name = next_name(d));)
        other = strcmp(name, "1") == 0 ? 0 : strtol(name, NULL, 10);
    (void)closedir(d);
    return other == 0 ? 0 : fault_set(f, "process %ld is left", other);
}

/* The file has a heading, then a line for each object. */
static int verify_no_ipc(const char *path, struct fault *f)
{
    char text[512];
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? 0 : fault_errno(f, "%s", path);
    ssize_t n = read(fd, text, sizeof text);
    const char *end = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;
    if (n < 0 || !end || end != text + n - 1)
        return fault_set(f, "%s: an object is left", path);
    return 0;
}

int wipe_verify(const struct wipe *w, struct fault *f)
{
    static const char *const ipc[] = { "/proc/sysvipc/msg", "/proc/sysvipc/sem",
                                       "/proc/sysvipc/shm" };
    char name[NAME_MAX + 1];

    for (size_t i = 0; i < w->len; i++) {
        const char *left = find_leftover(&w->places[i], name);
        if (left)
            return fault_set(f, "%s still holds %.100s", w->places[i].path, left);
    }
    for (size_t i = 0; i < ARRAY_LEN(ipc); i++)
        if (verify_no_ipc(ipc[i], f) < 0)
            return -1;
    return verify_alone(f);
}
