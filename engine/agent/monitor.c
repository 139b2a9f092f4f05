#include "engine/agent/monitor.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "engine/agent/box_message.h"
#include "engine/agent/box_program.h"
#include "engine/agent/fault.h"
#include "engine/agent/process.h"
#include "engine/agent/wire.h"

#define SAMPLE_NS     (10 * NS_PER_MS)
#define LOOK_NS       (100 * NS_PER_MS) /* between two looks at who waits for a core */
#define NAP_MIN_NS    (NS_PER_MS / 2)
#define START_MAX_NS  (5 * NS_PER_S)    /* from RUN to exec */
#define STOP_MAX_NS   (500 * NS_PER_MS) /* from STOP to the end; the server waits 2 s */
#define COLLECT_MAX_S 8

struct monitor {
    const struct monitor_cell *cell;
    const struct agent_run *run;
    int64_t begun_ns;
    int64_t own_ns, init_ns; /* our own CPU time when we began to watch, and init's */
    int64_t started_ns;      /* exec; 0 before */
    int64_t cpu_base, memory_base;
    int64_t cpu_ns, memory_max; /* as last seen */
    enum agent_limit limit;
    int64_t stop_ns; /* when STOP was said; 0 before */
    int exec_errno;
    bool ended, lost;     /* lost: init died before it could say how it ended */
    struct box_event end; /* when ended */
    struct cpu_wait starve;
};

static int64_t now_ns(void) { return process_clock(CLOCK_MONOTONIC); }

/* Everything in the cgroup since exec, less our own part and init's. */
static int used_cpu(const struct monitor *w, int64_t *ret_ns, struct fault *f)
{
    int64_t all_ns, ours_ns = process_clock(CLOCK_PROCESS_CPUTIME_ID) - w->own_ns;

    if (!w->lost)
        ours_ns += process_clock(process_cpu_clock(w->cell->box->init)) - w->init_ns;
    if (cgroup_read(w->cell->group, CGROUP_CPU, &all_ns, f) < 0)
        return -1;
    int64_t used_ns = all_ns - w->cpu_base - ours_ns;
    *ret_ns = used_ns > 0 ? used_ns : 0;
    return 0;
}

/* What the program-to-be has said. */
static int hear_start(struct monitor *w, struct fault *f)
{
    struct box_event note;
    size_t none;

    while (wire_receive(w->cell->box->start, &note, sizeof note, NULL, &none, MSG_DONTWAIT) ==
           (ssize_t)sizeof note) {
        if (note.says == BOX_FAILED)
            return fault_set(f, "%.*s", (int)sizeof note.why, note.why);
        if (note.says == BOX_EXEC_FAILED)
            w->exec_errno = note.error;
        if (note.says == BOX_STARTED) {
            w->started_ns = note.mono_ns;
            w->starve.looked_ns = note.mono_ns;
            w->cpu_base = note.cpu_ns;
            if (note.memory >= 0)
                w->memory_base = note.memory;
        }
    }
    return 0;
}

static int look_for_starving(struct monitor *w, int64_t now, struct fault *f)
{
    const struct cpu_wait_place place = { .proc = "/proc",
                                          .init = w->cell->box->init,
                                          .group = w->cell->group };

    return cpu_wait_sample(&w->starve, &place, now, f);
}

/* Without a wall limit of its own, a run may take its CPU limit, the grace and what it waited. */
static int64_t wall_allowed(const struct monitor *w)
{
    if (w->run->wall_limit_ns > 0)
        return w->run->wall_limit_ns;
    return w->run->cpu_limit_ns + w->run->wall_grace_ns + cpu_wait_read(&w->starve);
}

static int check_wall(struct monitor *w, int64_t now, struct fault *f)
{
    bool fixed = w->run->wall_limit_ns > 0;
    int64_t wall_ns = now - w->started_ns;

    if (!fixed && (now - w->starve.looked_ns >= LOOK_NS || wall_ns >= wall_allowed(w)) &&
        look_for_starving(w, now, f) < 0)
        return -1;
    if (wall_ns >= wall_allowed(w))
        w->limit = AGENT_LIMIT_WALL;
    else if (w->run->wall_cap_ns > 0 && wall_ns >= w->run->wall_cap_ns)
        w->limit = fixed ? AGENT_LIMIT_WALL : AGENT_LIMIT_STARVED;
    return 0;
}

static int look_at_memory(struct monitor *w, struct fault *f)
{
    int64_t memory;

    if (cgroup_read(w->cell->group, CGROUP_MEMORY, &memory, f) < 0)
        return -1;
    if (memory > w->memory_max)
        w->memory_max = memory;
    return 0;
}

static int sample(struct monitor *w, int64_t now, struct fault *f)
{
    if (look_at_memory(w, f) < 0 || used_cpu(w, &w->cpu_ns, f) < 0)
        return -1;
    if (w->cpu_ns >= w->run->cpu_limit_ns) {
        w->limit = AGENT_LIMIT_CPU;
        return 0;
    }
    return check_wall(w, now, f);
}

