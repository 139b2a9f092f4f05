/* Any bytes as the daemon's answer: never a crash, a call either fails with an error whose message
 * is text, or gives what its header promises. The first byte says which call, and whether the rest
 * is the whole answer or only its body; the daemon is a thread here, on a real socket. */
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/docker/docker.h"
#include "engine/docker/docker_pull.h"
#include "schema/base/err.h"
#include "schema/base/text.h"
#include "tests/fuzz/fuzz.h"

/* What comes before a body that is given alone. */
static const char *const heads[] = {
    NULL, /* the bytes are all there is */
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 500 Oh\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 409 Conflict\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 503 Oh\r\nConnection: close\r\n\r\n",
};
#define VERSION                                                                                    \
    "HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n{\"ApiVersion\":\"1.41\",\"MinAPIVersion\":"     \
    "\"1.12\"}"

enum call {
    PING,
    VERSION_OF,
    INFO,
    CREATE,
    START,
    INSPECT,
    UPDATE,
    KILL,
    REMOVE,
    LIST,
    IMAGE,
    PULL,
    VOLUME,
    VOLUME_REMOVE,
    CALLS
};

static struct {
    int listener;
    char host[120];
    pthread_t thread;
    pthread_mutex_t lock;
    /* guarded by lock */
    const char *head, *bytes;
    size_t len;
    bool version; /* even /version is answered so */
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Whole, with its body: what is left unread would reset the connection under the answer. */
static bool read_request(int fd, char *room, size_t size)
{
    for (size_t len = 0;;) {
        room[len] = '\0';
        const char *end = strstr(room, "\r\n\r\n"), *length = strstr(room, "Content-Length: ");
        if (end && len >= (size_t)(end + 4 - room) + (length ? strtoul(length + 16, NULL, 10) : 0))
            return true;
        ssize_t n = read(fd, room + len, size - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
    }
}

static void send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        data += n;
        len -= (size_t)n;
    }
}

/* False: that was the last one. */
static bool answer(int fd, const char *request)
{
    (void)pthread_mutex_lock(&fake.lock);
    bool good = !fake.version && strncmp(request, "GET /version ", 13) == 0;
    if (good) {
        send_all(fd, VERSION, strlen(VERSION));
    } else {
        send_all(fd, fake.head ? fake.head : "", fake.head ? strlen(fake.head) : 0);
        send_all(fd, fake.bytes, fake.len);
    }
    (void)pthread_mutex_unlock(&fake.lock);
    return good;
}

static void *daemon_main(void *arg)
{
    static char request[16384];

    for (;;) {
        CLEANUP(closep) int fd = accept4(fake.listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return arg;
        while (read_request(fd, request, sizeof request) && answer(fd, request))
            ;
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    static char dir[] = "/tmp/scrc-fuzz-XXXXXX";

    (void)argc, (void)argv;
    MUST(text_init() == 0 && mkdtemp(dir));
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s/s", dir);
    (void)snprintf(fake.host, sizeof fake.host, "unix://%.107s", a.sun_path);
    fake.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(bind(fake.listener, (struct sockaddr *)&a, sizeof a) == 0);
    MUST(listen(fake.listener, 8) == 0);
    MUST(pthread_create(&fake.thread, NULL, daemon_main, NULL) == 0);
    return 0;
}

static bool progress(void *ctx, const char *line)
{
    int *lines = ctx;

    MUST(text_is_utf8(line, strlen(line)));
    return ++*lines < 1000;
}

static int call_json(struct docker *d, enum call c, struct err *e)
{
    json_auto_t *json = NULL;
    int rc = c == VERSION_OF ? docker_version(d, &json, e)
             : c == INFO     ? docker_info(d, &json, e)
             : c == INSPECT  ? docker_inspect(d, "x", &json, e)
             : c == LIST     ? docker_list(d, "scrc.table", &json, e)
                             : docker_image(d, "x:1", &json, e);
    MUST((rc == 0) == (json != NULL));
    return rc;
}

static int call_create(struct docker *d, struct err *e)
{
    json_auto_t *body = json_pack("{s:{s:s}}", "Labels", "scrc.create", "n1");
    CLEANUP(freep) char *id = NULL;
    int rc = docker_create(d, "n1", body, &id, e);

    MUST((rc == 0) == (id != NULL));
    return rc;
}

static int do_call(struct docker *d, enum call c, struct err *e)
{
    int lines = 0;

    switch (c) {
    case PING:
        return docker_ping(d, e);
    case CREATE:
        return call_create(d, e);
    case START:
        return docker_start(d, "x", e);
    case UPDATE:
        return docker_update_memory(d, "x", 64 << 20, e);
    case KILL:
        return docker_kill(d, "x", e);
    case REMOVE:
        return docker_remove(d, "x", e);
    case PULL:
        return docker_pull(d, "x:1", progress, &lines, e);
    case VOLUME:
        return docker_volume_create(d, "x", NULL, e);
    case VOLUME_REMOVE:
        return docker_volume_remove(d, "x", e);
    default:
        return call_json(d, c, e);
    }
}

static void set_answer(const char *head, const char *bytes, size_t len, bool version)
{
    (void)pthread_mutex_lock(&fake.lock);
    fake.head = head;
    fake.bytes = bytes;
    fake.len = len;
    fake.version = version;
    (void)pthread_mutex_unlock(&fake.lock);
}

/* Two calls with one handle: what the first leaves must not trouble the second. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned first = size > 0 ? data[0] : 0;
    enum call c = (enum call)(first % 16 % CALLS);
    CLEANUP(docker_freep) struct docker *d = NULL;

    set_answer(heads[first / 16 % ARRAY_LEN(heads)], (const char *)data + (size > 0),
               size - (size > 0), c == VERSION_OF);
    MUST(fake.host[0] && docker_open(fake.host, &d, NULL) == 0); /* never a real daemon */
    for (int i = 0; i < 2; i++) {
        struct err e = { .kind = ERR_NONE };
        int rc = do_call(d, c, &e);
        MUST((rc == 0) == (e.kind == ERR_NONE));
        MUST(text_is_utf8(e.msg, strlen(e.msg)));
        MUST(rc == 0 || e.msg[0] != '\0');
    }
    set_answer(NULL, "", 0, false); /* the daemon may still have a request of a client that left */
    return 0;
}
