/* A15: files: one large one, very many, very deep, sparse, deleted but open. The next run finds an
 * empty place, soon.
 *
 * run: large => OK RE ML
 * run: many => OK RE TL ML
 * run: deep => OK RE TL
 * run: wide => OK RE TL ML
 * run: sparse => OK RE
 * run: open => OK RE ML
 * run: closed => OK RE
 * run: look => OK : empty
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const places[] = { ".", "/tmp", "/dev/shm" };

static void many(int in_directories)
{
    char name[64];

    for (int i = 0; i < 1000000; i++) {
        if (in_directories && i % 10 == 0) {
            (void)snprintf(name, sizeof name, "/tmp/d%d", i / 10);
            (void)mkdir(name, 0700);
        }
        (void)snprintf(name, sizeof name, in_directories ? "/tmp/d%d/%d" : "/tmp/%d-%d", i / 10, i);
        int fd = open(name, O_WRONLY | O_CREAT, 0);
        if (fd < 0)
            return;
        (void)close(fd);
    }
}

static void deep(void)
{
    for (int i = 0; i < 10000; i++)
        if (mkdir("a-name-of-some-length", 0700) < 0 || chdir("a-name-of-some-length") < 0)
            return;
    (void)chmod(".", 0);
}

/* Directories that even their owner cannot enter as they are. */
static void closed(void)
{
    (void)mkdir("/tmp/a", 0700);
    (void)mkdir("/tmp/a/b", 0700);
    (void)mkdir("/tmp/a/b/c", 0700);
    (void)chmod("/tmp/a/b/c", 0);
    (void)chmod("/tmp/a/b", 0500);
    (void)chmod("/tmp/a", 0);
    (void)symlink("/", "/dev/shm/root");
    (void)mkfifo("/dev/shm/fifo", 0);
}

static int left_in(const char *place)
{
    DIR *d = opendir(place);
    int count = 0;

    for (struct dirent *e; d && (e = readdir(d));)
        count += e->d_name[0] != '.';
    if (d)
        (void)closedir(d);
    return count;
}

int main(void)
{
    char how[16] = "", name[64];

    (void)scanf("%15s", how);
    if (strcmp(how, "large") == 0)
        for (int i = 0; i < 1000; i++) {
            (void)snprintf(name, sizeof name, "%s/%d", places[i % 3], i);
            if (posix_fallocate(open(name, O_RDWR | O_CREAT, 0600), 0, 1 << 20) != 0 && i > 300)
                break;
        }
    if (strcmp(how, "many") == 0)
        many(0);
    if (strcmp(how, "wide") == 0)
        many(1);
    if (strcmp(how, "deep") == 0)
        deep();
    if (strcmp(how, "sparse") == 0)
        (void)ftruncate(open("/tmp/sparse", O_RDWR | O_CREAT, 0600), 1L << 40);
    if (strcmp(how, "closed") == 0)
        closed();
    if (strcmp(how, "open") == 0)
        for (int i = 0; i < 500; i++) {
            int fd = open("/tmp/gone", O_RDWR | O_CREAT, 0600);
            (void)unlink("/tmp/gone");
            if (fd < 0 || posix_fallocate(fd, 0, 100000) != 0)
                break;
        }
    if (strcmp(how, "look") == 0)
        (void)puts(left_in("/tmp") + left_in("/dev/shm") == 0 ? "empty" : "not empty");
    return 0;
}
