#include "engine/docker/docker.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "engine/docker/docker_http.h"
#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/metrics.h"

#define SOCKET_SCHEME  "unix://"
#define SOCKET_DEFAULT "/var/run/docker.sock"
#define API_MIN        "1.41"

/* Starting a container takes seconds on a loaded host; a ping that takes seconds is a failure. */
enum { PING_MS = 5000, QUICK_MS = 20000, SLOW_MS = 60000, END_MS = 2000 };
enum { ANSWER_MAX = 4 << 20, LIST_MAX = 64 << 20, PATH_SIZE = 640 };

struct docker {
    struct docker_http *http; /* owned */
    struct buf answer;        /* owned; the last one */
    int minor;                /* of the API version in use, 1.minor; 0: not asked yet */
};

int docker_open(const char *host, struct docker **ret_docker, struct err *e)
{
    const char *path = host && host[0] ? host : SOCKET_SCHEME SOCKET_DEFAULT;
    if (strncmp(path, SOCKET_SCHEME, strlen(SOCKET_SCHEME)) != 0 ||
        path[strlen(SOCKET_SCHEME)] != '/')
        return err_set(e, ERR_SETTING,
                       "DOCKER_HOST '%.80s': only unix:///path can work, because cells are reached "
                       "through this host's file system",
                       path);
    CLEANUP(docker_freep) struct docker *d = calloc(1, sizeof *d);
    if (!d)
        return err_set(e, ERR_NOMEM, "open Docker");
    if (docker_http_open(path + strlen(SOCKET_SCHEME), &d->http, e) < 0)
        return -1;
    *ret_docker = TAKE(d);
    return 0;
}

struct docker *docker_free(struct docker *d)
{
    if (!d)
        return NULL;
    d->http = docker_http_free(d->http);
    buf_clear(&d->answer);
    free(d);
    return NULL;
}

void docker_until(struct docker *d, int64_t deadline_ns)
{
    docker_http_until(d->http, deadline_ns);
}

/* "1.41" -> 41. -1 when it is no version of the API we know. */
static int minor_of(const char *version)
{
    if (!version || strncmp(version, "1.", 2) != 0 || !isdigit((unsigned char)version[2]))
        return -1;
    char *end;
    long minor = strtol(version + 2, &end, 10);
    return *end == '\0' && minor < 10000 ? (int)minor : -1;
}

struct docker_call {
    const char *method, *path;
    const json_t *body; /* borrowed; NULL: none */
    long timeout_ms;
    size_t answer_max;
    bool unversioned;         /* the path is sent as it is, without the API version */
    enum metrics_timer timer; /* 0: METRICS_DOCKER_OTHER */
};

/* *ret_json is NULL when the answer was not JSON, which many are not. */
static int send_call(struct docker *d, const struct docker_call *call, const char *path,
                     long *ret_status, json_t **ret_json, struct err *e)
{
    CLEANUP(freep) char *text = NULL;
    if (call->body) {
        text = json_dumps(call->body, JSON_COMPACT);
        if (!text)
            return err_set(e, ERR_NOMEM, "%s %.200s", call->method, call->path);
    }
    struct docker_http_request q = {
        .method = call->method,
        .path = path,
        .body = text,
        .timeout_ms = call->timeout_ms ? call->timeout_ms : QUICK_MS,
        .answer_max = call->answer_max ? call->answer_max : ANSWER_MAX,
    };
    int64_t began = clock_mono_ns();
    if (docker_http_send(d->http, &q, ret_status, &d->answer, e) < 0) {
        metrics_count(METRICS_DOCKER_FAILED);
        d->minor = 0; /* the next daemon may have another version */
        return err_wrap(e, "%s %.200s", call->method, call->path);
    }
    metrics_time(call->timer ? call->timer : METRICS_DOCKER_OTHER, clock_mono_ns() - began);
    *ret_json = d->answer.len > 0 ? json_loadb(d->answer.data, d->answer.len, 0, NULL) : NULL;
    return 0;
}

