#include "engine/docker/docker_pull.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "engine/docker/docker.h"
#include "schema/base/buf.h"
#include "schema/base/err.h"

/* A pull in progress: the daemon reports it as one JSON object per line. */
struct pull {
    docker_progress_fn *progress; /* borrowed */
    void *ctx;
    struct buf line; /* owned; the part of the current line that has arrived */
    char error[300]; /* the daemon's last error message; "" */
};
enum { PULL_LINE_MAX = 64 << 10 };

static bool pull_line(struct pull *p)
{
    json_auto_t *line = json_loadb(p->line.data, p->line.len, 0, NULL);
    const char *error = json_string_value(json_object_get(line, "error"));
    const char *message = json_string_value(json_object_get(line, "message"));
    const char *id = json_string_value(json_object_get(line, "id"));
    const char *status = json_string_value(json_object_get(line, "status"));
    const char *bar = json_string_value(json_object_get(line, "progress"));
    char text[256];

    if (error || message)
        (void)snprintf(p->error, sizeof p->error, "%.280s", error ? error : message);
    if (!status || !p->progress)
        return true;
    (void)snprintf(text, sizeof text, "%.60s%s%.100s%s%.80s", id ? id : "", id ? ": " : "", status,
                   bar ? " " : "", bar ? bar : "");
    return p->progress(p->ctx, text);
}

static bool pull_piece(void *ctx, const char *data, size_t len)
{
    struct pull *p = ctx;
    for (size_t i = 0; i < len;) {
        const char *end = memchr(data + i, '\n', len - i);
        size_t part = end ? (size_t)(end - data) - i : len - i;
        if (p->line.len + part > PULL_LINE_MAX || buf_add(&p->line, data + i, part) < 0)
            return false;
        i += part + (end ? 1 : 0);
        if (!end)
            break;
        bool go_on = p->line.len == 0 || pull_line(p);
        p->line.len = 0;
        if (!go_on)
            return false;
    }
    return true;
}

/* Without a tag Docker would pull every tag of the repository. */
static bool has_tag(const char *ref)
{
    const char *slash = strrchr(ref, '/');
    return strchr(ref, '@') || strchr(slash ? slash : ref, ':');
}

int docker_pull(struct docker *d, const char *ref, docker_progress_fn *progress, void *ctx,
                struct err *e)
{
    char path[640];
    struct pull p = { .progress = progress, .ctx = ctx };
    const struct docker_stream stream = { .path = path, .piece = pull_piece, .ctx = &p };
    long status = 0;

    if (docker_check_name(ref, ERR_IMAGE, e) < 0)
        return -1;
    (void)snprintf(path, sizeof path, "/images/create?fromImage=%.400s%s", ref,
                   has_tag(ref) ? "" : ":latest");
    int rc = docker_stream(d, &stream, &status, e);
    if (rc == 0 && p.line.len > 0)
        (void)pull_line(&p); /* an error before the stream has no newline at its end */
    buf_clear(&p.line);
    if (rc < 0)
        return err_wrap(e, "pull %.100s", ref);
    if (status != 200 || p.error[0])
        return err_set(e, ERR_IMAGE, "pull %.100s: %s", ref,
                       p.error[0] ? p.error : "the registry refused without a reason");
    return 0;
}
