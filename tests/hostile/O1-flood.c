/* O1-O4: endless output: lines, one line, on stderr (which is only cut), blanks after the answer.
 *
 * run: lines => OL
 * run: line => OL
 * run: stderr => TL
 * run: blanks => OL
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    static char block[65536];
    char how[16] = "";
    int fd = 1, c = 'a';

    (void)scanf("%15s", how);
    if (strcmp(how, "lines") == 0)
        c = '\n';
    if (strcmp(how, "blanks") == 0) {
        (void)write(1, "answer", 6);
        c = ' ';
    }
    if (strcmp(how, "stderr") == 0)
        fd = 2;
    memset(block, c, sizeof block);
    while (write(fd, block, sizeof block) > 0)
        ;
    return 0;
}
