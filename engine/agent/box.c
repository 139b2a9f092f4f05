#include "engine/agent/box.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "engine/agent/box_init.h"
#include "engine/agent/box_message.h"
#include "engine/agent/box_plan.h"
#include "engine/agent/fault.h"
#include "engine/agent/process.h"
#include "engine/agent/wire.h"

#define READY_MS 10000

/* Outside, init of a box of namespaces has this uid; it may not be 0 (that map needs CAP_SETFCAP).
 * Programs get one from a range below 65536, all that a container under user-namespace remapping
 * has. Where the range is entered is chance, so that cells of one host seldom share a uid and with
 * it the kernel's accounts for each user. */
#define INIT_UID    65533
#define FIRST_UID   20000
#define UIDS        40000
#define PROGRAM_UID 1 /* in a box of namespaces, seen from inside */

static uid_t next_uid(void)
{
    static uint32_t at;
    static bool entered;

    if (!entered)
        entered = getrandom(&at, sizeof at, GRND_NONBLOCK) == (ssize_t)sizeof at;
    return FIRST_UID + at++ % UIDS;
}

static int write_map(pid_t pid, const char *file, uid_t program, struct fault *f)
{
    char path[40], map[64];
    int len = snprintf(map, sizeof map, "0 %u 1\n%u %u 1\n", INIT_UID, PROGRAM_UID, program);

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    CLEANUP(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, map, (size_t)len) != len)
        return fault_errno(f, "write %s", file);
    return 0;
}

static int await_ready(const struct box *b, struct fault *f)
{
    struct pollfd wait = { .fd = b->control, .events = POLLIN };
    struct box_event note;
    size_t none;

    if (poll(&wait, 1, READY_MS) <= 0)
        return fault_host(f, "the box is not ready after %d s", READY_MS / 1000);
    if (wire_receive(b->control, &note, sizeof note, NULL, &none, 0) != (ssize_t)sizeof note)
        return fault_set(f, "the box died while it was made");
    if (note.says != BOX_READY)
        return fault_set(f, "%.*s", (int)sizeof note.why, note.why);
    return 0;
}

static int make(const struct box_plan *plan, struct box *b, struct fault *f)
{
    const struct box_command mapped = { .kind = BOX_MAPPED };

    if (plan->maker == AGENT_BOX_NAMESPACES) {
        if (write_map(b->init, "uid_map", b->uid, f) < 0 ||
            write_map(b->init, "gid_map", b->uid, f) < 0)
            return -1;
        if (wire_send(b->control, &mapped, sizeof mapped, NULL, 0) < 0)
            return fault_errno(f, "tell init");
    }
    return await_ready(b, f);
}

int box_open(const struct box_plan *plan, struct box *ret_box, struct fault *f)
{
    bool apart = plan->maker == AGENT_BOX_NAMESPACES;
    struct box b = { .maker = plan->maker, .uid = next_uid() };
    int control[2], start[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
        return fault_errno(f, "socketpair");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, start) < 0) {
        (void)fault_errno(f, "socketpair");
        (void)close(control[0]);
        (void)close(control[1]);
        return -1;
    }
    b.control = control[0];
    b.start = start[0];
    b.init = process_fork(apart ? CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNS : 0);
    if (b.init == 0) {
        const struct box_init_plan p = { .box = plan,
                                         .control = control[1],
                                         .start = start[1],
                                         .program = apart ? PROGRAM_UID : b.uid };
        box_init_run(&p);
    }
    int forked = b.init > 0 ? 0 : fault_errno(f, "clone");
    (void)close(control[1]);
    (void)close(start[1]);
    if (forked < 0 || make(plan, &b, f) < 0) {
        box_close(&b);
        return -1;
    }
    *ret_box = b;
    return 0;
}

void box_close(struct box *b)
{
    if (b->init == 0)
        return;
    (void)close(b->control);
    (void)close(b->start);
    if (b->init > 0) {
        (void)kill(b->init, SIGKILL); /* with it the kernel kills all of its pid namespace */
        while (waitpid(b->init, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    if (b->maker == AGENT_BOX_INPLACE) {
        do
            (void)kill(-1, SIGKILL);
        while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
    }
    *b = (struct box){ 0 };
}
