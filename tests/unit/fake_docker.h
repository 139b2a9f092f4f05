/* tests/unit/fake_docker.h - a Docker engine of the test's own, so that all of engine/ runs without
 * a container: a real HTTP server on a unix socket, which keeps what it was asked to create, and
 * for each started "container" a thread that is its agent on the cell's real socket.
 *
 *     fake_open() ... fake_refuse(), fake.on_run ... fake_close()
 *
 * What a "program" does is decided by fake.on_run, which sees its source. The build leaves the
 * source itself as the artefact, behind a line that makes it a program, so that the run sees it
 * too.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "engine/agent/protocol.h"
#include "engine/build/toolchain.h"
#include "engine/cell/cell.h"
#include "engine/cell/cell_memfd.h"
#include "engine/docker/docker.h"
#include "engine/engine.h"
#include "engine/language/language.h"
#include "engine/pool/pool.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/text.h"

#define FAKE_WAIT_NS    (60 * NS_PER_S)
#define FAKE_RULES      8
#define FAKE_CONTAINERS 256

/* One command as its agent sees it, and what the agent is to answer. */
struct fake_run {
    const struct agent_run *order;
    const char *argv0, *name; /* name: the container's */
    char source[4096], input[4096];
    /* The answer; as it is given to on_run, the program prints what every hello does. */
    const char *out, *err;
    int status; /* as of wait() */
    int exec_errno;
    uint32_t limit, oom_kills;
    int64_t cpu_ns, memory_bytes;
    enum agent_collected collected; /* of a build that exits 0 */
    enum fake_way {
        FAKE_ANSWERS,
        FAKE_HANGS_UP, /* the agent dies */
        FAKE_FAULT,    /* it says that it is of no more use */
        FAKE_SILENT,   /* it never answers */
        FAKE_HOLDS     /* it answers after fake_release() */
    } way;
};

struct fake_rule {
    const char *method, *part; /* of the path */
    int status;                /* 0: no answer until the client has gone */
    int times;                 /* how often, -1: always */
    const char *message;
};

struct fake_container {
    char name[80];
    json_t *body; /* owned */
    bool removed, running;
    pthread_t agent;
    bool has_agent;
};

static struct fake {
    char dir[64], path[96], host[112], cells[96];
    int listener;
    pthread_t thread;
    struct cell_host cell_host;
    struct engine_config config;
    void (*on_run)(struct fake_run *run);                     /* NULL: hello */
    bool (*on_prove)(const char *name);                       /* NULL: clean */
    void (*on_request)(const char *method, const char *path); /* before it is answered */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* guarded by lock */
    struct fake_rule rules[FAKE_RULES];
    struct fake_container containers[FAKE_CONTAINERS];
    size_t containers_len;
    pthread_t clients[FAKE_CONTAINERS * 4];
    size_t clients_len;
    int64_t created, removed, updated, pinged, inspected, runs, held, proved;
    int released;
    const char *image_id; /* what every image is; NULL: by its name */
} fake;

/* ---- waiting ---- */

static inline void fake_changed_locked(void) { (void)pthread_cond_broadcast(&fake.changed); }

