/* engine/cell/cell_types.h - the values of a cell: its settings, a request to run, the result.
 *
 * Room     engine/cell. Plain values below the cell itself; knows only the agent's protocol.h.
 * Owns     a result owns its buffers and artefact until cell_result_clear(); the others borrow.
 * Threads  any; no state.
 * Errors   none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/agent/protocol.h"
#include "schema/base/base.h"
#include "schema/base/buf.h"

/* What all cells of this server have in common. Borrowed by every cell. */
struct cell_host {
    const char *dir;      /* CELL_DIR as this process sees it */
    const char *host_dir; /* the same directory as dockerd sees it (differs in a container) */
    const char *instance; /* label scrc.instance: this start of the server */
    const char *table;    /* label scrc.table: the server's directory (jobs_dir_id) */
    const char *box;      /* isolation mode: "auto", "namespaces" or "inplace" */
    const char *runtime;  /* Docker's name of the OCI runtime; NULL: its default */
};

struct cell_spec {
    const char *image;    /* image id or reference */
    const char *workdir;  /* absolute; a tmpfs is put there and on /tmp */
    int64_t memory_bytes; /* of the container: limit + overhead; at least CELL_MEMORY_MIN */
    int64_t pids;         /* RUNNER_PIDS_LIMIT, for the program */
    int64_t tmpfs_bytes, tmpfs_inodes;
    int64_t nano_cpus;                  /* 1e9 = one core; 0 = no quota */
    const char *volume, *volume_target; /* NULL, or a named volume mounted there... */
    bool volume_writable;               /* ...read-only unless set */
    /* NULL, or NULL-terminated as in a cell_request: a program that runs in the cell from its start
     * and serves requests on its stdin and stdout (cell_send(), cell_receive()). */
    const char *const *resident_argv, *const *resident_env;
};

#define CELL_MEMORY_MIN (6 * MIB) /* the least that Docker accepts */

struct cell_file {
    const char *name; /* below the work directory; "" for a tree */
    int fd;           /* borrowed; read from offset 0, its own offset stays */
    enum agent_file_kind kind;
};

/* What one of the three standard streams of a program is. */
enum cell_stdio_kind {
    CELL_STDIO_EMPTY,   /* only stdin: nothing to read */
    CELL_STDIO_MEMFD,   /* only stdin: a sealed memfd (cell_memfd), read from its beginning */
    CELL_STDIO_CAPTURE, /* stdout and stderr: kept in the result, up to out_max and err_keep */
    CELL_STDIO_FD,      /* a blocking end of a pipe: the read end for stdin, else the write end */
};

struct cell_stdio {
    enum cell_stdio_kind kind;
    int fd; /* of MEMFD and FD; borrowed until the run has begun */
};

/* The streams of a run that is not joined to another one: stdin from this memfd, or empty where it
 * is -1; all output captured. */
#define CELL_STDIO_ALONE(in)                                                                       \
    {                                                                                              \
        { .kind = (in) < 0 ? CELL_STDIO_EMPTY : CELL_STDIO_MEMFD, .fd = (in) },                    \
            { .kind = CELL_STDIO_CAPTURE },                                                        \
        {                                                                                          \
            .kind = CELL_STDIO_CAPTURE                                                             \
        }                                                                                          \
    }

#define CELL_POLL_MAX 4 /* runs that one thread can wait for at once */

/* Everything is borrowed for the call. */
struct cell_request {
    const char *const *argv;    /* NULL-terminated; argv[0] is looked up in PATH of env */
    const char *const *env;     /* NULL-terminated "NAME=value": all that the program has */
    int exec_fd;                /* >= 0: this executable is run instead of argv[0] */
    struct cell_stdio stdio[3]; /* stdin, stdout, stderr */
    const struct cell_file *files;
    size_t files_len;
    int64_t cpu_limit_ns, wall_limit_ns; /* wall 0: derived (protocol.h) */
    int64_t memory_limit, file_bytes;    /* bytes */
    int64_t out_max;  /* stdout bytes captured; one more ends the run (out_exceeded) */
    int64_t err_keep; /* stderr bytes captured from the beginning; of the rest, see err_end */
    enum agent_collect collect;
    const char *collect_name;
    int64_t collect_max;
    int64_t sample_ms; /* between two looks at the counters; 0: the agent's own choice */
    bool last; /* cell_verify_clean() or the cell's end comes next: the agent has no box ready then,
                  and another run would wait for one */
};

struct cell_result {
    struct agent_result agent; /* checked; .limit is NONE, CPU or WALL */
    struct buf out, err;
    struct buf err_end; /* of a truncated err: the last 64 KiB or more, or all that follows err */
    bool out_exceeded, err_truncated;
    int artefact_fd; /* -1, or a sealed read-only memfd: owned */
};
/* Frees what a result holds and empties it. */
void cell_result_clear(struct cell_result *r);