static int negotiate(struct docker *d, struct err *e)
{
    json_auto_t *version = NULL;
    if (d->minor > 0)
        return 0;
    if (docker_version(d, &version, e) < 0)
        return -1;

    const char *api = json_string_value(json_object_get(version, "ApiVersion"));
    const char *least = json_string_value(json_object_get(version, "MinAPIVersion"));
    int theirs = minor_of(api), their_min = minor_of(least), ours = minor_of(DOCKER_API_MAX);
    if (theirs < minor_of(API_MIN))
        return err_set(e, ERR_PLATFORM,
                       "Docker's API version is %.20s; the oldest that works is %s",
                       api ? api : "not told", API_MIN);
    if (their_min > ours)
        return err_set(e, ERR_PLATFORM,
                       "Docker wants API version %.20s or newer; the newest we speak is %s", least,
                       DOCKER_API_MAX);
    d->minor = theirs < ours ? theirs : ours;
    return 0;
}

static int call_daemon(struct docker *d, const struct docker_call *call, long *ret_status,
                       json_t **ret_json, struct err *e)
{
    char path[PATH_SIZE];
    if (call->unversioned)
        return send_call(d, call, call->path, ret_status, ret_json, e);
    if (negotiate(d, e) < 0)
        return err_wrap(e, "%s %.200s", call->method, call->path);
    int n = snprintf(path, PATH_SIZE, "/v1.%d%s", d->minor, call->path);
    if (n < 0 || n >= PATH_SIZE)
        return err_set(e, ERR_BUG, "path too long: %.200s", call->path);
    return send_call(d, call, path, ret_status, ret_json, e);
}

/* Turns a status that is no success into an error with the daemon's own words. */
static int fail_with_status(const struct docker_call *call, long status, const json_t *answer,
                            struct err *e)
{
    const char *words = json_string_value(json_object_get(answer, "message"));
    int path =
        (int)strcspn(call->path, "?"); /* the daemon's message is more useful than the query */
    enum err_kind kind = status == 404 ? ERR_NOT_FOUND
                         : status == 502 || status == 503
                             ? ERR_UNAVAILABLE /* from a proxy in front of Docker */
                             : ERR_DOCKER;

    if (words && strstr(words, "no space left on device"))
        return err_set(e, ERR_DISK, "Docker's disk is full: %s %.*s: %.200s", call->method,
                       path > 120 ? 120 : path, call->path, words);
    return err_set(e, kind, "%s %.*s: %ld %.240s", call->method, path > 120 ? 120 : path,
                   call->path, status, words ? words : "without a reason");
}

/* Sends the call; any status but 2xx is an error. */
static int call_ok(struct docker *d, const struct docker_call *call, json_t **ret_json,
                   struct err *e)
{
    long status = 0;
    json_auto_t *json = NULL;
    if (call_daemon(d, call, &status, &json, e) < 0)
        return -1;
    if (status < 200 || status > 299)
        return fail_with_status(call, status, json, e);
    if (!ret_json)
        return 0;
    if (!json)
        return err_set(e, ERR_DOCKER, "%s %.120s: the answer is not JSON", call->method,
                       call->path);
    *ret_json = TAKE(json);
    return 0;
}

int docker_check_name(const char *name, enum err_kind kind, struct err *e)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_.-/:@=";
    size_t len = strlen(name);
    if (len == 0 || len > 400 || strspn(name, legal) != len || strstr(name, ".."))
        return err_set(e, kind, "'%.100s' is no name that Docker takes", name);
    return 0;
}

/* Writes before + name + after; the name is checked first. */
static int docker_path(char path[PATH_SIZE], const char *before, const char *name,
                       const char *after, struct err *e)
{
    if (docker_check_name(name, ERR_DOCKER, e) < 0)
        return -1;
    int n = snprintf(path, PATH_SIZE, "%s%s%s", before, name, after);
    if (n < 0 || n >= PATH_SIZE)
        return err_set(e, ERR_BUG, "path too long: %.100s", name);
    return 0;
}

int docker_ping(struct docker *d, struct err *e)
{
    struct docker_call call = {
        .method = "GET", .path = "/_ping", .timeout_ms = PING_MS, .unversioned = true
    };
    return call_ok(d, &call, NULL, e);
}

int docker_version(struct docker *d, json_t **ret_version, struct err *e)
{
    struct docker_call call = {
        .method = "GET", .path = "/version", .timeout_ms = PING_MS, .unversioned = true
    };
    return call_ok(d, &call, ret_version, e);
}