/* Waits until the condition holds, which is looked at with the lock held. */
#define FAKE_AWAIT(condition)                                                                      \
    do {                                                                                           \
        int64_t until_ = clock_mono_ns() + FAKE_WAIT_NS;                                           \
        (void)pthread_mutex_lock(&fake.lock);                                                      \
        while (!(condition) && clock_cond_wait(&fake.changed, &fake.lock, until_))                 \
            ;                                                                                      \
        bool held_ = (condition);                                                                  \
        (void)pthread_mutex_unlock(&fake.lock);                                                    \
        if (!held_)                                                                                \
            fail_msg("not in time: %s", #condition);                                               \
    } while (0)

/* The same for what is not guarded by the fake's lock. */
#define FAKE_UNTIL(condition)                                                                      \
    do {                                                                                           \
        int64_t until_ = clock_mono_ns() + FAKE_WAIT_NS;                                           \
        while (!(condition) && clock_mono_ns() < until_)                                           \
            (void)poll(NULL, 0, 2);                                                                \
        if (!(condition))                                                                          \
            fail_msg("not in time: %s", #condition);                                               \
    } while (0)

static inline int64_t fake_count(const int64_t *number)
{
    (void)pthread_mutex_lock(&fake.lock);
    int64_t n = *number;
    (void)pthread_mutex_unlock(&fake.lock);
    return n;
}

static inline void fake_add(int64_t *number)
{
    (void)pthread_mutex_lock(&fake.lock);
    ++*number;
    fake_changed_locked();
    (void)pthread_mutex_unlock(&fake.lock);
}

/* Everything that is held answers, now and later. */
static inline void fake_release(void)
{
    (void)pthread_mutex_lock(&fake.lock);
    fake.released = 1;
    fake_changed_locked();
    (void)pthread_mutex_unlock(&fake.lock);
}

/* A request whose path has this part is answered so. times 0 takes the rule away. */
static inline void fake_refuse(const char *method, const char *part, int status, int times,
                               const char *message)
{
    (void)pthread_mutex_lock(&fake.lock);
    struct fake_rule *at = NULL;
    for (size_t i = 0; i < FAKE_RULES; i++)
        if (fake.rules[i].part && strcmp(fake.rules[i].part, part) == 0 &&
            strcmp(fake.rules[i].method, method) == 0)
            at = &fake.rules[i];
    for (size_t i = 0; i < FAKE_RULES && !at; i++)
        if (!fake.rules[i].part || fake.rules[i].times == 0)
            at = &fake.rules[i];
    if (at)
        *at = (struct fake_rule){ method, part, status, times, message };
    fake_changed_locked();
    (void)pthread_mutex_unlock(&fake.lock);
    assert_non_null(at);
}

/* What every image's id is from now on; NULL: each its own. */
static inline void fake_image(const char *id)
{
    (void)pthread_mutex_lock(&fake.lock);
    fake.image_id = id;
    (void)pthread_mutex_unlock(&fake.lock);
}

/* ---- the agent ---- */

static inline void fake_read_fd(int fd, char *out, size_t size)
{
    ssize_t n = pread(fd, out, size - 1, 0);
    out[n > 0 ? n : 0] = '\0';
}

static inline void fake_say(int fd, const char *text)
{
    for (size_t len = text ? strlen(text) : 0; len > 0;) {
        ssize_t n = write(fd, text, len);
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        if (n < 0 && (errno != EAGAIN || poll(&p, 1, 10000) <= 0))
            return;
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

static inline void fake_send(int fd, const void *message, size_t len, int passed)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    char copy[sizeof(struct agent_result) + sizeof(struct agent_fault)];
    memcpy(copy, message, len);
    struct iovec iov = { .iov_base = copy, .iov_len = len };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (passed >= 0) {
        m.msg_control = &control;
        m.msg_controllen = sizeof control;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &passed, sizeof passed);
    }
    (void)!sendmsg(fd, &m, MSG_NOSIGNAL);
}

static inline ssize_t fake_receive(int fd, void *message, size_t size, int fds[AGENT_FDS_MAX],
                                   size_t *ret_fds)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(AGENT_FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = { .iov_base = message, .iov_len = size };
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };
    ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    *ret_fds = c ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
    if (c)
        memcpy(fds, CMSG_DATA(c), *ret_fds * sizeof(int));
    return n;
}

/* Until the server has hung up. */
static inline void fake_wait_for_end(int fd)
{
    char ignored[64];
    while (recv(fd, ignored, sizeof ignored, 0) > 0)
        ;
}

/* False: the server hung up first. */
static inline bool fake_hold(int fd)
{
    bool there = true, released = false;
    fake_add(&fake.held);
    while (there && !released) {
        struct pollfd p = { .fd = fd, .events = POLLIN | POLLRDHUP };
        there = poll(&p, 1, 5) == 0 || !(p.revents & (POLLRDHUP | POLLHUP));
        (void)pthread_mutex_lock(&fake.lock);
        released = fake.released;
        (void)pthread_mutex_unlock(&fake.lock);
    }
    return there;
}

#define FAKE_PROGRAM "#!/bin/sh\n"

static inline int fake_build(const char *source, struct err *e)
{
    char program[sizeof(((struct fake_run *)NULL)->source) + sizeof FAKE_PROGRAM];
    int n = snprintf(program, sizeof program, "%s%s", FAKE_PROGRAM, source);

    return cell_memfd("built", program, (size_t)n, e);
}

static inline void fake_result(int fd, const struct fake_run *r)
{
    bool failed = r->exec_errno != 0 || r->status != 0 || r->limit != AGENT_LIMIT_NONE;
    bool asked = r->order->collect != AGENT_COLLECT_NONE;
    enum agent_collected collected = failed || !asked ? AGENT_COLLECTED_NOTHING : r->collected;
    struct agent_result a = { .head = r->order->head,
                              .limit = r->limit,
                              .collected = collected,
                              .status = r->status,
                              .exec_errno = r->exec_errno,
                              .cpu_ns = r->cpu_ns,
                              .wall_ns = r->cpu_ns * 2,
                              .memory_bytes = (uint64_t)r->memory_bytes,
                              .oom_kills = r->oom_kills };
    struct err e;
    CLEANUP(closep) int built = -1;

    a.head.kind = AGENT_RESULT;
    if (collected == AGENT_COLLECTED)
        built = fake_build(r->source, &e);
    fake_send(fd, &a, sizeof a, built);
}

/* False: the agent ends. */
static inline bool fake_do_run(int fd, struct fake_run *r, const int *fds)
{
    struct agent_fault fault = { .head = r->order->head, .why = "no more room" };

    if (r->way == FAKE_HOLDS && !fake_hold(fd))
        return false;
    if (r->way == FAKE_HANGS_UP)
        return false;
    if (r->way == FAKE_SILENT) {
        fake_add(&fake.held);
        fake_wait_for_end(fd);
        return false;
    }
    if (r->way == FAKE_FAULT) {
        fault.head.kind = AGENT_FAULT;
        fake_send(fd, &fault, sizeof fault, -1);
        return true;
    }
    fake_say(fds[1], r->out);
    fake_say(fds[2], r->err);
    fake_result(fd, r);
    return true;
}

static inline bool fake_take_run(int fd, const struct agent_run *order, const int *fds,
                                 size_t fds_len, const char *name)
{
    struct fake_run r = { .order = order,
                          .argv0 = order->blob,
                          .name = name,
                          .out = LANGUAGE_HELLO_OUTPUT,
                          .err = "",
                          .cpu_ns = 1000000,
                          .memory_bytes = MIB,
                          .collected = AGENT_COLLECTED };
    fake_read_fd(fds[0], r.input, sizeof r.input);
    if (fds_len > 3) /* the executable, or the first file */
        fake_read_fd(fds[3], r.source, sizeof r.source);
    if (strncmp(r.source, FAKE_PROGRAM, strlen(FAKE_PROGRAM)) == 0)
        memmove(r.source, r.source + strlen(FAKE_PROGRAM),
                strlen(r.source + strlen(FAKE_PROGRAM)) + 1);
    if (order->collect != AGENT_COLLECT_NONE)
        r.out = "";
    fake_add(&fake.runs);
    if (fake.on_run)
        fake.on_run(&r);
    return fake_do_run(fd, &r, fds);
}

static inline void fake_talk(int fd, const char *name)
{
    CLEANUP(freep) struct agent_run *order = malloc(AGENT_MESSAGE_MAX);
    struct agent_hello hello = { .head = { .magic = AGENT_MAGIC, .kind = AGENT_HELLO },
                                 .version = AGENT_VERSION,
                                 .box = AGENT_BOX_INPLACE,
                                 .cgroup_version = 1 };
    fake_send(fd, &hello, sizeof hello, -1);
    for (bool go = order != NULL; go;) {
        int fds[AGENT_FDS_MAX];
        size_t fds_len = 0;
        ssize_t n = fake_receive(fd, order, AGENT_MESSAGE_MAX, fds, &fds_len);
        if (n < (ssize_t)sizeof order->head)
            break;
        if (order->head.kind == AGENT_RUN && n >= (ssize_t)sizeof *order && fds_len >= 3)
            go = fake_take_run(fd, order, fds, fds_len, name);
        if (order->head.kind == AGENT_VERIFY) {
            bool clean = !fake.on_prove || fake.on_prove(name);
            struct agent_fault fault = { .head = order->head, .why = "not clean" };
            fault.head.kind = clean ? AGENT_CLEAN : AGENT_FAULT;
            fake_send(fd, &fault, clean ? sizeof fault.head : sizeof fault, -1);
            fake_add(&fake.proved);
        }
        while (fds_len > 0)
            (void)close(fds[--fds_len]);
    }
}

static inline void *fake_agent_main(void *arg)
{
    const struct fake_container *c = arg;
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%.35s/%.63s/socket", fake.cells, c->name);
    CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        fake_talk(fd, c->name);
    return NULL;
}

/* ---- the engine ---- */

struct fake_answer {
    int status;
    json_t *body; /* owned; NULL: empty */
};

static inline struct fake_container *fake_find_locked(const char *path)
{
    for (size_t i = 0; i < fake.containers_len; i++) {
        const char *at = strstr(path, fake.containers[i].name);
        size_t len = strlen(fake.containers[i].name);
        if (at && (at[len] == '/' || at[len] == '?' || at[len] == '\0') &&
            !fake.containers[i].removed)
            return &fake.containers[i];
    }
    return NULL;
}

static inline struct fake_answer fake_create_locked(const char *path, const char *body)
{
    struct fake_container *c = &fake.containers[fake.containers_len];
    if (fake.containers_len == FAKE_CONTAINERS)
        return (struct fake_answer){ 500, NULL };
    (void)snprintf(c->name, sizeof c->name, "%s", strstr(path, "name=") + 5);
    c->body = json_loads(body, 0, NULL);
    fake.containers_len++;
    fake.created++;
    return (struct fake_answer){ 201, json_pack("{s:s}", "Id", c->name) };
}

static inline struct fake_answer fake_start_locked(struct fake_container *c)
{
    c->running = true;
    c->has_agent = pthread_create(&c->agent, NULL, fake_agent_main, c) == 0;
    return (struct fake_answer){ 204, NULL };
}

static inline struct fake_answer fake_inspect_locked(const struct fake_container *c)
{
    fake.inspected++;
    return (struct fake_answer){ 200, json_pack("{s:s, s:O, s:O, s:{s:b, s:i}}", "Id", c->name,
                                                "Config", c->body, "HostConfig",
                                                json_object_get(c->body, "HostConfig"), "State",
                                                "Running", c->running, "Pid", (int)getpid()) };
}

static inline struct fake_answer fake_image_locked(const char *path)
{
    char name[200];
    const char *at = strstr(path, "/images/") + 8;
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "/"), at);
    const char *id = strncmp(name, "sha256:", 7) == 0 ? name : fake.image_id ? fake.image_id : NULL;
    json_t *own = id ? json_string(id) : json_sprintf("sha256:%s", name);
    return (struct fake_answer){ 200, json_pack("{s:o, s:{s:[s]}}", "Id", own, "Config", "Env",
                                                "PATH=/bin") };
}

