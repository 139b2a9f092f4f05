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

#define SAMPLE_NS          (10 * NS_PER_MS)
#define CPU_WAIT_SAMPLE_NS (100 * NS_PER_MS) /* between two samples of cpu_wait.h */
#define NAP_MIN_NS         (NS_PER_MS / 2)
#define START_MAX_NS       (5 * NS_PER_S)    /* from RUN to exec */
#define STOP_MAX_NS        (500 * NS_PER_MS) /* from STOP to the end; the server waits 2 s */
#define COLLECT_MAX_S      8

struct monitor {
    const struct monitor_cell *cell;
    const struct agent_run *run;
    int64_t begun_ns;
    int64_t own_ns, init_ns; /* CPU time of the agent and of init when monitoring began */
    int64_t started_ns;      /* CLOCK_MONOTONIC at exec; 0 before */
    int64_t cpu_base, memory_base;
    int64_t cpu_ns, memory_max; /* at the last sample */
    enum agent_limit limit;
    int64_t stop_ns; /* when STOP was sent; 0 before */
    int exec_errno;
    bool ended, lost;     /* lost: init died before it sent ENDED */
    struct box_event end; /* valid when ended */
    struct cpu_wait cpu_wait;
};

static int64_t now_ns(void) { return process_clock(CLOCK_MONOTONIC); }

/* CPU time of everything in the cgroup since exec, less that of the agent and init. */
static int read_used_cpu(const struct monitor *m, int64_t *ret_ns, struct fault *f)
{
    int64_t all_ns, ours_ns = process_clock(CLOCK_PROCESS_CPUTIME_ID) - m->own_ns;

    if (!m->lost)
        ours_ns += process_clock(process_cpu_clock(m->cell->box->init)) - m->init_ns;
    if (cgroup_read(m->cell->group, CGROUP_CPU, &all_ns, f) < 0)
        return -1;
    int64_t used_ns = all_ns - m->cpu_base - ours_ns;
    *ret_ns = used_ns > 0 ? used_ns : 0;
    return 0;
}

/* Receives the events of the program's process. */
static int receive_start(struct monitor *m, struct fault *f)
{
    struct box_event event;
    size_t none;

    while (wire_receive(m->cell->box->start, &event, sizeof event, NULL, &none, MSG_DONTWAIT) ==
           (ssize_t)sizeof event) {
        if (event.kind == BOX_FAILED)
            return fault_set(f, "%.*s", (int)sizeof event.why, event.why);
        if (event.kind == BOX_EXEC_FAILED)
            m->exec_errno = event.error;
        if (event.kind == BOX_STARTED) {
            m->started_ns = event.mono_ns;
            m->cpu_wait.sampled_ns = event.mono_ns;
            m->cpu_base = event.cpu_ns;
            if (event.memory >= 0)
                m->memory_base = event.memory;
        }
    }
    return 0;
}

static int sample_cpu_wait(struct monitor *m, struct fault *f)
{
    const struct cpu_wait_place place = {
        .proc = "/proc", .init = m->cell->box->init, .group = m->cell->group, .clock = now_ns
    };

    return cpu_wait_sample(&m->cpu_wait, &place, f);
}

/* A run without a wall limit of its own may take its CPU limit, the grace and what it waited. */
static int64_t wall_allowed(const struct monitor *m)
{
    if (m->run->wall_limit_ns > 0)
        return m->run->wall_limit_ns;
    return m->run->cpu_limit_ns + m->run->wall_grace_ns + cpu_wait_read(&m->cpu_wait);
}

static int check_wall(struct monitor *m, int64_t now, struct fault *f)
{
    bool fixed = m->run->wall_limit_ns > 0;
    int64_t wall_ns = now - m->started_ns;

    if (!fixed &&
        (now - m->cpu_wait.sampled_ns >= CPU_WAIT_SAMPLE_NS || wall_ns >= wall_allowed(m)) &&
        sample_cpu_wait(m, f) < 0)
        return -1;
    if (wall_ns >= wall_allowed(m))
        m->limit = AGENT_LIMIT_WALL;
    else if (m->run->wall_cap_ns > 0 && wall_ns >= m->run->wall_cap_ns)
        m->limit = fixed ? AGENT_LIMIT_WALL : AGENT_LIMIT_STARVED;
    return 0;
}

