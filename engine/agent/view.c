#include "engine/agent/view.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "engine/agent/protocol.h"

/* The same on every architecture; older libc headers lack them. */
#define NR_LANDLOCK_CREATE   444
#define NR_LANDLOCK_ADD      445
#define NR_LANDLOCK_RESTRICT 446

/* The first version that can allow renames from one directory to another. */
#define VERSION_MIN 2

#define READ_ACCESS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* Runtimes read these. */
static const char *const visible_sys[] = { "/sys/devices/system",
                                           "/sys/kernel/mm/transparent_hugepage" };

/* A name that does not exist needs no rule. */
static bool allow_path(int view, int dir, const char *name, uint64_t access)
{
    CLEANUP(closep) int fd = openat(dir, name, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr rule = { .parent_fd = fd, .allowed_access = access };
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return true;
    if (!S_ISDIR(st.st_mode))
        rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE;
    return syscall(NR_LANDLOCK_ADD, view, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

/* Allows everything below / but /sys and the agent's own directory, and visible_sys. */
static bool allow_all_but_hidden(int view)
{
    DIR *root = opendir("/");
    bool done = root != NULL;

    for (const struct dirent *entry; done && (entry = readdir(root));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            strcmp(entry->d_name, "sys") != 0 && strcmp(entry->d_name, &AGENT_DIR[1]) != 0)
            done = allow_path(view, dirfd(root), entry->d_name, READ_ACCESS);
    for (size_t i = 0; i < ARRAY_LEN(visible_sys); i++)
        done = done && allow_path(view, AT_FDCWD, visible_sys[i], READ_ACCESS);
    done = done && allow_path(view, dirfd(root), "/",
                              LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REFER);
    if (root)
        (void)closedir(root);
    return done;
}

int view_open(void)
{
    const struct landlock_ruleset_attr handled = { .handled_access_fs =
                                                       READ_ACCESS | LANDLOCK_ACCESS_FS_REFER };

    if (syscall(NR_LANDLOCK_CREATE, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < VERSION_MIN)
        return -1;
    CLEANUP(closep)
    int view = (int)syscall(NR_LANDLOCK_CREATE, &handled, sizeof handled.handled_access_fs, 0);
    if (view < 0 || !allow_all_but_hidden(view))
        return -1;
    return TAKE_FD(view);
}

int view_restrict(int view) { return (int)syscall(NR_LANDLOCK_RESTRICT, view, 0); }