static inline struct fake_answer fake_route_locked(const char *method, const char *path,
                                                   const char *body)
{
    bool get = strcmp(method, "GET") == 0;
    struct fake_container *c = strstr(path, "/containers/") ? fake_find_locked(path) : NULL;

    if (strcmp(path, "/_ping") == 0) {
        fake.pinged++;
        return (struct fake_answer){ 200, json_pack("{}") };
    }
    if (strcmp(path, "/version") == 0)
        return (struct fake_answer){ 200, json_pack("{s:s, s:s}", "ApiVersion", "1.41",
                                                    "MinAPIVersion", "1.12") };
    if (get && strstr(path, "/info"))
        return (struct fake_answer){ 200, json_pack("{s:b, s:b, s:b}", "MemoryLimit", 1,
                                                    "PidsLimit", 1, "CpuCfsQuota", 1) };
    if (get && strstr(path, "/images/"))
        return fake_image_locked(path);
    if (get && strstr(path, "/containers/json"))
        return (struct fake_answer){ 200, json_array() };
    if (strstr(path, "/volumes/create"))
        return (struct fake_answer){ 201, json_pack("{}") };
    if (strstr(path, "/containers/create"))
        return fake_create_locked(path, body);
    if (!c)
        return (struct fake_answer){ 404, NULL };
    if (strstr(path, "/start"))
        return fake_start_locked(c);
    if (strstr(path, "/update"))
        return fake.updated++, (struct fake_answer){ 200, json_pack("{}") };
    if (strcmp(method, "DELETE") == 0)
        return fake.removed++, c->removed = true, (struct fake_answer){ 204, NULL };
    return get ? fake_inspect_locked(c) : (struct fake_answer){ 204, NULL };
}

