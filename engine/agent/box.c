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

/* Init of a box of namespaces has INIT_UID outside; 0 is not possible, that map needs CAP_SETFCAP.
 * Programs get uids below 65536: under user-namespace remapping a container has no others. Each
 * agent begins at a random one, so that cells of one host seldom share a uid, for which the kernel
 * counts some resources together. */
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

static int await_box_ready(const struct box *box, struct fault *f)
{
    struct pollfd wait = { .fd = box->control, .events = POLLIN };
    struct box_event event;
    size_t none;

    if (poll(&wait, 1, READY_MS) <= 0)
        return fault_host(f, "the box is not ready after %d s", READY_MS / 1000);
    if (wire_receive(box->control, &event, sizeof event, NULL, &none, 0) != (ssize_t)sizeof event)
        return fault_set(f, "the box died while it was made");
    if (event.kind != BOX_READY)
        return fault_set(f, "%.*s", (int)sizeof event.why, event.why);
    return 0;
}

static int finish_box(const struct box_plan *plan, struct box *box, struct fault *f)
{
    const struct box_command mapped = { .kind = BOX_MAPPED };

    if (plan->isolation == AGENT_BOX_NAMESPACES) {
        if (write_map(box->init, "uid_map", box->uid, f) < 0 ||
            write_map(box->init, "gid_map", box->uid, f) < 0)
            return -1;
        if (wire_send(box->control, &mapped, sizeof mapped, NULL, 0) < 0)
            return fault_errno(f, "send the end of the maps to init");
    }
    return await_box_ready(box, f);
}

int box_open(const struct box_plan *plan, struct box *ret_box, struct fault *f)
{
    bool in_namespaces = plan->isolation == AGENT_BOX_NAMESPACES;
    struct box box = { .isolation = plan->isolation, .uid = next_uid() };
    int control[2], start[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
        return fault_errno(f, "socketpair");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, start) < 0) {
        (void)fault_errno(f, "socketpair");
        (void)close(control[0]);
        (void)close(control[1]);
        return -1;
    }
    box.control = control[0];
    box.start = start[0];
    box.init =
        process_fork(in_namespaces ? CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNS : 0);
    if (box.init == 0) {
        const struct box_init_plan init_plan = { .box = plan,
                                                 .control = control[1],
                                                 .start = start[1],
                                                 .program = in_namespaces ? PROGRAM_UID : box.uid };
        box_init_run(&init_plan);
    }
    int forked = box.init > 0 ? 0 : fault_errno(f, "clone");
    (void)close(control[1]);
    (void)close(start[1]);
    if (forked < 0 || finish_box(plan, &box, f) < 0) {
        box_close(&box);
        return -1;
    }
    *ret_box = box;
    return 0;
}

void box_close(struct box *box)
{
    if (box->init == 0)
        return;
    (void)close(box->control);
    (void)close(box->start);
    if (box->init > 0) {
        (void)kill(box->init, SIGKILL); /* the kernel then kills all of its pid namespace */
        while (waitpid(box->init, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    if (box->isolation == AGENT_BOX_INPLACE) {
        do
            (void)kill(-1, SIGKILL);
        while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
    }
    *box = (struct box){ 0 };
}
