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
    return n - 3; /* ".", "..", and the descriptor of d */
}

/* The n-th word after the one at `at`; NULL when there are fewer. */
static const char *word_after(const char *at, int n)
{
    for (; at && n > 0; n--) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at;
}

/* The 20th, 22nd, 23rd and 24th word of /proc/self/stat. Counted from the last ')', because the
 * process name may contain blanks. */
static void read_proc_self_stat(struct process_stats *stats)
{
    char text[1024] = "";
    FILE *f = fopen("/proc/self/stat", "re");

    if (!f)
        return;
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    (void)fclose(f);
    const char *behind_name = strrchr(text, ')');
    const char *first = behind_name ? word_after(behind_name, 18) : NULL;
    if (!first || !word_after(first, 4))
        return;
    int64_t threads = strtoll(first, NULL, 10);
    int64_t started = strtoll(word_after(first, 2), NULL, 10);
    int64_t bytes = strtoll(word_after(first, 3), NULL, 10);
    int64_t pages = strtoll(word_after(first, 4), NULL, 10);
    struct timespec up;
    (void)clock_gettime(CLOCK_BOOTTIME, &up);
    double age = (double)up.tv_sec - (double)started / (double)sysconf(_SC_CLK_TCK);
    stats->threads = threads;
    stats->virtual_bytes = bytes;
    stats->rss_bytes = pages * sysconf(_SC_PAGESIZE);
    stats->start_s = (double)clock_wall_ms() / 1000 - age;
}

void process_stats_read(struct process_stats *ret_stats)
{
    struct rlimit files = { .rlim_cur = 0 };
    struct timespec cpu = { .tv_sec = 0 };

    *ret_stats = (struct process_stats){ .open_fds = count_fds() };
    read_proc_self_stat(ret_stats);
    (void)getrlimit(RLIMIT_NOFILE, &files);
    ret_stats->max_fds = (int64_t)files.rlim_cur;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    ret_stats->cpu_ns = cpu.tv_sec * NS_PER_S + cpu.tv_nsec;
}
