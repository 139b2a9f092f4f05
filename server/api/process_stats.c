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

/* The n-th word behind the one that `at` is in; NULL when there are not so many. */
static const char *word_behind(const char *at, int n)
{
    for (; at && n > 0; n--) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at;
}

/* The 20th, 22nd, 23rd and 24th word of /proc/self/stat; the name before them may hold blanks. */
static void read_stat(struct process_stats *use)
{
    char text[1024] = "";
    FILE *f = fopen("/proc/self/stat", "re");

    if (!f)
        return;
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    (void)fclose(f);
    const char *behind_name = strrchr(text, ')');
    const char *first = behind_name ? word_behind(behind_name, 18) : NULL;
    if (!first || !word_behind(first, 4))
        return;
    int64_t threads = strtoll(first, NULL, 10);
    int64_t started = strtoll(word_behind(first, 2), NULL, 10);
    int64_t bytes = strtoll(word_behind(first, 3), NULL, 10);
    int64_t pages = strtoll(word_behind(first, 4), NULL, 10);
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