/* A rule comes first. Status 0: no answer. */
static inline struct fake_answer fake_answer_of(const char *method, const char *path,
                                                const char *body)
{
    struct fake_answer a = { -1, NULL };

    if (fake.on_request)
        fake.on_request(method, path);
    (void)pthread_mutex_lock(&fake.lock);
    for (size_t i = 0; i < FAKE_RULES && a.status < 0; i++) {
        struct fake_rule *r = &fake.rules[i];
        if (!r->part || r->times == 0 || strcmp(r->method, method) != 0 || !strstr(path, r->part))
            continue;
        r->times -= r->times > 0;
        a.status = r->status;
        a.body = r->message ? json_pack("{s:s}", "message", r->message) : NULL;
    }
    if (a.status < 0)
        a = fake_route_locked(method, path, body);
    fake_changed_locked();
    (void)pthread_mutex_unlock(&fake.lock);
    return a;
}

/* The body's length, or -1 at the end of the connection. */
static inline ssize_t fake_read_request(int fd, char *room, size_t size, char **ret_body)
{
    size_t len = 0;
    for (;;) {
        room[len] = '\0';
        char *end = strstr(room, "\r\n\r\n");
        const char *length = strstr(room, "Content-Length: ");
        size_t want = end && length && length < end ? strtoul(length + 16, NULL, 10) : 0;
        if (end && len >= (size_t)(end + 4 - room) + want) {
            *ret_body = end + 4;
            return (ssize_t)want;
        }
        ssize_t n = len < size - 1 ? read(fd, room + len, size - 1 - len) : 0;
        if (n <= 0)
            return -1;
        len += (size_t)n;
    }
}

