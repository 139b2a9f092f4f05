#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "schema/base/clock.h"
#include "schema/json/writer.h"
#include "schema/model/verdict.h"
#include "server/config.h"
#include "server/live/hub.h"
#include "server/live/hub_internal.h"

/* ---- texts ---- */

static struct hub_text *text_from_buf(struct buf *b)
{
    struct hub_text *t = b->data ? malloc(sizeof *t + b->len) : NULL;

    if (t) {
        atomic_init(&t->refs, 1);
        t->report = false;
        t->hub = NULL;
        t->len = b->len;
        memcpy(t->data, b->data, b->len);
    }
    buf_clear(b);
    return t;
}

/* revision 0: no id, and may be called with the hub's lock. json: one line. tail: replaces the last
 * brace of json; or NULL. */
struct hub_text *hub_text_event(struct hub *h, const char *event, int64_t revision,
                                const char *json, size_t len, const char *tail)
{
    struct buf b = { .data = NULL };
    char id[HUB_ID_SIZE];
    int rc = buf_printf(&b, "event: %s\n", event);

    if (rc == 0 && revision > 0) {
        hub_event_id(h, revision, id);
        rc = buf_printf(&b, "id: %s\n", id);
    }
    if (rc == 0)
        rc = buf_printf(&b, "data: ");
    if (rc == 0)
        rc = buf_add(&b, json, tail ? len - 1 : len);
    if (rc == 0)
        rc = buf_printf(&b, "%s\n\n", tail ? tail : "");
    if (rc == 0)
        return text_from_buf(&b);
    buf_clear(&b);
    return NULL;
}

struct hub_text *hub_text_plain(const char *text)
{
    struct buf b = { .data = NULL };

    return buf_add(&b, text, strlen(text)) == 0 ? text_from_buf(&b) : NULL;
}

struct hub_text *hub_text_opening(const char *position, const char *reason)
{
    char text[HUB_ID_SIZE + 200];
    const char *key = position[0] ? "id: " : "", *end = position[0] ? "\n" : "";

    if (reason)
        (void)snprintf(text, sizeof text,
                       "retry: 1000\nevent: reset\n%s%s%sdata: {\"reason\":\"%s\"}\n\n", key,
                       position, end, reason);
    else
        (void)snprintf(text, sizeof text, "retry: 1000\n%s%s%s\n", key, position, end);
    return hub_text_plain(text);
}

struct hub_text *hub_text_test(struct hub *h, const struct engine_event *test, const char *id)
{
    struct writer out = { .failed = false };
    char *json;
    size_t len;

    writer_begin(&out, '{');
    writer_key(&out, "id");
    writer_word(&out, id);
    writer_key(&out, "number");
    writer_number(&out, test->number);
    writer_key(&out, "status");
    writer_word(&out,
                verdict_status(test->verdict, (enum status_set)h->config->runner_status_set, true));
    writer_key(&out, "verdict");
    writer_word(&out, verdict_name(test->verdict));
    writer_key(&out, "duration_ms");
    writer_number(&out, test->duration_ms);
    writer_key(&out, "cpu_time_ms");
    writer_number(&out, test->cpu_time_ms);
    writer_key(&out, "memory_bytes");
    writer_number(&out, test->memory_bytes);
    writer_key(&out, "exit_code");
    writer_number(&out, test->exit_code);
    writer_key(&out, "signal");
    if (test->signal)
        writer_word(&out, test->signal);
    else
        writer_null(&out);
    writer_end(&out, '}');
    if (writer_take(&out, &json, &len) < 0)
        return NULL;
    struct hub_text *text = hub_text_event(h, "test", 0, json, len, NULL);
    free(json);
    return text;
}

struct hub_text *hub_text_release(struct hub_text *t)
{
    if (t && atomic_fetch_sub(&t->refs, 1) == 1) {
        if (t->report)
            atomic_fetch_sub(&t->hub->report_bytes, (int64_t)t->len);
        free(t);
    }
    return NULL;
}

/* ---- queues ---- */

bool hub_queue_add_locked(struct hub_sub *s, struct hub_text *t)
{
    struct hub_queued_text *queued;

    if (!t || (!t->report && s->pending + t->len > (size_t)HUB_PENDING) ||
        !(queued = malloc(sizeof *queued)))
        return false;
    atomic_fetch_add(&t->refs, 1);
    *queued = (struct hub_queued_text){ .text = t };
    if (s->last)
        s->last->next = queued;
    else
        s->first = queued;
    s->last = queued;
    s->pending += t->len;
    return true;
}

static void remove_first_locked(struct hub_sub *s)
{
    struct hub_queued_text *queued = s->first;

    s->first = queued->next;
    if (!s->first)
        s->last = NULL;
    s->pending -= queued->text->len;
    s->offset = 0;
    (void)hub_text_release(queued->text);
    free(queued);
}

void hub_queue_clear_locked(struct hub_sub *s)
{
    while (s->first)
        remove_first_locked(s);
}

ssize_t hub_read(struct hub_sub *s, char *out, size_t size)
{
    size_t len = 0;

    (void)pthread_mutex_lock(&s->hub->lock);
    while (s->first && len < size) {
        struct hub_text *t = s->first->text;
        size_t part = t->len - s->offset < size - len ? t->len - s->offset : size - len;
        memcpy(out + len, t->data + s->offset, part);
        len += part;
        s->offset += part;
        if (s->offset == t->len)
            remove_first_locked(s);
    }
    s->seen_ns = clock_mono_ns();
    bool end = len == 0 && s->ended;
    (void)pthread_mutex_unlock(&s->hub->lock);
    return end ? -1 : (ssize_t)len;
}

void hub_wake_locked(struct hub_sub *s, struct hub_sub **woken)
{
    if (!s->asleep)
        return;
    s->asleep = false;
    s->next_woken = *woken;
    *woken = s;
}

/* wake may free the subscriber, so next_woken is read before. */
void hub_wake_all(struct hub_sub *woken)
{
    while (woken) {
        struct hub_sub *next = woken->next_woken;
        woken->wake(woken);
        woken = next;
    }
}