static void stop(struct monitor *w, int64_t now)
{
    const struct box_command order = { .kind = BOX_STOP };

    if (w->stop_ns == 0) {
        w->stop_ns = now;
        (void)wire_send(w->cell->box->control, &order, sizeof order, NULL, 0);
    } else if (now - w->stop_ns >= STOP_MAX_NS) {
        /* Its end takes the box with it, and closes the socket that we watch. */
        (void)kill(w->cell->box->init, SIGKILL);
    }
}

/* Every 10 ms, or when a limit may have been passed. */
static int tick(struct monitor *w, struct fault *f)
{
    int64_t now = now_ns();

    if (hear_start(w, f) < 0)
        return -1;
    if (w->started_ns == 0 && now - w->begun_ns >= START_MAX_NS)
        return fault_host(f, "the program did not start within %d s",
                          (int)(START_MAX_NS / NS_PER_S));
    if (w->started_ns != 0 && w->limit == AGENT_LIMIT_NONE && sample(w, now, f) < 0)
        return -1;
    if (w->limit != AGENT_LIMIT_NONE)
        stop(w, now);
    return 0;
}

static int64_t nap_ns(const struct monitor *w)
{
    int64_t nap = SAMPLE_NS, cpu_left = w->run->cpu_limit_ns - w->cpu_ns;

    if (w->limit != AGENT_LIMIT_NONE)
        return nap;
    if (cpu_left < nap)
        nap = cpu_left;
    if (w->started_ns != 0) {
        int64_t wall_left = w->started_ns + wall_allowed(w) - now_ns();
        if (wall_left < nap)
            nap = wall_left;
    }
    return nap < NAP_MIN_NS ? NAP_MIN_NS : nap;
}

static int hear_server(struct monitor *w, struct fault *f)
{
    struct agent_header head;
    size_t none;
    ssize_t len = wire_receive(w->cell->server, &head, sizeof head, NULL, &none, 0);

    if (len == 0)
        _exit(0); /* the server has gone; we are process 1: everything dies with us */
    if (len != (ssize_t)sizeof head || head.magic != AGENT_MAGIC || head.kind != AGENT_KILL)
        return fault_set(f, "an odd message during a run");
    if (head.nonce == w->run->head.nonce && w->limit == AGENT_LIMIT_NONE) {
        w->limit = AGENT_LIMIT_KILLED;
        stop(w, now_ns());
    }
    return 0;
}

static int hear_init(struct monitor *w, struct fault *f)
{
    size_t none;
    ssize_t len = wire_receive(w->cell->box->control, &w->end, sizeof w->end, NULL, &none, 0);

    if (len == (ssize_t)sizeof w->end && w->end.says == BOX_ENDED)
        w->ended = true;
    else if (len <= 0)
        w->lost = true;
    else
        return fault_set(f, "an odd note from init");
    return 0;
}

static int watch_until_end(struct monitor *w, struct fault *f)
{
    struct pollfd from[] = {
        { .fd = w->cell->box->control, .events = POLLIN },
        { .fd = w->cell->server, .events = POLLIN },
    };

    while (!w->ended && !w->lost) {
        int64_t nap = nap_ns(w);
        const struct timespec t = { .tv_sec = 0, .tv_nsec = (long)nap };
        int n = ppoll(from, ARRAY_LEN(from), &t, NULL);

        if (n < 0 && errno != EINTR)
            return fault_errno(f, "poll");
        if (n > 0 && from[0].revents && hear_init(w, f) < 0)
            return -1;
        if (n > 0 && from[1].revents && hear_server(w, f) < 0)
            return -1;
        if (!w->ended && !w->lost && tick(w, f) < 0)
            return -1;
    }
    return hear_start(w, f);
}

/* What the kernel has killed for want of memory, when that was the cell's own. Memory that is
 * missing elsewhere is no fault of the program, whoever was taken for it. */
static int count_oom_kills(const struct monitor *w, uint32_t *ret_kills, struct fault *f)
{
    const struct cgroup_oom *before = &w->cell->oom;
    struct cgroup_oom now;
    int64_t kills;

    if (cgroup_read(w->cell->group, CGROUP_OOM_KILLS, &kills, f) < 0)
        return -1;
    *ret_kills = (uint32_t)(kills - before->kills);
    if (kills == before->kills)
        return 0;
    if (cgroup_oom_read(w->cell->group, &now, f) < 0)
        return -1;
    if (!cgroup_oom_own(w->cell->group->version, before, &now))
        return fault_host(f,
                          "the kernel killed %u of its processes for memory that was missing "
                          "outside of the cell",
                          (unsigned)*ret_kills);
    return 0;
}

/* When init is dead, so is everything in its box; only then the counters are final. */
static int bury(struct monitor *w, struct fault *f)
{
    uint32_t kills;

    box_close(w->cell->box);
    if (count_oom_kills(w, &kills, f) < 0)
        return -1;
    if (w->limit == AGENT_LIMIT_NONE && kills == 0)
        return fault_set(f, "init of the box died");
    w->end = (struct box_event){ .status = SIGKILL, .stopped = 1, .mono_ns = now_ns() };
    return 0;
}

