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

/* The first version that lets files be renamed from one directory to another. */
#define VERSION_MIN 2

#define SEE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* Runtimes ask for these. */
static const char *const of_sys[] = { "/sys/devices/system",
                                      "/sys/kernel/mm/transparent_hugepage" };

/* A name that is not there needs no rule. */
static bool allow(int view, int dir, const char *name, uint64_t access)
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

/* Everything below / but /sys and the agent's own directory. */
static bool allow_all(int view)
{
    DIR *root = opendir("/");
    bool done = root != NULL;

    for (const struct dirent *e; done && (e = readdir(root));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            strcmp(e->d_name, "sys") != 0 && strcmp(e->d_name, &AGENT_DIR[1]) != 0)
            done = allow(view, dirfd(root), e->d_name, SEE);
    for (size_t i = 0; i < ARRAY_LEN(of_sys); i++)
        done = done && allow(view, AT_FDCWD, of_sys[i], SEE);
    done = done &&
           allow(view, dirfd(root), "/", LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REFER);
    if (root)
        (void)closedir(root);
    return done;
}

int view_open(void)
{
    const struct landlock_ruleset_attr handled = { .handled_access_fs =
                                                       SEE | LANDLOCK_ACCESS_FS_REFER };

    if (syscall(NR_LANDLOCK_CREATE, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < VERSION_MIN)
        return -1;
    CLEANUP(closep)
    int view = (int)syscall(NR_LANDLOCK_CREATE, &handled, sizeof handled.handled_access_fs, 0);
    if (view < 0 || !allow_all(view))
        return -1;
    return TAKE_FD(view);
}

int view_restrict(int view) { return (int)syscall(NR_LANDLOCK_RESTRICT, view, 0); }
