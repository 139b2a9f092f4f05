#include "server/api/events.h"

#include <string.h>
#include <sys/socket.h>

#include "schema/base/err.h"
#include "schema/store/jobs_read.h"
#include "server/api/context.h"
#include "server/api/results.h"
#include "server/live/hub.h"

/* Send buffer for one slow client; without this the kernel lets it grow to megabytes. */
#define SOCKET_BYTES (64 * KIB)

static void resume_stream(struct hub_sub *s)
{
    request_resume((struct request *)(void *)((char *)s - offsetof(struct call, stream)));
}

static const char *last_event_id(const struct request *r)
{
    return request_header(r, "Last-Event-ID");
}

static ssize_t read_events(struct request *r, char *out, size_t size)
{
    ssize_t n = hub_read(&call_of(r)->stream, out, size);

    if (n != 0)
        return n;
    if (!request_pause(r))
        return -1;
    if (!hub_sleep(&call_of(r)->stream))
        request_resume(r);
    return 0;
}

static enum next begin_stream(struct request *r, int64_t seq)
{
    const int bytes = SOCKET_BYTES;
    struct hub_sub *s = &call_of(r)->stream;
    struct err e;

    if (request_stream(r, read_events) != NEXT_STREAM)
        return NEXT_REPLY;
    *s = (struct hub_sub){ .seq = seq, .fd = request_fd(r), .wake = resume_stream };
    if (hub_join(context_of(r)->hub, s, r->id, last_event_id(r), &e) < 0)
        return e.kind == ERR_CANCELLED ? request_stopping(r) : request_fail(r, &e);
    (void)setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return NEXT_STREAM;
}

enum next events_everything(struct request *r) { return begin_stream(r, 0); }

enum next events_of_one(struct request *r)
{
    const char *event_id = last_event_id(r);
    struct job_status status;

    if (!results_status(r, "its report was", &status))
        return NEXT_REPLY;
    if (event_id && job_state_is_final(status.state) &&
        hub_event_revision(context_of(r)->hub, event_id) >= status.revision)
        return request_reply(r, 204, EVENTS_TYPE, NULL, 0);
    return begin_stream(r, status.seq);
}
