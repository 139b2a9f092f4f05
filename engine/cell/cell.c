#include "engine/cell/cell.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "engine/cell/cell_config.h"
#include "engine/cell/cell_dir.h"
#include "engine/cell/cell_exchange.h"
#include "engine/cell/cell_pipes.h"
#include "engine/cell/cell_resident.h"
#include "engine/cell/cell_shape.h"
#include "engine/cell/cell_socket.h"
#include "engine/docker/docker.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/text.h"

#define HELLO_NS       (30 * NS_PER_S) /* a loaded host may need long to start a process */
#define HELLO_CHECK_MS 250             /* between two checks that the container still runs */
#define SOCKET         (&AGENT_SOCKET[sizeof AGENT_DIR])

enum cell_state { CELL_COLD, CELL_WARM, CELL_RUNNING, CELL_DEAD };
static const char *const state_names[] = { "cold", "warm", "running", "dead" };

struct cell {
    const struct cell_host *host; /* borrowed */
    char name[CELL_DIR_NAME_SIZE];
    char *id; /* owned; NULL until Docker has created the container */
    int64_t memory;
    int listener, agent_fd, abort_fd; /* owned; -1 */
    struct cell_pipes pipes;          /* of the next run */
    struct cell_exchange exchange;    /* of this one, in a RUNNING cell */
    struct cell_resident resident;    /* its ends of the pipes; -1 where there is none */
    bool has_dir,
        has_container; /* set before each is made, so that a failed attempt is removed too */
    enum cell_state state;
    enum agent_isolation isolation;
    char isolation_why[sizeof((struct agent_hello *)NULL)->why];
};

static int check_container(struct cell *c, struct docker *d, const struct cell_spec *spec,
                           json_t *body, struct err *e)
{
    uint8_t shape[TEXT_HASH_SIZE];
    json_auto_t *there = NULL;

    cell_shape_hash(spec, c->host, shape);
    if (cell_shape_known(shape))
        return 0;
    if (docker_inspect(d, c->id, &there, e) < 0 || cell_config_kept(body, there, e) < 0)
        return -1;
    cell_shape_add(shape);
    return 0;
}

static int make_container(struct cell *c, struct docker *d, const struct cell_spec *spec,
                          struct err *e)
{
    json_auto_t *image = NULL, *body = NULL;

    if (docker_image(d, spec->image, &image, e) < 0 ||
        cell_config_make(spec, c->host, c->name, image, &body, e) < 0)
        return -1;
    c->has_container = true;
    if (docker_create(d, c->name, body, &c->id, e) < 0 || check_container(c, d, spec, body, e) < 0)
        return -1;
    return docker_start(d, c->id, e);
}

/* An agent that cannot start leaves a stopped container and never connects. */
static int check_running(struct cell *c, struct docker *d, struct err *e)
{
    json_auto_t *there = NULL;
    if (docker_inspect(d, c->id, &there, e) < 0)
        return -1;
    json_t *state = json_object_get(there, "State");
    if (json_is_true(json_object_get(state, "Running")))
        return 0;
    const char *error = json_string_value(json_object_get(state, "Error"));
    return err_set(e, ERR_CELL, "the agent ended with status %lld before it sent HELLO%s%.200s",
                   (long long)json_integer_value(json_object_get(state, "ExitCode")),
                   error && error[0] ? ": " : "", error ? error : "");
}

/* Waits until fd is readable, as long as the container runs. */
static int await_readable(struct cell *c, struct docker *d, int fd, int64_t deadline, struct err *e)
{
    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int n = poll(&p, 1, HELLO_CHECK_MS);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return err_errno(e, ERR_BUG, errno, "poll");
        if (check_running(c, d, e) < 0)
            return -1;
        if (clock_mono_ns() > deadline)
            return err_set(e, ERR_CELL, "the agent sent nothing within %lld s",
                           (long long)(HELLO_NS / NS_PER_S));
    }
}

