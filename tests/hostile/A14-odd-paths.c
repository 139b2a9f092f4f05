/* A14: names that a careless judge chokes on: none, too long, no text, formats, options. They get
 * the usual errors, and what is left under such names is gone by the next run.
 *
 * run: => OK : normal
 * run: leave => OK : left
 * run: => OK : normal
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char endless[5001], longest[256];

static const char *const odd[] = { "%s%n%s%n", "-rf",          "..x",      "a\nb",  "\xff\xfe\x80",
                                   "\x1b[2J",  "'; ls \"$(`",  "\\x00\\0", "\r",    " ",
                                   "#*?[]~",   "\xe2\x80\xae", "main",     "out\t", longest };

static void must_fail(long result, int error, const char *what)
{
    if (result >= 0 || errno != error)
        (void)printf("%s: %ld, errno %d\n", what, result, errno);
}

static void ask(void)
{
    must_fail(syscall(SYS_openat, AT_FDCWD, NULL, O_RDONLY), EFAULT, "no name");
    must_fail(syscall(SYS_openat, AT_FDCWD, (char *)1, O_RDONLY), EFAULT, "a wild name");
    must_fail(open("", O_RDONLY), ENOENT, "an empty name");
    must_fail(open(endless, O_RDONLY), ENAMETOOLONG, "5000 bytes");
    must_fail(mkdir(endless, 0700), ENAMETOOLONG, "5000 bytes as a directory");
    must_fail(open("/proc/version/x", O_RDONLY), ENOTDIR, "below a file");
    must_fail(unlink("/"), EISDIR, "the root");
}

/* A file, a directory that nobody may enter with a file in it, and a link to nowhere of each name.
 */
static int leave(const char *where)
{
    char path[300];
    int made = 0;

    if (chdir(where) < 0)
        return 0;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        int fd = open(odd[i], O_CREAT | O_WRONLY, 0);
        made += fd >= 0;
        (void)close(fd);
        (void)snprintf(path, sizeof path, "d%.240s", odd[i]);
        made += mkdir(path, 0700) == 0 && chdir(path) == 0;
        (void)close(open(odd[i], O_CREAT | O_WRONLY, 0));
        (void)chdir(where);
        (void)chmod(path, 0);
        (void)snprintf(path, sizeof path, "l%.240s", odd[i]);
        made += symlink(odd[i], path) == 0;
    }
    return made;
}

static void look(const char *where)
{
    DIR *d = opendir(where);

    for (const struct dirent *e; d && (e = readdir(d));)
        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
            if (strcmp(e->d_name + (e->d_name[0] == 'd' || e->d_name[0] == 'l'), odd[i]) == 0)
                (void)printf("a name is left in %s\n", where);
}

int main(void)
{
    char how[16] = "";

    (void)memset(endless, 'x', sizeof endless - 1);
    (void)memset(longest, 'y', sizeof longest - 1);
    (void)scanf("%15s", how);
    ask();
    look("/tmp");
    look("/dev/shm");
    if (strcmp(how, "leave") != 0)
        return puts("normal") < 0;
    return puts(leave("/tmp") > 40 && leave("/dev/shm") > 40 ? "left" : "refused") < 0;
}
