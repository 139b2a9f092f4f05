/* A4: leaves a file in every place it can write to, and looks for those of an earlier run.
 *
 * run: => OK : clean
 * run: => OK : clean
 * run: => OK : clean
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "left-by-the-run-before"

static int found;

/* Breadth is what counts; the depth of an image's tree is known. */
static void visit(const char *dir, int depth, int write_too)
{
    char path[600];
    struct stat st;
    DIR *d;

    (void)snprintf(path, sizeof path, "%s/" MARK, dir);
    if (access(path, F_OK) == 0) {
        (void)printf("found: %s\n", path);
        found = 1;
    }
    int fd = write_too ? open(path, O_WRONLY | O_CREAT, 0600) : -1;
    if (fd >= 0) {
        (void)write(fd, MARK, sizeof MARK);
        (void)close(fd);
    }
    if (depth == 4 || !(d = opendir(dir)))
        return;
    for (struct dirent *e; (e = readdir(d));) {
        (void)snprintf(path, sizeof path, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, e->d_name);
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            strcmp(path, "/proc") != 0 && strcmp(path, "/sys") != 0 && lstat(path, &st) == 0 &&
            S_ISDIR(st.st_mode))
            visit(path, depth + 1, write_too);
    }
    (void)closedir(d);
}

int main(void)
{
    char here[300];

    if (!getcwd(here, sizeof here))
        return 2;
    for (int write_too = 0; write_too < 2 && !found; write_too++) {
        visit("/", 0, write_too);
        if (!write_too)
            visit(here, 0, write_too);
    }
    (void)symlink("/etc", "/tmp/link");
    (void)mkfifo("/tmp/fifo", 0600);
    if (!found)
        (void)puts("clean");
    return 0;
}
