#include "server/live/hub_remote.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "engine/judge/signal_name.h"
#include "schema/base/clock.h"
#include "schema/store/jobs_signal.h"
#include "server/live/hub_internal.h"

#define BATCH_NS    (100 * NS_PER_MS)
#define ANNOUNCE_NS (3 * NS_PER_S)
#define LISTEN_NS   (10 * NS_PER_S)
#define EVENT_BYTES 200 /* of one event in a text, at most */
#define SIGNALS     64
#define DIGITS      18

/* ---- the text ---- */

enum field { SEQ, KIND, NUMBER, DURATION, CPU_TIME, MEMORY, VERDICT, EXIT_CODE, SIGNAL, FIELDS };

/* -1: not measured. */
static const struct {
    int64_t least, most;
} ranges[FIELDS] = {
    [SEQ] = { 1, INT64_MAX },
    [KIND] = { ENGINE_BUILDS, ENGINE_TESTED },
    [NUMBER] = { 0, INT32_MAX },
    [DURATION] = { -1, INT64_MAX },
    [CPU_TIME] = { -1, INT64_MAX },
    [MEMORY] = { -1, INT64_MAX },
    [VERDICT] = { 0, VERDICT_COUNT - 1 },
    [EXIT_CODE] = { INT32_MIN, INT32_MAX },
    [SIGNAL] = { 0, SIGNALS },
};

static bool parse_field(const char **at, int64_t *ret_number)
{
    bool negative = **at == '-';
    int64_t n = 0;
    int digits = 0;

    for (*at += negative; **at >= '0' && **at <= '9' && digits <= DIGITS; (*at)++, digits++)
        n = digits < DIGITS ? n * 10 + (**at - '0') : n;
    *ret_number = negative ? -n : n;
    return digits >= 1 && digits <= DIGITS;
}

static bool parse_event(const char **at, struct engine_event *ret_event)
{
    int64_t n[FIELDS];

    for (int i = 0; i < FIELDS; i++) {
        if (*(*at)++ != (i == 0 ? ';' : ',') || !parse_field(at, &n[i]) || n[i] < ranges[i].least ||
            n[i] > ranges[i].most)
            return false;
    }
    *ret_event = (struct engine_event){ .seq = n[SEQ],
                                        .kind = (enum engine_event_kind)n[KIND],
                                        .number = n[NUMBER],
                                        .duration_ms = n[DURATION],
                                        .cpu_time_ms = n[CPU_TIME],
                                        .memory_bytes = n[MEMORY],
                                        .verdict = (enum verdict)n[VERDICT],
                                        .exit_code = (int)n[EXIT_CODE],
                                        .signal = n[SIGNAL] ? signal_name((int)n[SIGNAL]) : NULL };
    return true;
}

size_t hub_remote_parse(const char *text, struct engine_event events[HUB_REMOTE_EVENTS])
{
    size_t len = 0;

    if (*text++ != 'e')
        return 0;
    for (; *text && len < HUB_REMOTE_EVENTS; len++)
        if (!parse_event(&text, &events[len]))
            return 0;
    return *text ? 0 : len;
}

static int signal_number(const char *name)
{
    for (int n = 1; name && n <= SIGNALS; n++)
        if (strcmp(signal_name(n), name) == 0)
            return n;
    return 0;
}

/* ---- what others do ---- */

static bool has_subscribers(struct hub *h)
{
    return atomic_load(&h->everything_count) > 0 || atomic_load(&h->single_count) > 0;
}

static void hear_events(struct hub *h, const char *text)
{
    struct engine_event events[HUB_REMOTE_EVENTS];
    size_t len = has_subscribers(h) ? hub_remote_parse(text, events) : 0;

    if (len > 0)
        hub_add_remote_events(h, events, len);
}

void hub_remote_hear(void *ctx, const char *text)
{
    struct hub *h = ctx;

    if (strcmp(text, "l") == 0)
        atomic_store(&h->remote.until_ns, clock_mono_ns() + LISTEN_NS);
    else
        hear_events(h, text);
}

/* ---- what we do ---- */

bool hub_remote_wanted(struct hub *h) { return atomic_load(&h->remote.until_ns) != 0; }

static void send_batch(struct hub *h)
{
    jobs_signal(h->jobs, h->remote.batch.data);
    h->remote.batch.len = h->remote.events = 0;
}

/* Without memory the event is lost: it is in the report. */
void hub_remote_add(struct hub *h, const struct engine_event *event)
{
    struct buf *b = &h->remote.batch;

    if (b->len == 0)
        h->remote.send_at = clock_mono_ns() + BATCH_NS;
    size_t before = b->len;
    if (buf_printf(b, "%s;%" PRId64 ",%d,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%d,%d,%d",
                   before == 0 ? "e" : "", event->seq, (int)event->kind, event->number,
                   event->duration_ms, event->cpu_time_ms, event->memory_bytes, (int)event->verdict,
                   event->exit_code, signal_number(event->signal)) < 0)
        b->len = before;
    else if (++h->remote.events == HUB_REMOTE_EVENTS || b->len > JOBS_SIGNAL_MAX - EVENT_BYTES)
        send_batch(h);
}

void hub_remote_tick(struct hub *h, int64_t now)
{
    struct hub_remote *r = &h->remote;
    int64_t until = atomic_load(&r->until_ns);

    if (until != 0 && now >= until) /* unless it was said again meanwhile */
        (void)atomic_compare_exchange_strong(&r->until_ns, &until, 0);
    if (r->batch.len > 0 && now >= r->send_at)
        send_batch(h);
    if (!has_subscribers(h)) {
        r->announce_at = 0;
    } else if (now >= r->announce_at) {
        jobs_signal(h->jobs, "l");
        r->announce_at = now + ANNOUNCE_NS;
    }
}

int64_t hub_remote_due(const struct hub *h)
{
    return h->remote.batch.len > 0 ? h->remote.send_at : INT64_MAX;
}