static int sample_memory(struct monitor *m, struct fault *f)
{
    int64_t memory;

    if (cgroup_read(m->cell->group, CGROUP_MEMORY, &memory, f) < 0)
        return -1;
    if (memory > m->memory_max)
        m->memory_max = memory;
    return 0;
}

static int check_limits(struct monitor *m, int64_t now, struct fault *f)
{
    if (sample_memory(m, f) < 0 || read_used_cpu(m, &m->cpu_ns, f) < 0)
        return -1;
    if (m->cpu_ns >= m->run->cpu_limit_ns) {
        m->limit = AGENT_LIMIT_CPU;
        return 0;
    }
    return check_wall(m, now, f);
}

static void stop_run(struct monitor *m, int64_t now)
{
    const struct box_command command = { .kind = BOX_STOP };

    if (m->stop_ns == 0) {
        m->stop_ns = now;
        (void)wire_send(m->cell->box->control, &command, sizeof command, NULL, 0);
    } else if (now - m->stop_ns >= STOP_MAX_NS) {
        /* The box dies with init, and the socket that is polled is closed. */
        (void)kill(m->cell->box->init, SIGKILL);
    }
}

/* Called at every sample, and when a limit may have been passed. */
static int check_run(struct monitor *m, struct fault *f)
{
    int64_t now = now_ns();

    if (receive_start(m, f) < 0)
        return -1;
    if (m->started_ns == 0 && now - m->begun_ns >= START_MAX_NS)
        return fault_host(f, "the program did not start within %d s",
                          (int)(START_MAX_NS / NS_PER_S));
    if (m->started_ns != 0 && m->limit == AGENT_LIMIT_NONE && check_limits(m, now, f) < 0)
        return -1;
    if (m->limit != AGENT_LIMIT_NONE)
        stop_run(m, now);
    return 0;
}

static int64_t nap_ns(const struct monitor *m)
{
    int64_t nap = m->run->sample_ms > 0 ? m->run->sample_ms * NS_PER_MS : SAMPLE_NS;
    int64_t cpu_left = m->run->cpu_limit_ns - m->cpu_ns;

    if (m->limit != AGENT_LIMIT_NONE)
        return SAMPLE_NS;
    if (cpu_left < nap)
        nap = cpu_left;
    if (m->started_ns != 0) {
        int64_t wall_left = m->started_ns + wall_allowed(m) - now_ns();
        if (wall_left < nap)
            nap = wall_left;
    }
    return nap < NAP_MIN_NS ? NAP_MIN_NS : nap;
}

static int receive_from_server(struct monitor *m, struct fault *f)
{
    struct agent_header head;
    size_t none;
    ssize_t len = wire_receive(m->cell->server, &head, sizeof head, NULL, &none, 0);

    if (len == 0)
        _exit(0); /* the server is gone; the agent is process 1: everything here dies with it */
    if (len != (ssize_t)sizeof head || head.magic != AGENT_MAGIC || head.kind != AGENT_KILL)
        return fault_set(f, "an odd message during a run");
    if (head.nonce == m->run->head.nonce && m->limit == AGENT_LIMIT_NONE) {
        m->limit = AGENT_LIMIT_KILLED;
        stop_run(m, now_ns());
    }
    return 0;
}

static int receive_from_init(struct monitor *m, struct fault *f)
{
    size_t none;
    ssize_t len = wire_receive(m->cell->box->control, &m->end, sizeof m->end, NULL, &none, 0);

    if (len == (ssize_t)sizeof m->end && m->end.kind == BOX_ENDED)
        m->ended = true;
    else if (len <= 0)
        m->lost = true;
    else
        return fault_set(f, "an odd event from init");
    return 0;
}

