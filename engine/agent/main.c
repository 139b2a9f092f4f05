/* The agent: process 1 of a cell's container. It serves one server over one socket and runs one
 * program at a time, each in a new box. When the socket is closed it ends, and with it everything
 * in the container.
 *
 *     AGENT_PATH WORKDIR TMPFS_BYTES TMPFS_INODES BOX          (protocol.h)
 *
 * The next box is made after a RESULT has been sent, while the server works on that: so it takes
 * no time between RUN and RESULT, and its CPU time is counted for no run. After the last run of a
 * submission it is made when VERIFY has been answered, which wants to see none. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "engine/agent/box.h"
#include "engine/agent/box_plan.h"
#include "engine/agent/box_program.h"
#include "engine/agent/cgroup.h"
#include "engine/agent/fault.h"
#include "engine/agent/monitor.h"
#include "engine/agent/protocol.h"
#include "engine/agent/view.h"
#include "engine/agent/wipe.h"
#include "engine/agent/wire.h"

struct agent {
    int server;
    struct cgroup group;
    struct wipe wipe;
    struct box_plan plan;
    struct box box;             /* for the next run */
    struct monitor_cell before; /* with the counters of the idle cell */
    uid_t ran;                  /* the uid of the last run */
    bool broken;                /* every RUN and VERIFY is then answered with the FAULT why */
    struct fault why;
};

static union {
    struct agent_header head;
    struct agent_run run;
    char bytes[AGENT_MESSAGE_MAX];
} message;

static void send_fault(const struct agent *a, uint64_t nonce, const struct fault *f)
{
    struct agent_fault m = { .head = { AGENT_MAGIC, AGENT_FAULT, nonce }, .host = f->host };

    memcpy(m.why, f->why, sizeof m.why);
    (void)wire_send(a->server, &m, sizeof m, NULL, 0);
}

/* Makes the next box and reads the counters of the idle cell. */
static int prepare_box(struct agent *a, struct fault *f)
{
    if (a->box.init == 0 && box_open(&a->plan, &a->box, f) < 0)
        return -1;
    a->before = (struct monitor_cell){ .server = a->server, .group = &a->group, .box = &a->box };
    if (cgroup_read(&a->group, CGROUP_MEMORY, &a->before.memory, f) < 0 ||
        cgroup_read(&a->group, CGROUP_PIDS_HITS, &a->before.pids_hits, f) < 0 ||
        cgroup_oom_read(&a->group, &a->before.oom, f) < 0)
        return -1;
    return cpu_wait_begin(&a->group, &a->before.cpu_wait, f);
}

/* There is no box after a RUN that was to be the last. An idle one may have died: the kernel kills
 * any process when the host is short of memory. The RUN has not begun, so it gets another box. */
static int send_run_to_box(struct agent *a, size_t len, const int *fds, size_t fds_len,
                           struct fault *f)
{
    if (a->box.init == 0 && prepare_box(a, f) < 0)
        return -1;
    if (wire_send(a->box.start, &message, len, fds, fds_len) < 0) {
        box_close(&a->box);
        if (prepare_box(a, f) < 0)
            return -1;
        if (wire_send(a->box.start, &message, len, fds, fds_len) < 0)
            return fault_errno(f, "hand the RUN to its box");
    }
    a->ran = a->box.uid;
    return 0;
}

static int run_in_box(struct agent *a, size_t len, int *fds, size_t fds_len, struct fault *f)
{
    struct agent_result result;
    int artefact = -1, sent;

    if (!box_program_accepts(&message.run, len, fds_len))
        return fault_set(f, "a RUN that does not hold what it counts (%zu bytes, %zu fds)", len,
                         fds_len);
    if (send_run_to_box(a, len, fds, fds_len, f) < 0)
        return -1;
    for (size_t i = 1; i < fds_len; i++)
        closep(&fds[i]);
    a->before.input = fds[0];
    if (monitor_run(&a->before, &message.run, &result, &artefact, f) < 0)
        return -1;
    sent = wire_send(a->server, &result, sizeof result, &artefact, artefact >= 0);
    closep(&artefact);
    return sent < 0 ? fault_errno(f, "send the RESULT") : 0;
}

/* After a run: removes what it left and makes the next box, unless it was the last. */
static int clean_up(struct agent *a, bool last, struct fault *f)
{
    box_close(&a->box);
    if (a->plan.isolation == AGENT_BOX_INPLACE &&
        (wipe_remove(&a->wipe, a->ran, f) < 0 || wipe_verify(&a->wipe, f) < 0))
        return -1;
    return last ? 0 : prepare_box(a, f);
}

static void on_run(struct agent *a, size_t len, int *fds, size_t fds_len)
{
    uint64_t nonce = message.head.nonce;

    if (!a->broken && run_in_box(a, len, fds, fds_len, &a->why) < 0)
        a->broken = true;
    for (size_t i = 0; i < fds_len; i++)
        closep(&fds[i]);
    if (a->broken)
        send_fault(a, nonce, &a->why);
    else if (clean_up(a, message.run.last != 0, &a->why) < 0)
        a->broken = true; /* the next RUN or VERIFY is answered with a FAULT */
}