int docker_info(struct docker *d, json_t **ret_info, struct err *e)
{
    struct docker_call call = { .method = "GET", .path = "/info" };
    return call_ok(d, &call, ret_info, e);
}

static int copy_id(const json_t *container, char **ret_id, struct err *e)
{
    const char *id = json_string_value(json_object_get(container, "Id"));
    if (!id)
        return err_set(e, ERR_DOCKER, "Docker named no container");
    char *copy = strdup(id);
    if (!copy)
        return err_set(e, ERR_NOMEM, "container %.12s", id);
    *ret_id = copy;
    return 0;
}

/* The name exists: from our own create, which was sent twice, or from another client. */
static int find_created(struct docker *d, const char *name, const json_t *body, char **ret_id,
                        struct err *e)
{
    json_auto_t *there = NULL;
    if (docker_inspect(d, name, &there, e) < 0)
        return -1;
    const json_t *theirs = json_object_get(json_object_get(there, "Config"), "Labels");
    const char *ours =
        json_string_value(json_object_get(json_object_get(body, "Labels"), "scrc.create"));
    const char *label = json_string_value(json_object_get(theirs, "scrc.create"));
    if (!ours || !label || strcmp(ours, label) != 0)
        return err_set(e, ERR_DOCKER, "the container name %s is taken by somebody else", name);
    return copy_id(there, ret_id, e);
}

int docker_create(struct docker *d, const char *name, const json_t *body, char **ret_id,
                  struct err *e)
{
    char path[PATH_SIZE];
    if (docker_path(path, "/containers/create?name=", name, "", e) < 0)
        return -1;
    struct docker_call call = { .method = "POST",
                                .path = path,
                                .body = body,
                                .timeout_ms = SLOW_MS,
                                .timer = METRICS_DOCKER_CREATE };
    long status = 0;
    json_auto_t *answer = NULL;
    if (call_daemon(d, &call, &status, &answer, e) < 0)
        return -1;
    if (status == 409)
        return find_created(d, name, body, ret_id, e);
    if (status == 201)
        return copy_id(answer, ret_id, e);
    (void)fail_with_status(&call, status, answer, e);
    if (status == 404 && e)
        e->kind = ERR_IMAGE;
    return -1;
}

/* A POST or DELETE on one container; the statuses in `also` count as success too. */
static int call_idempotent(struct docker *d, const struct docker_call *call, const long also[2],
                           struct err *e)
{
    long status = 0;
    json_auto_t *answer = NULL;
    if (call_daemon(d, call, &status, &answer, e) < 0)
        return -1;
    if ((status >= 200 && status <= 299) || status == also[0] || status == also[1])
        return 0;
    return fail_with_status(call, status, answer, e);
}

int docker_start(struct docker *d, const char *id, struct err *e)
{
    char path[PATH_SIZE];
    if (docker_path(path, "/containers/", id, "/start", e) < 0)
        return -1;
    struct docker_call call = {
        .method = "POST", .path = path, .timeout_ms = SLOW_MS, .timer = METRICS_DOCKER_START
    };
    return call_idempotent(d, &call, (const long[]){ 304, 304 }, e); /* 304: it runs already */
}

int docker_inspect(struct docker *d, const char *id, json_t **ret_container, struct err *e)
{
    char path[PATH_SIZE];
    if (docker_path(path, "/containers/", id, "/json", e) < 0)
        return -1;
    struct docker_call call = { .method = "GET", .path = path };
    return call_ok(d, &call, ret_container, e);
}

int docker_update_memory(struct docker *d, const char *id, int64_t bytes, struct err *e)
{
    char path[PATH_SIZE];
    if (docker_path(path, "/containers/", id, "/update", e) < 0)
        return -1;
    json_auto_t *body =
        json_pack("{s:I, s:I}", "Memory", (json_int_t)bytes, "MemorySwap", (json_int_t)bytes);
    if (!body)
        return err_set(e, ERR_NOMEM, "update container %.12s", id);
    struct docker_call call = {
        .method = "POST", .path = path, .body = body, .timer = METRICS_DOCKER_UPDATE
    };
    return call_ok(d, &call, NULL, e);
}