static inline void *fake_client_main(void *arg)
{
    CLEANUP(closep) int fd = (int)(intptr_t)arg;
    CLEANUP(freep) char *room = malloc(MIB);
    char method[16], path[1000], head[200], *body;

    while (room && fake_read_request(fd, room, MIB, &body) >= 0) {
        if (sscanf(room, "%15s %999s", method, path) != 2)
            break;
        struct fake_answer a = fake_answer_of(method, path, body);
        if (a.status == 0) {
            json_decref(a.body);
            while (read(fd, room, MIB) > 0)
                ;
            break;
        }
        CLEANUP(freep) char *text = a.body ? json_dumps(a.body, JSON_COMPACT) : NULL;
        json_decref(a.body);
        int n = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n",
                         a.status, text ? strlen(text) : 0);
        if (send(fd, head, (size_t)n, MSG_NOSIGNAL) != n ||
            (text && send(fd, text, strlen(text), MSG_NOSIGNAL) < 0))
            break;
    }
    return NULL;
}

static inline void *fake_main(void *arg)
{
    (void)arg;
    for (;;) {
        int fd = accept4(fake.listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return NULL;
        (void)pthread_mutex_lock(&fake.lock);
        bool room = fake.clients_len < ARRAY_LEN(fake.clients);
        if (room && pthread_create(&fake.clients[fake.clients_len], NULL, fake_client_main,
                                   (void *)(intptr_t)fd) == 0)
            fake.clients_len++;
        else
            (void)close(fd);
        (void)pthread_mutex_unlock(&fake.lock);
    }
}

/* ---- its life ---- */

static inline int fake_open(void **state)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)state;
    fake = (struct fake){ .lock = PTHREAD_MUTEX_INITIALIZER };
    clock_cond_init(&fake.changed);
    (void)snprintf(fake.dir, sizeof fake.dir, "/tmp/scrc-fake-XXXXXX");
    if (text_init() < 0 || !mkdtemp(fake.dir))
        return -1;
    (void)snprintf(fake.path, sizeof fake.path, "%.63s/docker.sock", fake.dir);
    (void)snprintf(fake.host, sizeof fake.host, "unix://%.95s", fake.path);
    (void)snprintf(fake.cells, sizeof fake.cells, "%.63s/cells", fake.dir);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", fake.path);
    if (mkdir(fake.cells, 0700) < 0)
        return -1;
    fake.cell_host = (struct cell_host){ .dir = fake.cells,
                                         .host_dir = fake.cells,
                                         .instance = "0123456789abcdef0123456789abcdef",
                                         .table = "fedcba9876543210fedcba9876543210",
                                         .box = "auto" };
    fake.config = (struct engine_config){ .docker_host = fake.host,
                                          .cell_dir = fake.cells,
                                          .instance = fake.cell_host.instance,
                                          .version = "test",
                                          .parallel = 2,
                                          .default_time_ms = 1000,
                                          .max_time_ms = 10000,
                                          .default_memory_bytes = 64 * MIB,
                                          .max_memory_bytes = GIB,
                                          .output_bytes = MIB,
                                          .report_output_bytes = 64 * KIB,
                                          .build_time_ms = 1000,
                                          .build_memory_bytes = 256 * MIB,
                                          .report_bytes = 16 * MIB,
                                          .build_artefact_bytes = MIB,
                                          .pids = 32,
                                          .cell_uses = 1 };
    fake.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fake.listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(fake.listener, 64) < 0)
        return -1;
    return pthread_create(&fake.thread, NULL, fake_main, NULL);
}