static int monitor_until_end(struct monitor *m, struct fault *f)
{
    struct pollfd from[] = {
        { .fd = m->cell->box->control, .events = POLLIN },
        { .fd = m->cell->server, .events = POLLIN },
    };

    while (!m->ended && !m->lost) {
        int64_t nap = nap_ns(m);
        const struct timespec t = { .tv_sec = nap / NS_PER_S, .tv_nsec = (long)(nap % NS_PER_S) };
        int n = ppoll(from, ARRAY_LEN(from), &t, NULL);

        if (n < 0 && errno != EINTR)
            return fault_errno(f, "poll");
        if (n > 0 && from[0].revents && receive_from_init(m, f) < 0)
            return -1;
        if (n > 0 && from[1].revents && receive_from_server(m, f) < 0)
            return -1;
        if (!m->ended && !m->lost && check_run(m, f) < 0)
            return -1;
    }
    return receive_start(m, f);
}

/* Counts what the kernel has killed for lack of memory, when the cell's own limit was met. When
 * memory was missing outside of the cell, the program is not at fault: fault_host(). */
static int count_oom_kills(const struct monitor *m, uint32_t *ret_kills, struct fault *f)
{
    const struct cgroup_oom *before = &m->cell->oom;
    struct cgroup_oom now;
    int64_t kills;

    if (cgroup_read(m->cell->group, CGROUP_OOM_KILLS, &kills, f) < 0)
        return -1;
    *ret_kills = (uint32_t)(kills - before->kills);
    if (kills == before->kills)
        return 0;
    if (cgroup_oom_read(m->cell->group, &now, f) < 0)
        return -1;
    if (!cgroup_oom_own(m->cell->group->version, before, &now))
        return fault_host(f,
                          "the kernel killed %u of its processes for memory that was missing "
                          "outside of the cell",
                          (unsigned)*ret_kills);
    return 0;
}

/* init is dead and with it everything in its box, so the counters are final. */
static int close_dead_box(struct monitor *m, struct fault *f)
{
    uint32_t kills;

    box_close(m->cell->box);
    if (count_oom_kills(m, &kills, f) < 0)
        return -1;
    if (m->limit == AGENT_LIMIT_NONE && kills == 0)
        return fault_set(f, "init of the box died");
    m->end = (struct box_event){ .status = SIGKILL, .stopped = 1, .mono_ns = now_ns() };
    return 0;
}

/* Bytes of stdin that were not read. The program may have mapped them instead: then they are part
 * of ru_maxrss, which counts pages of the input like those of the program. */
static uint64_t unread_input(int fd)
{
    struct stat st;
    off_t at = fd >= 0 ? lseek(fd, 0, SEEK_CUR) : -1;

    return at >= 0 && fstat(fd, &st) == 0 && at < st.st_size ? (uint64_t)(st.st_size - at) : 0;
}

static uint64_t used_memory(const struct monitor *m)
{
    uint64_t sampled =
        m->memory_max > m->memory_base ? (uint64_t)(m->memory_max - m->memory_base) : 0;
    uint64_t left = unread_input(m->cell->input), rss = m->end.max_rss;

    rss = rss > left ? rss - left : 0;
    return rss > sampled ? rss : sampled;
}

/* Files in memory of the program still exist, and may be newer than the last sample. Where there is
 * none, all that is left is the agent's and init's, as before the run. */
static int sample_last_memory(struct monitor *m, struct fault *f)
{
    return m->end.no_files ? 0 : sample_memory(m, f);
}

