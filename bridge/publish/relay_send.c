#include <stdio.h>
#include <string.h>

#include "bridge/kafka/kafka_health.h"
#include "bridge/kafka/topic_config.h"
#include "bridge/publish/encode.h"
#include "bridge/publish/producer.h"
#include "bridge/publish/relay_internal.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/store/jobs.h"
#include "schema/store/outbox.h"

#define BATCH_BYTES   ((size_t)(4 * MIB))
#define CALL_MS       500             /* of one call of the producer, before the end is looked at */
#define TELL_NS       (30 * NS_PER_S) /* between two lines about failing deliveries */
#define MEASURE_NS    (10 * NS_PER_S)
#define BATCH_SIZE    1000000 /* librdkafka's, in bytes */
#define OUTBOX_HEADER 64

/* ---- rows of the lane ---- */

struct choosing {
    const struct lane *lane;
    size_t taken, most;
};

static enum outbox_choice choose(void *ctx, int64_t number, enum outbox_kind kind)
{
    struct choosing *c = ctx;

    (void)number;
    if ((c->lane->kinds & OUTBOX_KIND_BIT(kind)) == 0)
        return OUTBOX_PASS;
    return c->taken++ < c->most ? OUTBOX_TAKE : OUTBOX_END;
}

static int read_rows(struct lane *l, struct outbox_batch *ret_batch)
{
    struct choosing c = { .lane = l, .most = l->alone_until > l->after ? 1 : RELAY_ROWS };
    const struct outbox_question question = { .after = l->after,
                                              .max_rows = RELAY_ROWS,
                                              .max_bytes = BATCH_BYTES,
                                              .choose = choose,
                                              .ctx = &c };
    struct err e;

    if (outbox_read(l->relay->jobs, &question, ret_batch, &e) == 0)
        return 0;
    log_warning("outbox_not_read", log_s("error", e.msg));
    return -1;
}

static struct relay_row *add_row(struct lane *l, const struct outbox_item *item, bool sent)
{
    struct relay_row *row = &l->rows[l->rows_len++];

    *row = (struct relay_row){ .number = item->number, .sent = sent };
    return row;
}

/* ---- into the transaction ---- */

/* A row that can never be sent goes, or it would be in the way for ever. */
static void drop(struct lane *l, const struct outbox_item *item, const char *why)
{
    log_error("kafka_message_dropped", log_s("topic", l->topic),
              log_s("key", item->kind == OUTBOX_DEAD_LETTER ? "" : item->key), log_s("why", why));
    kafka_health_add(l->relay->tally, BRIDGE_DROPPED, 1);
    (void)add_row(l, item, false);
}

static size_t limit_of(const struct lane *l)
{
    size_t most = producer_max_bytes(l->producer);
    size_t limit = l->limit ? l->limit : TOPIC_CONFIG_MAX_BYTES;

    return limit < most ? limit : most;
}

/* What its topic takes is asked when it matters, and again later: it may have been raised. False:
 * it is known. */
static bool measure(struct lane *l)
{
    int64_t now = clock_mono_ns();

    if (l->measured_ns != 0 && now - l->measured_ns < MEASURE_NS)
        return false;
    l->limit = (size_t)topic_config_max_bytes(producer_handle(l->producer), l->topic,
                                              TOPIC_CONFIG_TIMEOUT_MS);
    l->measured_ns = clock_mono_ns();
    return true;
}

static rd_kafka_resp_err_t hand_over(struct lane *l, const struct outbox_item *item,
                                     struct encoded_message *w)
{
    char outbox[OUTBOX_HEADER];
    struct relay_row *row = add_row(l, item, true);
    const struct producer_message m = { .topic = l->topic,
                                        .key = item->key,
                                        .key_len = item->key_len,
                                        .payload = w->payload,
                                        .len = w->len,
                                        .outbox = outbox,
                                        .from = item,
                                        .bare = w->bare,
                                        .truncated = item->kind == OUTBOX_DEAD_LETTER && w->cut,
                                        .opaque = row };

