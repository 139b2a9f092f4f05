/* A7: what it is, and whether it can become more.
 *
 * run: => OK : nobody
 */
#define _GNU_SOURCE
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* "Name:\tvalue" of /proc/self/status must end with value. */
static void expect(const char *name, const char *value)
{
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");

    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, name, strlen(name)) != 0 || line[strlen(name)] != ':')
            continue;
        if (strcmp(line + strlen(name) + 2, value) != 0)
            (void)printf("allowed: %s\n", line);
    }
    if (f)
        (void)fclose(f);
}

int main(void)
{
    static const char none[] = "0000000000000000";

    expect("CapInh", none);
    expect("CapPrm", none);
    expect("CapEff", none);
    expect("CapBnd", none);
    expect("CapAmb", none);
    expect("NoNewPrivs", "1");
    expect("Seccomp", "2");
    if (getuid() == 0 || geteuid() == 0 || getgid() == 0 || getegid() == 0)
        (void)puts("allowed: being root");
    if (getgroups(0, NULL) != 0)
        (void)puts("allowed: supplementary groups");
    if (setuid(0) == 0 || setreuid(0, 0) == 0 || setresuid(0, 0, 0) == 0)
        (void)puts("allowed: setuid 0");
    if (setgid(0) == 0 || setgroups(0, NULL) == 0)
        (void)puts("allowed: setgid 0");
    if (setuid(getuid() + 1) == 0)
        (void)puts("allowed: another uid");
    if (chown("/tmp", getuid(), getgid()) == 0 || chmod("/tmp", 0700) == 0)
        (void)puts("allowed: taking /tmp");
    if (prctl(PR_SET_KEEPCAPS, 1) == 0 && prctl(PR_CAPBSET_DROP, 0) == 0)
        (void)puts("allowed: changing the bounding set");
    (void)puts("nobody");
    return 0;
}
