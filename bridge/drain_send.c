#include <stdio.h>
#include <string.h>

#include "bridge/bridge.h"
#include "bridge/drain_internal.h"
#include "bridge/producer.h"
#include "bridge/tally.h"
#include "bridge/wrap.h"
#include "schema/clock.h"
#include "schema/err.h"
#include "schema/jobs.h"
#include "schema/log.h"
#include "schema/outbox.h"

#define READ_ROWS     256
#define READ_BYTES    ((size_t)(4 * MIB))
#define BATCH_ROWS    256 /* acknowledged rows go together, or after BATCH_NS */
#define BATCH_NS      (5 * NS_PER_MS)
#define RETRY_NS      (1 * NS_PER_S)
#define CROWDED_NS    (100 * NS_PER_MS)
#define TELL_NS       (30 * NS_PER_S) /* between two lines about failing deliveries */
#define LIMIT_MIN     1000            /* a topic that takes less takes nothing of ours */
#define OUTBOX_HEADER 64

static void again(struct drain *d, int64_t number, int64_t at_ns)
{
    if (d->again_from == INT64_MAX || at_ns > d->again_ns)
        d->again_ns = at_ns;
    if (number < d->again_from)
        d->again_from = number;
}

/* ---- deliveries ---- */

static void too_large(struct drain *d, const struct flight *x)
{
    int64_t last = d->after > x->number ? d->after : x->number;

    /* The broker measures whole batches: who is to blame is known when each goes alone. */
    if (x->alone)
        d->limit[x->topic] = x->bytes / 2;
    else if (d->single_until < last)
        d->single_until = last;
    again(d, x->number, 0);
}

static enum bridge_part part_of(size_t topic)
{
    return topic == 0 ? BRIDGE_PUBLISHING : BRIDGE_LETTERS;
}

static void note_trouble(struct drain *d, size_t topic, const char *why)
{
    char text[200];

    (void)snprintf(text, sizeof text, "the topic %.100s does not take it: %.60s%s",
                   d->topics[topic], why, strstr(why, "AUTHORIZATION") ? " (it needs WRITE)" : "");
    tally_why(d->tally, part_of(topic), text);
    d->troubled[topic] = true;
}

static void note_delivered(struct drain *d, size_t topic)
{
    if (d->troubled[topic])
        tally_why(d->tally, part_of(topic), "");
    d->troubled[topic] = false;
}

static void tell_failure(struct drain *d, const struct flight *x, const char *why)
{
    int64_t now = clock_mono_ns();

    note_trouble(d, x->topic, why);
    if (d->told_ns != 0 && now - d->told_ns < TELL_NS)
        return;
    d->told_ns = now;
    log_warning("kafka_delivery_failed", log_s("topic", d->topics[x->topic]), log_s("why", why),
                log_s("means", "it stays in the outbox and is tried again"));
}

void drain_on_delivery(void *ctx, const struct producer_delivery *m)
{
    struct drain *d = ctx;
    struct flight *x = m->opaque;

    if (m->fate == PRODUCER_DELIVERED) {
        note_delivered(d, x->topic);
        x->sent = true;
        x->partition = m->partition;
        x->offset = m->offset;
        d->progress_ns = clock_mono_ns();
        if (d->flights.landed == 0)
            d->landed_ns = d->progress_ns;
        flights_land(&d->flights, x);
        return;
    }
    tally_add(d->tally, BRIDGE_RETRIED, 1);
    if (m->fate == PRODUCER_TOO_LARGE) {
        too_large(d, x);
    } else if (m->fate == PRODUCER_NOT_SENT) {
        again(d, x->number, clock_mono_ns() + RETRY_NS);
    } else {
        d->broken = true;
        d->must_look = true;
    }
    if (m->fate != PRODUCER_TOO_LARGE && !d->stop)
        tell_failure(d, x, m->why);
    flights_fail(&d->flights, x);
}

