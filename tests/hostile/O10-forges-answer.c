/* O10: speaks to every descriptor and every socket it can think of as if it were the agent.
 *
 * run: => OK : data
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(void)
{
    static const char *const paths[] = { "/scrc/socket", "/scrc/agent", "/var/run/docker.sock",
                                         "/run/docker.sock" };
    uint32_t answer[40] = { 0x73637263u, 4 };

    for (int fd = 3; fd < 1024; fd++)
        if (send(fd, answer, sizeof answer, 0) > 0 || write(fd, answer, sizeof answer) > 0)
            (void)printf("allowed: descriptor %d\n", fd);
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", paths[i]);
        for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++) {
            int fd = socket(AF_UNIX, type, 0);
            if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
                (void)printf("allowed: connect to %s\n", paths[i]);
            if (fd >= 0)
                (void)close(fd);
        }
    }
    (void)write(2, answer, sizeof answer);
    (void)puts("data");
    return 0;
}