static int receive_hello(struct cell *c, struct err *e)
{
    union { /* a FAULT is longer than a HELLO */
        struct agent_hello hello;
        struct agent_fault fault;
    } first = { 0 };
    const struct agent_hello *hello = &first.hello;
    size_t len = 0;
    CLEANUP(closep) int fd = -1;

    if (cell_socket_receive(c->agent_fd, &first, sizeof first, &len, &fd, e) < 0)
        return -1;
    if (len == sizeof first.fault && hello->head.magic == AGENT_MAGIC &&
        hello->head.kind == AGENT_FAULT)
        return cell_exchange_fault(&first.fault, e);
    if (len != sizeof *hello || hello->head.magic != AGENT_MAGIC ||
        hello->head.kind != AGENT_HELLO || hello->head.nonce != 0 || fd >= 0 ||
        (hello->box != AGENT_BOX_NAMESPACES && hello->box != AGENT_BOX_INPLACE))
        return err_set(e, ERR_CELL, "odd HELLO from the agent: %zu bytes", len);
    if (hello->version != AGENT_VERSION)
        return err_set(e, ERR_CELL, "the agent has version %u, not %d", (unsigned)hello->version,
                       AGENT_VERSION);
    c->isolation = (enum agent_isolation)hello->box;
    (void)snprintf(c->isolation_why, sizeof c->isolation_why, "%.*s", (int)sizeof hello->why - 1,
                   hello->why);
    return 0;
}

/* Checks that the container's first process has connected and not another user of this host, who
 * would receive the source and could invent results. Root and our own uid can do that without a
 * socket, so their peers are accepted. Else, as where Docker remaps users, the pid must be the one
 * that Docker names. When the server is in a container, the pid of a process in another one is 0,
 * and no user of the host can reach the server's volume. */
static int is_agent(struct cell *c, struct docker *d, const struct cell_socket_peer *peer,
                    bool *ret_is, struct err *e)
{
    json_auto_t *there = NULL;

    *ret_is = peer->uid == 0 || peer->uid == geteuid() || peer->pid == 0;
    if (*ret_is)
        return 0;
    if (docker_inspect(d, c->id, &there, e) < 0)
        return -1;
    json_t *state = json_object_get(there, "State");
    *ret_is = json_integer_value(json_object_get(state, "Pid")) == peer->pid;
    return 0;
}

/* Closes the connection of any other process, and waits for the agent's. */
static int accept_agent(struct cell *c, struct docker *d, int64_t deadline, struct err *e)
{
    do {
        struct cell_socket_peer peer;
        bool is;

        if (await_readable(c, d, c->listener, deadline, e) < 0 ||
            cell_socket_accept(c->listener, &c->agent_fd, &peer, e) < 0 ||
            is_agent(c, d, &peer, &is, e) < 0)
            return -1;
        if (is)
            return 0;
        closep(&c->agent_fd);
    } while (clock_mono_ns() <= deadline);
    return err_set(e, ERR_CELL, "another user of this host connects in place of the agent");
}

/* Removes the socket after the one connection, so that no program can connect later. */
static int connect_agent(struct cell *c, struct docker *d, int dir_fd, struct err *e)
{
    int64_t deadline = clock_mono_ns() + HELLO_NS;

    if (accept_agent(c, d, deadline, e) < 0)
        return -1;
    closep(&c->listener);
    if (unlinkat(dir_fd, SOCKET, 0) < 0)
        return err_errno(e, ERR_DISK, errno, "remove the agent's socket");
    if (await_readable(c, d, c->agent_fd, deadline, e) < 0)
        return -1;
    return receive_hello(c, e);
}

static int check_spec(const struct cell_spec *spec, struct err *e)
{
    if (spec->memory_bytes < CELL_MEMORY_MIN)
        return err_set(e, ERR_BUG, "a cell of %lld bytes is less than Docker accepts",
                       (long long)spec->memory_bytes);
    if (spec->workdir[0] != '/' || spec->pids < 1 || spec->tmpfs_bytes < 1 ||
        spec->tmpfs_inodes < 1 || (spec->volume && !spec->volume_target))
        return err_set(e, ERR_BUG, "a cell without work directory, pids or tmpfs");
    return 0;
}

static int start_cell(struct cell *c, struct docker *d, const struct cell_spec *spec, struct err *e)
{
    CLEANUP(closep) int dir_fd = -1;

    c->abort_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->abort_fd < 0)
        return err_errno(e, ERR_NOMEM, errno, "make an eventfd");
    c->has_dir = true;
    if (cell_dir_make(c->host->dir, c->name, &dir_fd, e) < 0 ||
        cell_socket_listen(dir_fd, SOCKET, &c->listener, e) < 0 ||
        make_container(c, d, spec, e) < 0 || connect_agent(c, d, dir_fd, e) < 0)
        return -1;
    c->state = CELL_WARM;
    return 0;
}