static void clear_sent(struct drain *d, size_t n)
{
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        const struct flight *x = &d->flights.rows[i];
        if (x->state == FLIGHT_LANDED && x->sent)
            drain_mark(d, x);
        tally_add(d->tally, BRIDGE_SENT, x->state == FLIGHT_LANDED && x->sent);
    }
    flights_clear_landed(&d->flights);
    d->unmarked += n;
}

void drain_settle(struct drain *d)
{
    int64_t numbers[FLIGHTS_MAX], now = clock_mono_ns();
    struct jobs_op op = { .kind = JOBS_SENT };
    struct err e;

    if (d->flights.landed == 0 || now < d->settle_ns)
        return;
    if (flights_count(&d->flights) > d->flights.landed && d->flights.landed < BATCH_ROWS &&
        now - d->landed_ns < BATCH_NS)
        return;
    op.u.sent.numbers = numbers;
    op.u.sent.len = flights_landed(&d->flights, numbers);
    if (jobs_do(d->jobs, &op, &e) < 0) { /* they stay landed, and nobody sends them again */
        d->settle_ns = now + RETRY_NS;
        log_warning("outbox_not_cleared", log_s("error", e.msg));
        return;
    }
    clear_sent(d, op.u.sent.len);
    drain_store_marks(d);
}

/* ---- sending ---- */

/* A row that can never be sent goes, or it would be in the way for ever. */
static void drop(struct drain *d, const struct outbox_item *item, size_t topic, const char *why)
{
    struct flight *x = flights_begin(&d->flights, item->number, topic);

    if (!x)
        return;
    log_error("kafka_message_dropped", log_s("topic", d->topics[topic]),
              log_s("key", item->kind == OUTBOX_DEAD_LETTER ? "" : item->key), log_s("why", why));
    tally_add(d->tally, BRIDGE_DROPPED, 1);
    flights_land(&d->flights, x);
}

static size_t limit_of(const struct drain *d, size_t topic)
{
    size_t most = producer_max_bytes(d->producer);

    return d->limit[topic] && d->limit[topic] < most ? d->limit[topic] : most;
}

static enum producer_result hand_over(struct drain *d, const struct outbox_item *item,
                                      struct flight *x, struct wrap *w, const char **ret_why)
{
    char outbox[OUTBOX_HEADER];
    struct producer_message m = { .topic = d->topics[x->topic],
                                  .key = item->key,
                                  .key_len = item->key_len,
                                  .payload = w->payload,
                                  .len = w->len,
                                  .outbox = outbox,
                                  .from = item,
                                  .bare = w->bare,
                                  .truncated = item->kind == OUTBOX_DEAD_LETTER && w->cut,
                                  .opaque = x };

    (void)snprintf(outbox, sizeof outbox, "%s:%lld", jobs_table_id(d->jobs),
                   (long long)item->number);
    x->bytes = w->len + item->key_len;
    x->alone = d->single_until > 0;
    enum producer_result result = producer_send(d->producer, &m, ret_why);
    if (result == PRODUCER_QUEUED) {
        w->payload = NULL; /* taken */
        tally_add(d->tally, BRIDGE_CUT, w->cut);
    }
    return result;
}

/* False: it cannot be handed over now, and nothing behind it either. */
static bool send_within(struct drain *d, const struct outbox_item *item, size_t topic, size_t most)
{
    CLEANUP(wrap_clear) struct wrap w = { 0 };
    const char *why = "";
    struct err e;

    if (wrap_item(d->config, item, most, &w, &e) < 0) {
        if (e.kind != ERR_NOMEM)
            drop(d, item, topic, e.msg);
        return e.kind != ERR_NOMEM;
    }
    struct flight *x = flights_begin(&d->flights, item->number, topic);
    if (!x)
        return false;
    switch (hand_over(d, item, x, &w, &why)) {
    case PRODUCER_QUEUED:
        return true;
    case PRODUCER_BUSY:
        flights_fail(&d->flights, x);
        return false;
    case PRODUCER_OVER: /* more overhead than we thought of */
        flights_fail(&d->flights, x);
        d->limit[topic] = most - most / 8;
        again(d, item->number, 0);
        return true;
    case PRODUCER_REFUSED:
        break;
    }
    tally_add(d->tally, BRIDGE_RETRIED, 1);
    tell_failure(d, x, why);
    flights_fail(&d->flights, x);
    again(d, item->number, clock_mono_ns() + RETRY_NS);
    return true;
}