static void on_verify(struct agent *a)
{
    const struct agent_header clean = { AGENT_MAGIC, AGENT_CLEAN, message.head.nonce };

    if (!a->broken) {
        box_close(&a->box);
        a->broken = wipe_verify(&a->wipe, &a->why) < 0;
    }
    if (a->broken) {
        send_fault(a, clean.nonce, &a->why);
        return;
    }
    (void)wire_send(a->server, &clean, sizeof clean, NULL, 0);
    a->broken = prepare_box(a, &a->why) < 0;
}

/* Until the server closes the connection: 0. 1: it sent what no server of ours sends. */
static int serve_requests(struct agent *a)
{
    for (;;) {
        int fds[AGENT_FDS_MAX];
        size_t fds_len = 0;
        ssize_t len = wire_receive(a->server, &message, sizeof message, fds, &fds_len, 0);

        if (len <= 0 || (size_t)len < sizeof message.head || message.head.magic != AGENT_MAGIC)
            return len != 0;
        if (message.head.kind == AGENT_RUN)
            on_run(a, (size_t)len, fds, fds_len);
        else if (message.head.kind == AGENT_VERIFY)
            on_verify(a);
        else if (message.head.kind != AGENT_KILL) /* it came after the end of its run */
            return 1;
    }
}

static int connect_to_server(struct fault *f)
{
    static const struct sockaddr_un address = { AF_UNIX, AGENT_SOCKET };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    closep(&fd);
    return fault_errno(f, "connect to %s", AGENT_SOCKET);
}

/* Other processes of the container cannot inspect the agent, and no program inherits descriptors,
 * signal settings or groups that the agent was started with. */
static int isolate_agent(struct fault *f)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd < 3); /* so that no later descriptor is 0, 1 or 2 */
    closep(&fd);
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL); /* an ignored signal would stay ignored after exec */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return fault_errno(f, "become undumpable");
    if (syscall(SYS_setgroups, 0, NULL) < 0)
        return fault_errno(f, "drop groups");
    return 0;
}

static int read_arguments(struct agent *a, char **argv, struct fault *f)
{
    if (argv[1][0] != '/' || !argv[1][1])
        return fault_set(f, "work directory '%.100s'", argv[1]);
    a->plan = (struct box_plan){ .isolation = AGENT_BOX_NAMESPACES,
                                 .workdir = argv[1],
                                 .tmpfs_bytes = strtoull(argv[2], NULL, 10),
                                 .tmpfs_inodes = strtoull(argv[3], NULL, 10),
                                 .group = &a->group,
                                 .view = -1 };
    if (cgroup_open("/sys/fs/cgroup", &a->group, f) < 0 || wipe_find(&a->wipe, f) < 0)
        return -1;
    if (strcmp(argv[4], "inplace") == 0)
        a->plan.isolation = AGENT_BOX_INPLACE;
    else if (strcmp(argv[4], "auto") != 0 && strcmp(argv[4], "namespaces") != 0)
        return fault_set(f, "box '%.100s'", argv[4]);
    return 0;
}

static int use_in_place(struct agent *a, const char *why, struct agent_hello *hello,
                        struct fault *f)
{
    a->plan.isolation = AGENT_BOX_INPLACE;
    a->plan.view = view_open();
    (void)snprintf(hello->why, sizeof hello->why, "%.110s%s", why,
                   a->plan.view < 0 ? "; without Landlock programs see cgroup counters" : "");
    return prepare_box(a, f);
}

/* Namespaces work here if the first box can be made of them. */
static int choose_isolation(struct agent *a, const char *box, struct agent_hello *hello,
                            struct fault *f)
{
    char why[sizeof f->why] = "asked for";
    int made = -1;

    if (a->plan.isolation == AGENT_BOX_NAMESPACES && (made = prepare_box(a, f)) < 0)
        memcpy(why, f->why, sizeof why);
    if (made < 0 && strcmp(box, "namespaces") != 0)
        made = use_in_place(a, why, hello, f);
    hello->box = a->plan.isolation;
    hello->cgroup_version = a->group.version;
    return made;
}

int main(int argc, char **argv)
{
    static struct agent agent;
    struct agent_hello hello = { .head = { AGENT_MAGIC, AGENT_HELLO, 0 },
                                 .version = AGENT_VERSION };
    struct fault f;

    if (argc != 5) {
        (void)fprintf(stderr, "usage: agent WORKDIR TMPFS_BYTES TMPFS_INODES BOX\n");
        return 2;
    }
    if (isolate_agent(&f) < 0 || (agent.server = connect_to_server(&f)) < 0) {
        (void)fprintf(stderr, "agent: %s\n", f.why);
        return 1;
    }
    if (read_arguments(&agent, argv, &f) < 0 || choose_isolation(&agent, argv[4], &hello, &f) < 0) {
        send_fault(&agent, 0, &f);
        return 1;
    }
    (void)wire_send(agent.server, &hello, sizeof hello, NULL, 0);
    return serve_requests(&agent);
}