static int fill_result(struct monitor *m, struct agent_result *r, struct fault *f)
{
    int64_t cpu_ns, pids_hits;

    if (read_used_cpu(m, &cpu_ns, f) < 0 || sample_last_memory(m, f) < 0 ||
        cgroup_read(m->cell->group, CGROUP_PIDS_HITS, &pids_hits, f) < 0 ||
        count_oom_kills(m, &r->oom_kills, f) < 0)
        return -1;
    if (m->started_ns == 0 && m->limit != AGENT_LIMIT_KILLED && r->oom_kills == 0)
        return fault_set(f, "the program did not start (status %d)", m->end.status);
    r->limit = m->end.stopped ? m->limit : AGENT_LIMIT_NONE;
    r->status = m->end.status;
    r->exec_errno = m->exec_errno;
    r->cpu_ns = m->started_ns == 0 ? 0 : cpu_ns;
    r->wall_ns = m->started_ns == 0 ? 0 : m->end.mono_ns - m->started_ns;
    r->waited_ns = cpu_wait_read(&m->cpu_wait);
    r->memory_bytes = used_memory(m);
    r->pids_hits = (uint32_t)(pids_hits - m->cell->pids_hits);
    return 0;
}

/* init died while it collected. If the copy of the artefact did not fit into the cell's memory,
 * that is a result of the build: its RESULT has the OOM kill. */
static int end_failed_collection(struct monitor *m, struct agent_result *r, struct fault *f)
{
    box_close(m->cell->box);
    if (count_oom_kills(m, &r->oom_kills, f) < 0)
        return -1;
    return r->oom_kills > 0 ? 0 : fault_set(f, "init died while it collected");
}

static int collect_from_box(struct monitor *m, struct agent_result *r, int *ret_artefact,
                            struct fault *f)
{
    struct box_command command = { .kind = BOX_COLLECT,
                                   .collect = m->run->collect,
                                   .max = m->run->collect_max };
    struct pollfd wait = { .fd = m->cell->box->control, .events = POLLIN };
    struct box_event event;
    int fds[AGENT_FDS_MAX];
    size_t fds_len = 0;
    int len = snprintf(command.name, sizeof command.name, "%s", box_program_collect_name(m->run));

    if (len < 0 || (size_t)len >= sizeof command.name)
        return fault_set(f, "name of the artefact too long");
    if (wire_send(wait.fd, &command, sizeof command, NULL, 0) < 0)
        return end_failed_collection(m, r, f);
    if (poll(&wait, 1, COLLECT_MAX_S * 1000) <= 0)
        return fault_host(f, "collecting took more than %d s", COLLECT_MAX_S);
    if (wire_receive(wait.fd, &event, sizeof event, fds, &fds_len, 0) != (ssize_t)sizeof event)
        return end_failed_collection(m, r, f);
    if (event.kind != BOX_COLLECTED)
        return fault_set(f, "%.*s", (int)sizeof event.why, event.why);
    r->collected = event.collected;
    *ret_artefact = fds_len == 1 ? fds[0] : -1;
    return 0;
}

int monitor_run(const struct monitor_cell *cell, const struct agent_run *run,
                struct agent_result *ret_result, int *ret_artefact, struct fault *f)
{
    /* Most runs end before they are used, and to clear them takes longer than the rest of this. */
    static struct cpu_wait_thread threads[CPU_WAIT_THREADS_MAX];
    struct monitor m = { .cell = cell,
                         .run = run,
                         .begun_ns = now_ns(),
                         .own_ns = process_clock(CLOCK_PROCESS_CPUTIME_ID),
                         .init_ns = process_clock(process_cpu_clock(cell->box->init)),
                         .memory_base = cell->memory,
                         .cpu_wait = { .seen = cell->cpu_wait, .threads = threads } };
    struct agent_result r = { .head = { AGENT_MAGIC, AGENT_RESULT, run->head.nonce } };
    int artefact = -1;

    if (monitor_until_end(&m, f) < 0)
        return -1;
    if (m.lost && close_dead_box(&m, f) < 0)
        return -1;
    if (fill_result(&m, &r, f) < 0)
        return -1;
    if (run->collect != AGENT_COLLECT_NONE && m.ended && r.limit == AGENT_LIMIT_NONE &&
        r.exec_errno == 0 && r.status == 0 && collect_from_box(&m, &r, &artefact, f) < 0)
        return -1;
    *ret_result = r;
    *ret_artefact = artefact;
    return 0;
}