/* Beside those that fly, `taken` of each topic are about to. */
static bool may_fly(const struct drain *d, const size_t taken[2], size_t topic)
{
    const size_t *flying = d->flights.flying;

    if (d->single_until > 0)
        return flying[0] + flying[1] + taken[0] + taken[1] == 0;
    /* Dead letters that nobody takes must not keep reports from flying. */
    return flights_count(&d->flights) + taken[0] + taken[1] < DRAIN_WINDOW &&
           (topic == 0 || flying[1] + taken[1] < DRAIN_WINDOW / 2);
}

static size_t topic_of(enum outbox_kind kind) { return kind == OUTBOX_DEAD_LETTER; }

struct choosing {
    struct drain *drain;
    size_t taken[2]; /* of each topic */
};

/* What flies already, or cannot fly now, is not read: it may be megabytes. */
static enum outbox_choice choose(void *ctx, int64_t number, enum outbox_kind kind)
{
    struct choosing *c = ctx;
    struct drain *d = c->drain;
    size_t topic = topic_of(kind);

    if (flights_has(&d->flights, number))
        return OUTBOX_PASS;
    if (may_fly(d, c->taken, topic)) {
        c->taken[topic]++;
        return OUTBOX_TAKE;
    }
    if (topic == 0 || d->single_until > 0)
        return OUTBOX_END;
    again(d, number, clock_mono_ns() + CROWDED_NS);
    return OUTBOX_PASS;
}

static bool send_item(struct drain *d, const struct outbox_item *item)
{
    size_t topic = topic_of(item->kind), most = limit_of(d, topic);

    if (most < LIMIT_MIN) {
        drop(d, item, topic, "larger than its topic takes, whatever is left out");
        return true;
    }
    return send_within(d, item, topic, most);
}

static void read_again(struct drain *d)
{
    if (d->again_from == INT64_MAX || clock_mono_ns() < d->again_ns)
        return;
    if (d->after >= d->again_from)
        d->after = d->again_from - 1;
    d->again_from = INT64_MAX;
    d->more = true;
}

static bool take_news(struct drain *d)
{
    (void)pthread_mutex_lock(&d->lock);
    bool news = d->news;
    d->news = false;
    (void)pthread_mutex_unlock(&d->lock);
    return news;
}

static bool read_some(struct drain *d, struct outbox_batch *ret_batch)
{
    struct choosing c = { .drain = d };
    const struct outbox_question question = { .after = d->after,
                                              .max_rows = READ_ROWS,
                                              .max_bytes = READ_BYTES,
                                              .choose = choose,
                                              .ctx = &c };
    struct err e;

    if (!may_fly(d, c.taken, 0))
        return false;
    if (outbox_read(d->jobs, &question, ret_batch, &e) == 0)
        return true;
    log_warning("outbox_not_read", log_s("error", e.msg));
    again(d, d->after + 1, clock_mono_ns() + RETRY_NS);
    d->more = false;
    return false;
}

void drain_fill(struct drain *d)
{
    struct outbox_batch batch = { 0 };
    size_t i = 0;

    read_again(d);
    if (d->single_until > 0 && d->after >= d->single_until && flights_count(&d->flights) == 0)
        d->single_until = 0;
    d->more |= take_news(d);
    if (!d->more || !read_some(d, &batch))
        return;
    for (; i < batch.len && send_item(d, &batch.items[i]); i++)
        d->after = batch.items[i].number;
    if (i == batch.len)
        d->after = batch.last;
    d->more = batch.more;
    outbox_batch_clear(&batch);
}