/* Its run is over only when it has failed or was told to end. */
static int start_resident(struct cell *c, struct docker *d, const struct cell_spec *spec,
                          struct err *e)
{
    CLEANUP(cell_resident_close_ends) struct cell_resident_ends ends = { .in = -1, .out = -1 };

    if (!spec->resident_argv)
        return 0;
    if (cell_resident_open(&c->resident, &ends, e) < 0)
        return -1;
    const struct cell_request request = cell_resident_request(spec, &ends);
    return cell_begin(c, d, &request, e);
}

int cell_open(struct docker *d, const struct cell_host *host, const struct cell_spec *spec,
              struct cell **ret_cell, struct err *e)
{
    if (check_spec(spec, e) < 0)
        return -1;
    struct cell *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(e, ERR_NOMEM, "cell of %.100s", spec->image);

    c->host = host;
    c->listener = c->agent_fd = c->abort_fd = -1;
    c->pipes = (struct cell_pipes)CELL_PIPES_NONE;
    c->resident = (struct cell_resident)CELL_RESIDENT_NONE;
    c->memory = spec->memory_bytes;
    cell_dir_name(host->table, host->instance, c->name);
    if (start_cell(c, d, spec, e) < 0 || start_resident(c, d, spec, e) < 0) {
        (void)cell_free(c, d);
        /* An id is cut to the length that Docker shows. */
        bool id = strncmp(spec->image, "sha256:", 7) == 0;
        return err_wrap(e, "open a cell of %.*s", id ? 19 : 100, spec->image);
    }
    *ret_cell = c;
    return 0;
}

/* Sets DEAD; the caller sets another state after success, so that every early return leaves
 * DEAD. */
static int begin_step(struct cell *c, enum cell_state from, struct err *e)
{
    if (c->state != from)
        return err_set(e, ERR_BUG, "cell %.12s is %s, not %s", c->id, state_names[c->state],
                       state_names[from]);
    c->state = CELL_DEAD;
    return 0;
}

/* Sets the kind of *e: ERR_UNAVAILABLE when Docker is away too, else ERR_CELL. The container of an
 * agent that does not answer is removed later, by cell_free(): that can take long. */
static int classify_failure(struct docker *d, struct err *e)
{
    struct err theirs;

    if (e->kind != ERR_CELL && e->kind != ERR_TIMEOUT)
        return -1;
    if (docker_ping(d, &theirs) < 0)
        return err_set(e, ERR_UNAVAILABLE, "the cell went away and Docker too: %.300s", theirs.msg);
    e->kind = ERR_CELL;
    return -1;
}

static int run_failed(struct cell *c, struct docker *d, struct err *own, struct err *e)
{
    (void)classify_failure(d, own);
    return err_set(e, own->kind, "run in cell %.12s: %.360s", c->id, own->msg);
}

int cell_begin(struct cell *c, struct docker *d, const struct cell_request *request, struct err *e)
{
    const struct cell_exchange_ends ends = { .agent_fd = c->agent_fd,
                                             .abort_fd = c->abort_fd,
                                             .next_pipes = &c->pipes };
    struct err own;

    if (begin_step(c, CELL_WARM, e) < 0)
        return -1;
    if (cell_exchange_begin(&c->exchange, &ends, request, &own) < 0)
        return run_failed(c, d, &own, e);
    c->state = CELL_RUNNING;
    return 0;
}

bool cell_over(const struct cell *c)
{
    return c->state != CELL_RUNNING || c->exchange.state != CELL_EXCHANGE_GOES_ON;
}

void cell_poll(struct cell *const *cells, size_t len)
{
    struct cell_exchange *going[CELL_POLL_MAX];
    size_t going_len = 0;

    assert(len <= CELL_POLL_MAX);
    for (size_t i = 0; i < len; i++)
        if (!cell_over(cells[i]))
            going[going_len++] = &cells[i]->exchange;
    cell_exchange_poll(going, going_len);
}

void cell_kill(struct cell *c)
{
    if (c->state == CELL_RUNNING)
        cell_exchange_kill(&c->exchange);
}

int cell_finish(struct cell *c, struct docker *d, struct cell_result *ret_result, struct err *e)
{
    struct err own;

    if (begin_step(c, CELL_RUNNING, e) < 0)
        return -1;
    if (cell_exchange_finish(&c->exchange, ret_result, &own) < 0)
        return run_failed(c, d, &own, e);
    c->state = CELL_WARM;
    return 0;
}