int docker_kill(struct docker *d, const char *id, struct err *e)
{
    char path[PATH_SIZE];
    if (docker_path(path, "/containers/", id, "/kill?signal=SIGKILL", e) < 0)
        return -1;
    struct docker_call call = { .method = "POST", .path = path };
    return call_idempotent(d, &call, (const long[]){ 404, 409 }, e);
}

int docker_await_end(struct docker *d, const char *id, struct err *e)
{
    char path[PATH_SIZE];
    if (docker_path(path, "/containers/", id, "/wait", e) < 0)
        return -1;
    struct docker_call call = { .method = "POST", .path = path, .timeout_ms = END_MS };
    return call_idempotent(d, &call, (const long[]){ 404, 404 }, e);
}

int docker_remove(struct docker *d, const char *id, struct err *e)
{
    char path[PATH_SIZE];
    if (docker_path(path, "/containers/", id, "?force=1&v=1", e) < 0)
        return -1;
    struct docker_call call = {
        .method = "DELETE", .path = path, .timeout_ms = SLOW_MS, .timer = METRICS_DOCKER_REMOVE
    };
    int rc = call_idempotent(d, &call, (const long[]){ 404, 409 },
                             e); /* 409: it is being removed already */
    if (rc == 0)
        metrics_count(METRICS_CELLS_REMOVED);
    return rc;
}

int docker_list(struct docker *d, const char *label, json_t **ret_list, struct err *e)
{
    char path[PATH_SIZE]; /* filters={"label":["..."]} */
    if (docker_path(path, "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22", label,
                    "%22%5D%7D", e) < 0)
        return -1;
    struct docker_call call = { .method = "GET", .path = path, .answer_max = LIST_MAX };
    return call_ok(d, &call, ret_list, e);
}

int docker_image(struct docker *d, const char *ref, json_t **ret_image, struct err *e)
{
    char path[PATH_SIZE];
    if (docker_path(path, "/images/", ref, "/json", e) < 0)
        return -1;
    struct docker_call call = { .method = "GET", .path = path };
    if (call_ok(d, &call, ret_image, e) == 0)
        return 0;
    if (e && e->kind == ERR_NOT_FOUND)
        return err_set(e, ERR_IMAGE, "the image %.200s is not there", ref);
    return -1;
}

int docker_volume_create(struct docker *d, const char *name, const json_t *labels, struct err *e)
{
    if (docker_check_name(name, ERR_DOCKER, e) < 0)
        return -1;
    json_auto_t *body = json_pack("{s:s, s:O?}", "Name", name, "Labels", labels);
    if (!body)
        return err_set(e, ERR_NOMEM, "create volume %.100s", name);
    struct docker_call call = { .method = "POST", .path = "/volumes/create", .body = body };
    return call_ok(d, &call, NULL, e);
}

int docker_volume_list(struct docker *d, const char *label, json_t **ret_volumes, struct err *e)
{
    char path[PATH_SIZE]; /* filters={"label":["..."]} */
    if (docker_path(path, "/volumes?filters=%7B%22label%22%3A%5B%22", label, "%22%5D%7D", e) < 0)
        return -1;
    struct docker_call call = { .method = "GET", .path = path, .answer_max = LIST_MAX };
    return call_ok(d, &call, ret_volumes, e);
}

int docker_volume_remove(struct docker *d, const char *name, struct err *e)
{
    char path[PATH_SIZE];
    if (docker_path(path, "/volumes/", name, "", e) < 0)
        return -1;
    struct docker_call call = { .method = "DELETE", .path = path };
    return call_idempotent(d, &call, (const long[]){ 404, 404 }, e);
}

int docker_stream(struct docker *d, const struct docker_stream *s, long *ret_status, struct err *e)
{
    char path[PATH_SIZE];

    if (negotiate(d, e) < 0)
        return -1;
    int n = snprintf(path, PATH_SIZE, "/v1.%d%s", d->minor, s->path);
    if (n < 0 || n >= PATH_SIZE)
        return err_set(e, ERR_BUG, "path too long: %.200s", s->path);
    struct docker_http_request q = {
        .method = "POST", .path = path, .answer_max = LIST_MAX, .piece = s->piece, .ctx = s->ctx
    };
    return docker_http_send(d->http, &q, ret_status, &d->answer, e);
}