/* Bytes of stdin that were not read. Those may have been mapped: then they are in ru_maxrss, which
 * cannot tell a page of the input from one of the program's. */
static uint64_t input_left(int fd)
{
    struct stat st;
    off_t at = fd >= 0 ? lseek(fd, 0, SEEK_CUR) : -1;

    return at >= 0 && fstat(fd, &st) == 0 && at < st.st_size ? (uint64_t)(st.st_size - at) : 0;
}

static uint64_t memory_of(const struct monitor *w)
{
    uint64_t sampled =
        w->memory_max > w->memory_base ? (uint64_t)(w->memory_max - w->memory_base) : 0;
    uint64_t left = input_left(w->cell->input), rss = w->end.max_rss;

    rss = rss > left ? rss - left : 0;
    return rss > sampled ? rss : sampled;
}

static int fill_result(struct monitor *w, struct agent_result *r, struct fault *f)
{
    int64_t cpu_ns;

    /* Its files in memory are still there, and may have come since the last sample. */
    if (used_cpu(w, &cpu_ns, f) < 0 || look_at_memory(w, f) < 0 ||
        count_oom_kills(w, &r->oom_kills, f) < 0)
        return -1;
    if (w->started_ns == 0 && w->limit != AGENT_LIMIT_KILLED && r->oom_kills == 0)
        return fault_set(f, "the program did not start (status %d)", w->end.status);
    r->limit = w->end.stopped ? w->limit : AGENT_LIMIT_NONE;
    r->status = w->end.status;
    r->exec_errno = w->exec_errno;
    r->cpu_ns = w->started_ns == 0 ? 0 : cpu_ns;
    r->wall_ns = w->started_ns == 0 ? 0 : w->end.mono_ns - w->started_ns;
    r->waited_ns = cpu_wait_read(&w->starve);
    r->memory_bytes = memory_of(w);
    return 0;
}

/* Init is dead. A copy of the artefact that did not fit into the cell's memory is the build's
 * matter: it gets the OOM kill in its RESULT. */
static int lose_artefact(struct monitor *w, struct agent_result *r, struct fault *f)
{
    box_close(w->cell->box);
    if (count_oom_kills(w, &r->oom_kills, f) < 0)
        return -1;
    return r->oom_kills > 0 ? 0 : fault_set(f, "init died while it collected");
}

static int collect(struct monitor *w, struct agent_result *r, int *ret_artefact, struct fault *f)
{
    struct box_command order = { .kind = BOX_COLLECT,
                                 .collect = w->run->collect,
                                 .max = w->run->collect_max };
    struct pollfd wait = { .fd = w->cell->box->control, .events = POLLIN };
    struct box_event note;
    int fds[AGENT_FDS_MAX];
    size_t fds_len = 0;
    int len = snprintf(order.name, sizeof order.name, "%s", box_program_collect_name(w->run));

    if (len < 0 || (size_t)len >= sizeof order.name)
        return fault_set(f, "name of the artefact too long");
    if (wire_send(wait.fd, &order, sizeof order, NULL, 0) < 0)
        return lose_artefact(w, r, f);
    if (poll(&wait, 1, COLLECT_MAX_S * 1000) <= 0)
        return fault_host(f, "collecting took more than %d s", COLLECT_MAX_S);
    if (wire_receive(wait.fd, &note, sizeof note, fds, &fds_len, 0) != (ssize_t)sizeof note)
        return lose_artefact(w, r, f);
    if (note.says != BOX_COLLECTED)
        return fault_set(f, "%.*s", (int)sizeof note.why, note.why);
    r->collected = note.collected;
    *ret_artefact = fds_len == 1 ? fds[0] : -1;
    return 0;
}

int monitor_run(const struct monitor_cell *cell, const struct agent_run *run,
                struct agent_result *ret_result, int *ret_artefact, struct fault *f)
{
    struct monitor w = { .cell = cell,
                         .run = run,
                         .begun_ns = now_ns(),
                         .own_ns = process_clock(CLOCK_PROCESS_CPUTIME_ID),
                         .init_ns = process_clock(process_cpu_clock(cell->box->init)),
                         .memory_base = cell->memory,
                         .starve.seen = cell->starve };
    struct agent_result r = { .head = { AGENT_MAGIC, AGENT_RESULT, run->head.nonce } };
    int artefact = -1;

    if (watch_until_end(&w, f) < 0)
        return -1;
    if (w.lost && bury(&w, f) < 0)
        return -1;
    if (fill_result(&w, &r, f) < 0)
        return -1;
    if (run->collect != AGENT_COLLECT_NONE && w.ended && r.limit == AGENT_LIMIT_NONE &&
        r.exec_errno == 0 && r.status == 0 && collect(&w, &r, &artefact, f) < 0)
        return -1;
    *ret_result = r;
    *ret_artefact = artefact;
    return 0;
}
