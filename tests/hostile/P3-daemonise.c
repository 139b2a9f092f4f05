/* P3: leaves children behind in every way there is. No run sees anything of the one before.
 *
 * run: => OK : alone
 * run: => OK : alone
 * run: => OK : alone
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Processes with this program's name; the name is set by the kernel and cannot be hidden here. */
static int namesakes(void)
{
    char own[64] = "", path[300], name[64];
    int count = 0;
    FILE *f = fopen("/proc/self/comm", "r");
    DIR *d = opendir("/proc");

    if (!f || !d || !fgets(own, sizeof own, f))
        return -1;
    (void)fclose(f);
    for (struct dirent *e; (e = readdir(d));) {
        (void)snprintf(path, sizeof path, "/proc/%s/comm", e->d_name);
        f = isdigit((unsigned char)e->d_name[0]) ? fopen(path, "r") : NULL;
        if (f && fgets(name, sizeof name, f) && strcmp(name, own) == 0)
            count++;
        if (f)
            (void)fclose(f);
    }
    (void)closedir(d);
    return count;
}

static void linger(void)
{
    for (int s = 1; s < 32; s++)
        (void)signal(s, SIG_IGN);
    for (;;)
        (void)sleep(100);
}

int main(void)
{
    (void)puts(namesakes() == 1 ? "alone" : "not alone");
    (void)fflush(stdout);
    for (int way = 0; way < 8; way++) {
        if (fork() != 0)
            continue;
        if (way & 1)
            (void)setsid();
        if (way & 2 && fork() != 0)
            _exit(0);
        if (way & 4)
            (void)setpgid(0, 0);
        linger();
    }
    (void)usleep(20000);
    return 0;
}