static inline int fake_unlink(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

/* After everything of ours has let go of it: every connection has ended. */
static inline int fake_close(void **state)
{
    int left = 0;
    (void)state;
    fake_release();
    (void)shutdown(fake.listener, SHUT_RDWR);
    (void)pthread_join(fake.thread, NULL);
    closep(&fake.listener);
    for (size_t i = 0; i < fake.clients_len; i++)
        (void)pthread_join(fake.clients[i], NULL);
    for (size_t i = 0; i < fake.containers_len; i++) {
        if (fake.containers[i].has_agent)
            (void)pthread_join(fake.containers[i].agent, NULL);
        json_decref(fake.containers[i].body);
        left += fake.containers[i].removed ? 0 : 1;
    }
    (void)pthread_cond_destroy(&fake.changed);
    (void)nftw(fake.dir, fake_unlink, 16, FTW_DEPTH | FTW_PHYS);
    if (left > 0)
        print_error("%d containers left\n", left);
    return left == 0 ? 0 : -1;
}
#define ON_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_open, fake_close)

#define FAKE_OK(call)                                                                              \
    do {                                                                                           \
        struct err err_ = { .kind = ERR_NONE };                                                    \
        struct err *e = &err_;                                                                     \
        if ((call) < 0)                                                                            \
            fail_msg("%s: %s: %s", #call, err_kind_name(err_.kind), err_.msg);                     \
    } while (0)

#define FAKE_ERR(kind_, call)                                                                      \
    do {                                                                                           \
        struct err err_ = { .kind = ERR_NONE };                                                    \
        struct err *e = &err_;                                                                     \
        if ((call) >= 0)                                                                           \
            fail_msg("%s did not fail", #call);                                                    \
        if (err_.kind != (kind_))                                                                  \
            fail_msg("%s: %s: %s", #call, err_kind_name(err_.kind), err_.msg);                     \
    } while (0)

static inline struct cell_spec fake_spec(void)
{
    return (struct cell_spec){ .image = "sha256:one",
                               .workdir = "/work",
                               .memory_bytes = 64 * MIB,
                               .pids = 32,
                               .tmpfs_bytes = 16 * MIB,
                               .tmpfs_inodes = 1000,
                               .nano_cpus = NS_PER_S };
}

/* A pool of the fake's. */
static inline struct pool *fake_pool(int64_t parallel)
{
    const struct pool_config c = {
        .docker_host = fake.host, .host = &fake.cell_host, .parallel = parallel, .creators = 2
    };
    struct pool *p = NULL;
    FAKE_OK(pool_start(&c, &p, e));
    return p;
}

/* A language as the self-test leaves it. The caller owns it. */
static inline struct toolchain *fake_plan(const struct language_table *l, const char *name,
                                          struct pool *p)
{
    struct toolchain *plan = NULL;
    struct docker *d = NULL;
    FAKE_OK(docker_open(fake.host, &d, e));
    FAKE_OK(toolchain_make(language_table_find(l, name), d, &fake.config, &plan, e));
    (void)docker_free(d);
    FAKE_OK(toolchain_add_classes(plan, p, e));
    return plan;
}
