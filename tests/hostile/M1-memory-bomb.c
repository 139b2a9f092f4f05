/* M1, M2: takes all the memory it can get, from one source at a time; goes on when one refuses. The
 * judge survives each of them (memory limit 64 MiB).
 *
 * run: malloc => ML
 * run: shared => ML
 * run: memfd => ML RE
 * run: file => ML RE
 * run: shm => ML RE
 * run: pipes => ML RE TL
 * run: sockets => ML RE TL
 * run: tables => ML
 * run: fork => ML
 * run: stack => ML RE
 * run: lock => ML RE
 * run: nothing => OK : little
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB  (1024 * 1024)
#define MUCH (400L * MIB)

static void touch(volatile char *p)
{
    if (p == MAP_FAILED || !p)
        exit(3);
    for (long i = 0; i < MUCH; i += 4096)
        p[i] = 1;
}

static void fill(int fd)
{
    static char block[MIB];

    memset(block, 1, sizeof block);
    for (long i = 0; i < MUCH; i += MIB)
        if (fd < 0 || write(fd, block, sizeof block) < MIB)
            exit(3);
}

static void fill_pipes(void)
{
    static char block[MIB];
    int ends[2];

    for (int i = 0; i < 400 && pipe2(ends, O_NONBLOCK) == 0; i++) {
        (void)fcntl(ends[1], F_SETPIPE_SZ, MIB);
        (void)write(ends[1], block, sizeof block);
    }
    exit(3);
}

static void fill_sockets(void)
{
    static char block[100 * 1024];
    int ends[2];

    for (int i = 0; i < 400; i++) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
            exit(3);
        while (write(ends[0], block, sizeof block) > 0)
            ;
        while (write(ends[1], block, sizeof block) > 0)
            ;
    }
    exit(3);
}

/* One page in every 2 MiB: the tables weigh as much as the pages. */
static void fill_tables(void)
{
    for (;;) {
        char *p = mmap(NULL, 4096L * MIB, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED)
            exit(3);
        (void)madvise(p, 4096L * MIB, MADV_NOHUGEPAGE);
        for (long i = 0; i < 4096L * MIB; i += 2 * MIB)
            p[i] = 1;
    }
}

static void fork_and_write(void)
{
    volatile char *p = malloc(20 * MIB);

    for (long i = 0; i < 20 * MIB; i += 4096)
        p[i] = 1;
    for (int child = 0; child < 20; child++)
        if (fork() == 0) {
            for (long i = 0; i < 20 * MIB; i += 4096)
                p[i] = 2;
            for (;;)
                (void)pause();
        }
    for (;;)
        (void)pause();
}

static int recurse(int n)
{
    volatile char frame[8192];

    frame[n % 8192] = (char)n;
    return recurse(n + 1) + frame[(n * 7) % 8192];
}

static void lock_all(void)
{
    (void)mlockall(MCL_CURRENT | MCL_FUTURE);
    touch(mmap(NULL, MUCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

int main(void)
{
    char how[16] = "";

    (void)scanf("%15s", how);
    if (strcmp(how, "malloc") == 0)
        touch(malloc(MUCH));
    else if (strcmp(how, "shared") == 0)
        touch(mmap(NULL, MUCH, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    else if (strcmp(how, "memfd") == 0)
        fill(memfd_create("m", 0));
    else if (strcmp(how, "file") == 0)
        fill(open("/tmp/file", O_RDWR | O_CREAT, 0600));
    else if (strcmp(how, "shm") == 0)
        fill(open("/dev/shm/file", O_RDWR | O_CREAT, 0600));
    else if (strcmp(how, "pipes") == 0)
        fill_pipes();
    else if (strcmp(how, "sockets") == 0)
        fill_sockets();
    else if (strcmp(how, "tables") == 0)
        fill_tables();
    else if (strcmp(how, "fork") == 0)
        fork_and_write();
    else if (strcmp(how, "stack") == 0)
        return recurse(0);
    else if (strcmp(how, "lock") == 0)
        lock_all();
    (void)puts("little");
    return 0;
}
