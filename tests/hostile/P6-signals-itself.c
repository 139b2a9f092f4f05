/* P6: signals to itself and to everybody.
 *
 * run: ignore => TL
 * run: stop => TL
 * run: kill-all => RE OK : here
 * run: kill-group => RE
 * run: abort => RE
 * run: fine => OK : here
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    char how[32] = "";

    if (!fgets(how, sizeof how, stdin))
        return 2;
    how[strcspn(how, "\n")] = '\0';
    if (strcmp(how, "ignore") == 0) {
        for (int s = 1; s < 65; s++)
            (void)signal(s, SIG_IGN);
        for (;;)
            (void)sleep(1);
    }
    if (strcmp(how, "stop") == 0)
        (void)raise(SIGSTOP);
    if (strcmp(how, "kill-all") == 0)
        (void)kill(-1, SIGKILL); /* spares the caller */
    if (strcmp(how, "kill-group") == 0)
        (void)kill(0, SIGKILL);
    if (strcmp(how, "abort") == 0)
        abort();
    (void)puts("here");
    return 0;
}