int cell_run(struct cell *c, struct docker *d, const struct cell_request *request,
             struct cell_result *ret_result, struct err *e)
{
    return cell_begin(c, d, request, e) < 0 ? -1 : cell_finish(c, d, ret_result, e);
}

int cell_verify_clean(struct cell *c, struct err *e)
{
    const struct cell_exchange_ends ends = { .agent_fd = c->agent_fd, .abort_fd = c->abort_fd };

    if (begin_step(c, CELL_WARM, e) < 0)
        return -1;
    if (cell_exchange_verify(&ends, e) < 0)
        return err_wrap(e, "verify cell %.12s", c->id);
    c->state = CELL_WARM;
    return 0;
}

int cell_set_memory(struct cell *c, struct docker *d, int64_t bytes, struct err *e)
{
    struct err own;

    if (bytes == c->memory)
        return 0;
    if (begin_step(c, CELL_WARM, e) < 0)
        return -1;
    if (docker_update_memory(d, c->id, bytes, &own) < 0) {
        bool refused = own.kind == ERR_DOCKER || own.kind == ERR_NOT_FOUND;
        return err_set(e, refused ? ERR_CELL : own.kind, "cell %.12s: %.360s", c->id, own.msg);
    }
    c->memory = bytes;
    c->state = CELL_WARM;
    return 0;
}

void cell_abort(struct cell *c) { (void)eventfd_write(c->abort_fd, 1); }

bool cell_is_resident(const struct cell *c) { return c->resident.in >= 0; }

bool cell_alive(const struct cell *c)
{
    /* An idle agent sends nothing, and one with a resident program only its end. */
    struct pollfd p = { .fd = c->agent_fd, .events = POLLIN | POLLRDHUP };
    enum cell_state idle = cell_is_resident(c) ? CELL_RUNNING : CELL_WARM;

    return c->state == idle && poll(&p, 1, 0) == 0;
}

static struct cell_resident_wait resident_wait(const struct cell *c, int64_t deadline_ns)
{
    return (struct cell_resident_wait){ .agent_fd = c->agent_fd,
                                        .abort_fd = c->abort_fd,
                                        .deadline_ns = deadline_ns };
}

int cell_send(struct cell *c, const void *data, size_t len, int64_t deadline_ns, struct err *e)
{
    const struct cell_resident_wait wait = resident_wait(c, deadline_ns);
    return cell_resident_send(&c->resident, &wait, data, len, e);
}

int cell_receive(struct cell *c, void *data, size_t len, int64_t deadline_ns, struct err *e)
{
    const struct cell_resident_wait wait = resident_wait(c, deadline_ns);
    return cell_resident_receive(&c->resident, &wait, data, len, e);
}

int64_t cell_memory(const struct cell *c) { return c->memory; }
const char *cell_id(const struct cell *c) { return c->id; }
enum agent_isolation cell_isolation(const struct cell *c) { return c->isolation; }
const char *cell_isolation_why(const struct cell *c) { return c->isolation_why; }

int cell_remove(struct cell *c, struct docker *d, struct err *e)
{
    closep(&c->agent_fd); /* so the agent ends, and with it everything in the container */
    if (!c->has_container)
        return 0;
    /* Docker kills a container that still runs by starting runc once more, an eighth of what a
     * cell's whole life costs. One that does not end by itself, it has to kill. By name: when the
     * answer to the create was lost, there is no id. */
    (void)!docker_await_end(d, c->name, NULL);
    if (docker_remove(d, c->name, e) < 0)
        return -1;
    c->has_container = false;
    return 0;
}

struct cell *cell_free(struct cell *c, struct docker *d)
{
    if (!c)
        return NULL;
    if (d)
        (void)!cell_remove(
            c, d, NULL); /* if it fails: the agent ends, and a sweep removes the container */
    closep(&c->agent_fd);
    closep(&c->listener);
    closep(&c->abort_fd);
    if (c->state == CELL_RUNNING)
        cell_exchange_clear(&c->exchange);
    cell_pipes_close(&c->pipes);
    cell_resident_close(&c->resident);
    if (c->has_dir)
        cell_dir_remove(c->host->dir, c->name);
    free(c->id);
    free(c);
    return NULL;
}
