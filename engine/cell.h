/* engine/cell.h - one Docker container with our agent as PID 1.
 *
 *     cell_open() --> WARM --cell_run()--> WARM ...          any failed step --> SPENT
 *                       \--cell_prove()--> WARM (for the next submission)
 *     SPENT: only cell_free() is welcome
 *
 * Nothing of a test goes through dockerd: descriptors go to the agent over a socket in the cell's
 * own directory (CELL_DIR/<name>), which the container sees read-only.
 *
 * Room     engine. Has never heard of HTTP, Kafka or SQL.
 * Owns     one container and its directory, from cell_open() to cell_free().
 * Threads  not locked; a cell belongs to one thread at a time. cell_abort() alone may come from
 *          another one.
 * Errors   0, or -1 with *e filled. A failing program is a result, not an error. ERR_CELL: this
 * cell broke (agent gone, odd answer, deadline passed); ERR_UNAVAILABLE, ERR_IMAGE and ERR_DOCKER
 * come from Docker; ERR_CANCELLED after cell_abort().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/agent/protocol.h"
#include "schema/base.h"
#include "schema/buf.h"

struct cell;
struct docker;
struct err;

/* What all cells of this server share. Borrowed by every cell. */
struct cell_host {
    const char *dir;      /* CELL_DIR as this process sees it */
    const char *host_dir; /* the same directory as dockerd sees it (differs in a container) */
    const char *instance; /* label scrc.instance: this start of the server */
    const char *table;    /* label scrc.table: the job table (jobs_table_id) */
    const char *box;      /* "auto", "namespaces" or "inplace" */
};

struct cell_spec {
    const char *image;    /* image id or reference */
    const char *workdir;  /* absolute; a tmpfs is put there and on /tmp */
    int64_t memory_bytes; /* of the container: limit + allowance; at least CELL_MEMORY_MIN */
    int64_t pids;         /* RUNNER_PIDS_LIMIT, for the program */
    int64_t tmpfs_bytes, tmpfs_inodes;
    int64_t nano_cpus;                  /* 1e9 = one core; 0 = no quota */
    const char *volume, *volume_target; /* NULL, or a named volume mounted there... */
    bool volume_writable;               /* ...read-only unless set */
};

#define CELL_MEMORY_MIN (6 * MIB) /* Docker's floor */

/* Creates and starts a container and hears its agent's HELLO. Borrows host; copies spec. On success
 * the caller owns *ret_cell. Takes tens of milliseconds of CPU: the pool calls it ahead of need. */
NODISCARD int cell_open(struct docker *d, const struct cell_host *host,
                        const struct cell_spec *spec, struct cell **ret_cell, struct err *e);

struct cell_file {
    const char *name; /* below the work directory; "" for a tree */
    int fd;           /* borrowed; read from offset 0 through an own description */
    enum agent_file_kind kind;
};

/* Everything is borrowed for the call. */
struct cell_request {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH of env */
    const char *const *env; /* NULL-terminated "NAME=value"; the program sees these and no others */
    int exec_fd;            /* >= 0: this executable is run instead of argv[0] */
    int stdin_fd;           /* a sealed memfd (cell_memfd) or -1 for an empty stdin */
    const struct cell_file *files;
    size_t files_len;
    int64_t cpu_limit_ns, wall_limit_ns; /* wall 0: derived (protocol.h) */
    int64_t memory_limit, file_bytes;    /* bytes */
    int64_t out_max;  /* stdout bytes judged: one more and the run is killed (`out_flooded`) */
    int64_t err_keep; /* stderr bytes kept; of the rest only the end is */
    enum agent_collect collect;
    const char *collect_name;
    int64_t collect_max;
};

struct cell_result {
    struct agent_result agent; /* checked; .limit is NONE, CPU or WALL */
    struct buf out, err;
    struct buf err_end; /* of a truncated err: the last 64 KiB at least, or all behind it */
    bool out_flooded, err_truncated;
    int artefact_fd; /* -1, or a sealed read-only memfd: owned */
};
/* Frees what a result holds and empties it. */
void cell_result_clear(struct cell_result *r);

/* Runs one command in a clean box. On failure *ret_result is untouched and the cell is SPENT. */
NODISCARD int cell_run(struct cell *c, struct docker *d, const struct cell_request *request,
                       struct cell_result *ret_result, struct err *e);

/* Asks the agent to prove that nothing of the last submission is left. -1: throw the cell away. */
NODISCARD int cell_prove(struct cell *c, struct err *e);

/* Changes the container's memory; nothing happens when it is that already. A refusal spends it. */
NODISCARD int cell_set_memory(struct cell *c, struct docker *d, int64_t bytes, struct err *e);

/* Makes the run in progress, and later ones, fail with ERR_CANCELLED. From any thread. */
void cell_abort(struct cell *c);

/* True while the container's agent is there (no syscall beyond one poll). */
bool cell_alive(const struct cell *c);
int64_t cell_memory(const struct cell *c);
const char *cell_id(const struct cell *c); /* the container's id; borrowed */
enum agent_box cell_box(const struct cell *c);
const char *cell_box_why(const struct cell *c); /* why not namespaces; "" */

/* Ends the agent and asks Docker once to remove the container; 0: it is gone, and cell_free() asks
 * no more. */
NODISCARD int cell_remove(struct cell *c, struct docker *d, struct err *e);

/* Removes the container and its directory. d NULL: leaves removal to cell_sweep() (the agent ends
 * with the socket). Takes NULL and half-built cells, never fails, returns NULL. */
struct cell *cell_free(struct cell *c, struct docker *d);

/* Removes containers nobody owns: every one of this table's earlier instances, and anybody's
 * stopped ones older than 60 s. Returns how many went, or -1. */
int cell_sweep(struct docker *d, const struct cell_host *host, struct err *e);

/* A sealed memfd of these bytes, opened read-only, that is no program. -1 with *e filled. */
NODISCARD int cell_memfd(const char *name, const void *data, size_t len, struct err *e);
/* The same of a part of the file `from`, whose own position stays; it may be executed. */
NODISCARD int cell_memfd_copy(const char *name, int from, int64_t offset, uint64_t len,
                              struct err *e);