    (void)snprintf(outbox, sizeof outbox, "%s:%lld", jobs_table_id(l->relay->jobs),
                   (long long)item->number);
    row->bytes = w->len + item->key_len;
    rd_kafka_resp_err_t code = producer_send(l->producer, &m);
    if (code) {
        l->rows_len--;
        return code;
    }
    w->payload = NULL; /* taken */
    kafka_health_add(l->relay->tally, BRIDGE_TRUNCATED, w->cut);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static int encode_within(struct lane *l, const struct outbox_item *item, size_t most,
                         struct encoded_message *w, struct err *e)
{
    if (most < ENCODE_MIN_BYTES)
        return err_set(e, ERR_INPUT, "larger than its topic takes, whatever is left out");
    return encode_item(l->relay->config, item, most, w, e);
}

/* Nothing is left out before the broker was asked whether it must be. */
static int encode(struct lane *l, const struct outbox_item *item, struct encoded_message *w,
                  struct err *e)
{
    size_t most = limit_of(l);
    int result = encode_within(l, item, most, w, e);
    bool fits = result < 0 ? e->kind != ERR_INPUT : !w->cut && !w->bare;

    if (fits || !measure(l) || limit_of(l) <= most)
        return result;
    encode_clear(w);
    return encode_within(l, item, limit_of(l), w, e);
}

/* An error ends the batch in front of the row. */
static rd_kafka_resp_err_t put(struct lane *l, const struct outbox_item *item)
{
    CLEANUP(encode_clear) struct encoded_message w = { 0 };
    struct err e;

    if (encode(l, item, &w, &e) < 0) {
        if (e.kind == ERR_NOMEM)
            return RD_KAFKA_RESP_ERR__QUEUE_FULL;
        drop(l, item, e.msg);
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_resp_err_t code = hand_over(l, item, &w);
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        l->limit = limit_of(l) - limit_of(l) / 8; /* more overhead than we thought of */
    return code;
}

/* ---- the transaction ---- */

void relay_delivered(void *ctx, void *opaque, rd_kafka_resp_err_t code, int32_t partition,
                     int64_t offset)
{
    struct relay_row *row = opaque;
    struct lane *l = ctx;

    row->code = code;
    row->partition = partition;
    row->offset = offset;
    if (!code)
        l->progress_ns = clock_mono_ns();
}

static enum producer_result until_done(struct lane *l,
                                       enum producer_result (*call)(struct producer *p, int ms))
{
    enum producer_result result;

    do
        result = call(l->producer, CALL_MS);
    while (result == PRODUCER_WAITS && !relay_gives_up(l));
    return result;
}

/* Why it failed: the first message that did by itself, else what the producer says. */
static const struct relay_row *culprit(const struct lane *l)
{
    for (size_t i = 0; i < l->rows_len; i++) {
        rd_kafka_resp_err_t code = l->rows[i].code;
        if (code && code != RD_KAFKA_RESP_ERR__PURGE_QUEUE &&
            code != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
            return &l->rows[i];
    }
    return NULL;
}

/* The broker measures whole batches. A producer's batches are bounded when it is made; where the
 * broker does not tell its bound, who is to blame is known when each goes alone. */
static void note_too_large(struct lane *l, const struct relay_row *row)
{
    if (!measure(l) && l->rows_len == 1)
        l->limit = row->bytes / 2;
    if (l->limit < BATCH_SIZE && l->limit != l->batch_bytes)
        l->renew = true;
    else if (l->rows_len > 1)
        l->alone_until = l->rows[l->rows_len - 1].number;
}

static void note_failure(struct lane *l, rd_kafka_resp_err_t code, const char *why)
{
    int64_t now = clock_mono_ns();

    relay_note_trouble(l, code, rd_kafka_err2name(code));
    if (l->relay->stop || (l->told_ns != 0 && now - l->told_ns < TELL_NS))
        return;
    l->told_ns = now;
    log_warning("kafka_delivery_failed", log_s("topic", l->topic), log_s("why", why),
                log_s("means", "it stays in the outbox and is tried again"));
}

static enum lane_result give_up_transaction(struct lane *l, enum producer_result result)
{
    const char *why;
    rd_kafka_resp_err_t code = producer_error(l->producer, &why);
    const struct relay_row *row = culprit(l);
    char text[200];

    if (row && row->code != RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        code = row->code;
    (void)snprintf(text, sizeof text, "%s", why);
    kafka_health_add(l->relay->tally, BRIDGE_RETRIED, (int64_t)l->rows_len);
    bool too_large = row && row->code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    if (too_large)
        note_too_large(l, row);
    else
        note_failure(l, code, text);
    if (result == PRODUCER_FAILED && until_done(l, producer_abort) == PRODUCER_DONE) {
        if (l->renew) {
            l->producer = producer_free(l->producer);
            l->ready = l->renew = false;
        }
        return too_large ? LANE_GOES_ON : LANE_FAILED;
    }
    relay_give_up_producer(l, text);
    return LANE_FAILED;
}

/* ---- what is committed goes ---- */

/* A table that does not let them go now is asked until it does: they must not be sent again. */
static bool let_go(struct lane *l)
{
    int64_t numbers[RELAY_ROWS];
    struct jobs_op op = { .kind = JOBS_SENT };
    struct err e;

    for (size_t i = 0; i < l->rows_len; i++)
        numbers[i] = l->rows[i].number;
    op.u.sent.numbers = numbers;
    op.u.sent.len = l->rows_len;
    while (jobs_do(l->relay->jobs, &op, &e) < 0) {
        log_warning("outbox_not_cleared", log_s("error", e.msg));
        relay_back_off(l);
        if (relay_gives_up(l))
            return false;
    }
    return true;
}

static enum lane_result finish(struct lane *l, int64_t last)
{
    if (!let_go(l)) {
        l->ready = false; /* whoever is next finds them on the topic */
        return LANE_FAILED;
    }
    for (size_t i = 0; i < l->rows_len; i++) {
        if (l->rows[i].sent)
            relay_mark(l, &l->rows[i]);
        kafka_health_add(l->relay->tally, BRIDGE_SENT, l->rows[i].sent);
    }
    l->unmarked += l->rows_len;
    l->after = last;
    l->progress_ns = clock_mono_ns();
    if (l->alone_until <= l->after)
        l->alone_until = 0;
    relay_note_well(l);
    relay_store_marks(l);
    return LANE_GOES_ON;
}

static enum lane_result transact(struct lane *l, const struct outbox_batch *batch)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    size_t i = 0;

    l->rows_len = 0;
    enum producer_result result = producer_begin(l->producer);
    if (result != PRODUCER_DONE)
        return give_up_transaction(l, result);
    while (i < batch->len && (code = put(l, &batch->items[i])) == 0)
        i++;
    outbox_stamp(l->relay->jobs);
    result = code == RD_KAFKA_RESP_ERR__FATAL ? PRODUCER_DEAD : until_done(l, producer_commit);
    if (result == PRODUCER_DONE && culprit(l))
        result = PRODUCER_DEAD; /* said to be committed, and not all was delivered */
    if (result != PRODUCER_DONE)
        return give_up_transaction(l, result);
    if (code && code != RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && l->rows_len == 0) {
        note_failure(l, code, rd_kafka_err2str(code));
        return LANE_FAILED;
    }
    return finish(l, i == batch->len ? batch->last : i > 0 ? batch->items[i - 1].number : l->after);
}

enum lane_result relay_send(struct lane *l)
{
    struct outbox_batch batch = { 0 };
    enum lane_result result;

    if (read_rows(l, &batch) < 0)
        return LANE_FAILED;
    if (batch.len == 0) {
        l->after = batch.last;
        l->more = batch.more;
        result = batch.more ? LANE_GOES_ON : LANE_EMPTY;
    } else {
        result = transact(l, &batch);
    }
    outbox_batch_clear(&batch);
    return result;
}
