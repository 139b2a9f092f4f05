#include "server/api/process_stats.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "schema/base/base.h"
#include "schema/base/clock.h"

static int64_t count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int64_t n = 0;

    if (!d)
        return 0;
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n - 3; /* ".", "..", and the one that reads them */
}

/* The 20th, 22nd, 23rd and 24th word of /proc/self/stat; the name before them may hold blanks. */
static void read_stat(struct process_stats *use)
{
    char text[1024] = "";
    long long threads = 0, started = 0, bytes = 0, pages = 0;
    FILE *f = fopen("/proc/self/stat", "re");

    if (!f)
        return;
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    (void)fclose(f);
    const char *at = strrchr(text, ')');
    if (!at || sscanf(at + 1,
                      " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld"
                      " %*s %lld %lld %lld",
                      &threads, &started, &bytes, &pages) != 4)
        return;
    struct timespec up;
    (void)clock_gettime(CLOCK_BOOTTIME, &up);
    double age = (double)up.tv_sec - (double)started / (double)sysconf(_SC_CLK_TCK);
    use->threads = threads;
    use->virtual_bytes = bytes;
    use->rss_bytes = pages * sysconf(_SC_PAGESIZE);
    use->start_s = (double)clock_wall_ms() / 1000 - age;
}

void process_stats_read(struct process_stats *ret_use)
{
    struct rlimit files = { .rlim_cur = 0 };
    struct timespec cpu = { .tv_sec = 0 };

    *ret_use = (struct process_stats){ .open_fds = count_fds() };
    read_stat(ret_use);
    (void)getrlimit(RLIMIT_NOFILE, &files);
    ret_use->max_fds = (int64_t)files.rlim_cur;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    ret_use->cpu_ns = cpu.tv_sec * NS_PER_S + cpu.tv_nsec;
}
