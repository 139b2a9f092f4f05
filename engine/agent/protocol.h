/* engine/agent/protocol.h - the messages between server and agent.
 *
 * A SOCK_SEQPACKET unix socket; one message is one datagram: a fixed struct and, for AGENT_RUN, a
 * blob of strings. Descriptors are sent with it by SCM_RIGHTS. Both ends run on one host and come
 * from one build, so structs are sent as they are; HELLO has the version.
 *
 *     agent  -> server   HELLO                       once, before anything else
 *     server -> agent    RUN (+fds)                  one at a time
 *     server -> agent    KILL                        during a run: stop it now
 *     agent  -> server   RESULT (+artefact fd) | FAULT    exactly one for each RUN
 *     server -> agent    VERIFY                      between two submissions in one cell
 *     agent  -> server   CLEAN | FAULT               FAULT: the cell must be discarded
 *
 * EOF on the socket ends the agent, and with it the container. The server does not trust the agent:
 * it checks lengths, descriptor counts and enums, and every answer must have the nonce of its RUN
 * or VERIFY. A program cannot use the socket: it is close-on-exec and belongs to another uid.
 *
 * Room     engine/agent: the program that is process 1 of every cell, in any image.
 *          May know schema/base/base.h; nothing of the server.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define AGENT_VERSION     5
#define AGENT_MAGIC       0x73637263u /* "scrc" */
#define AGENT_MESSAGE_MAX (128 * 1024)
#define AGENT_FILES_MAX   8
#define AGENT_FDS_MAX     (4 + AGENT_FILES_MAX)

/* The cell's own directory as the container sees it, mounted read-only. */
#define AGENT_DIR    "/scrc"
#define AGENT_PATH   AGENT_DIR "/agent"
#define AGENT_SOCKET AGENT_DIR "/socket"
/* argv of the agent: AGENT_PATH WORKDIR TMPFS_BYTES TMPFS_INODES BOX, where BOX, the isolation
 * mode, is "auto" (namespaces where the host allows them, else in place), "namespaces" or
 * "inplace". */

enum agent_kind {
    AGENT_HELLO = 1,
    AGENT_RUN,
    AGENT_KILL,
    AGENT_RESULT,
    AGENT_FAULT,
    AGENT_VERIFY,
    AGENT_CLEAN,
};

struct agent_header {
    uint32_t magic, kind;
    uint64_t nonce; /* of the RUN or VERIFY this belongs to; 0 for HELLO */
};

enum agent_isolation { AGENT_BOX_NAMESPACES = 1, AGENT_BOX_INPLACE };

struct agent_hello {
    struct agent_header head;
    uint32_t version;
    uint32_t box;            /* enum agent_isolation in use */
    uint32_t cgroup_version; /* 1 or 2 */
    char why[160];           /* why namespaces are not in use; "" when they are */
};

/* What a file of a RUN is. */
enum agent_file_kind {
    AGENT_FILE_PLAIN = 1, /* its bytes become WORKDIR/name, mode 0444 */
    AGENT_FILE_TREE,      /* an archive (below) unpacked under WORKDIR; its name is "" */
};

/* What comes back when the main process has exited 0. */
enum agent_collect {
    AGENT_COLLECT_NONE,
    AGENT_COLLECT_FILE, /* the regular file WORKDIR/collect */
    AGENT_COLLECT_TREE, /* all regular files below the directory WORKDIR/collect, as an archive */
};

/* Descriptors, in this order: stdin (read-only: a memfd or the read end of a pipe), stdout, stderr
 * (write ends of pipes), then the executable if exec_fd is 1 (run with
 * execveat instead of argv[0]), then one for each file. The agent has closed all of them after
 * RESULT. Strings in the blob, each with its NUL, in this order: argc argv, envc environment
 * entries, collect name, then filec file names. */
struct agent_run {
    struct agent_header head;
    int64_t cpu_limit_ns;  /* > 0 */
    int64_t wall_limit_ns; /* 0: cpu_limit + grace + waited_ns of the RESULT */
    int64_t wall_grace_ns; /* 100 ms */
    int64_t wall_cap_ns;   /* the run ends, whatever it waited for: AGENT_LIMIT_STARVED */
    uint64_t memory_limit; /* bytes; bounds RLIMIT_STACK */
    uint64_t file_bytes;   /* RLIMIT_FSIZE */
    uint64_t collect_max;  /* bytes */
    uint32_t open_files;   /* RLIMIT_NOFILE */
    uint32_t collect;      /* enum agent_collect */
    uint32_t exec_fd;      /* 0 or 1 */
    uint32_t argc, envc, filec;
    uint32_t file_kind[AGENT_FILES_MAX];
    uint32_t blob_len;
    uint32_t sample_ms; /* between two samples of the counters; 0: 10 ms */
    uint32_t last;      /* 1: VERIFY or the end comes next, most likely, and not another RUN */
    uint32_t pad;
    char blob[]; /* begins where the struct ends */
};
_Static_assert(sizeof(struct agent_run) == offsetof(struct agent_run, blob), "no hidden padding");

/* Which limit ended the run first. The agent ends a run by a sample of the counters; the server
 * compares cpu_ns, the last reading, with the limit again. */
enum agent_limit {
    AGENT_LIMIT_NONE,
    AGENT_LIMIT_CPU,
    AGENT_LIMIT_WALL,
    AGENT_LIMIT_STARVED, /* wall_cap_ns reached: the host gave the run no core; never a verdict */
    AGENT_LIMIT_KILLED,  /* the server sent KILL */
};

enum agent_collected {
    AGENT_COLLECTED_NOTHING, /* not asked for, or the program failed, or no memory for it */
    AGENT_COLLECTED,         /* one fd comes with the RESULT: a sealed memfd, opened read-only */
    AGENT_COLLECTED_MISSING,
    AGENT_COLLECTED_NOT_REGULAR, /* a link, device, FIFO, directory... */
    AGENT_COLLECTED_TOO_BIG,
};

struct agent_result {
    struct agent_header head;
    uint32_t limit;     /* enum agent_limit */
    uint32_t collected; /* enum agent_collected */
    int32_t status;     /* wait status of the main process */
    int32_t exec_errno; /* not 0: the program could not be executed; status means nothing */
    int64_t cpu_ns;     /* of everything in the box: cgroup counter after the last reap minus that
                           before exec, less what agent and init used */
    int64_t wall_ns;    /* exec to exit of the main process */
    int64_t waited_ns; /* for a core, throttled, or for the disk (cpu_wait.h); 0 when not sampled */
    uint64_t memory_bytes; /* the larger of two: the largest ru_maxrss, less the part of stdin that
                              was not read; the largest sample of anon+shmem, also one at the end if
                              files are left, less its value before exec */
    uint32_t oom_kills;    /* by the kernel during the run, because of the cell's own limit */
    uint32_t pids_hits;    /* processes and threads that were refused for the cell's limit of them;
                              0 where the kernel does not count */
};

struct agent_fault {
    struct agent_header head;
    uint32_t host; /* 1: the host had no memory or no core for the run; 0: only this cell failed */
    uint32_t pad;
    char why[240]; /* what went wrong; the cell cannot be used any more */
};

/* An archive: for each regular file { uint32_t name_len, uint32_t size, name, bytes }. Names are
 * relative, made of components that are neither "." nor ".." nor empty. */
#define AGENT_ARCHIVE_NAME_MAX  1024
#define AGENT_ARCHIVE_FILES_MAX 10000
