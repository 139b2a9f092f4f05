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
#define CALL_MS       500 /* timeout of one call of the producer, before `stop` is checked */
#define LOG_NS        (30 * NS_PER_S) /* between two log lines about failed deliveries */
#define LIMIT_NS      (10 * NS_PER_S) /* between two queries of the topic's limit */
#define BATCH_SIZE    1000000         /* librdkafka's default of batch.size, in bytes */
#define OUTBOX_HEADER 64

/* ---- rows of the lane ---- */

struct row_choice {
    const struct lane *lane;
    size_t taken, most;
};

static enum outbox_choice choose_lane_row(void *ctx, int64_t number, enum outbox_kind kind)
{
    struct row_choice *c = ctx;

    (void)number;
    if ((c->lane->kinds & OUTBOX_KIND_BIT(kind)) == 0)
        return OUTBOX_PASS;
    return c->taken++ < c->most ? OUTBOX_TAKE : OUTBOX_END;
}

static int read_lane_rows(struct lane *l, struct outbox_batch *ret_batch)
{
    struct row_choice c = { .lane = l, .most = l->alone_until > l->done_until ? 1 : RELAY_ROWS };
    const struct outbox_question question = { .after = l->done_until,
                                              .max_rows = RELAY_ROWS,
                                              .max_bytes = BATCH_BYTES,
                                              .choose = choose_lane_row,
                                              .ctx = &c };
    struct err e;

    if (outbox_read(l->relay->jobs, &question, ret_batch, &e) == 0)
        return 0;
    log_warning("outbox_not_read", log_s("error", e.msg));
    return -1;
}

static struct relay_row *add_relay_row(struct lane *l, const struct outbox_item *item, bool sent)
{
    struct relay_row *row = &l->rows[l->rows_len++];

    *row = (struct relay_row){ .number = item->number, .sent = sent };
    return row;
}

/* ---- into the transaction ---- */

/* Deletes a row that can never be sent, because it would block the lane for ever. */
static void drop_row(struct lane *l, const struct outbox_item *item, const char *why)
{
    log_error("kafka_message_dropped", log_s("topic", l->topic),
              log_s("key", item->kind == OUTBOX_DEAD_LETTER ? "" : item->key), log_s("why", why));
    kafka_health_add(l->relay->health, BRIDGE_DROPPED, 1);
    (void)add_relay_row(l, item, false);
}

static size_t max_bytes_of(const struct lane *l)
{
    size_t most = producer_max_bytes(l->producer);
    size_t limit = l->max_bytes ? l->max_bytes : TOPIC_CONFIG_MAX_BYTES;

    return limit < most ? limit : most;
}

/* Reads the topic's limit, at most once in LIMIT_NS: it may have been raised. False: too early. */
static bool update_limit(struct lane *l)
{
    int64_t now = clock_mono_ns();

    if (l->limit_read_ns != 0 && now - l->limit_read_ns < LIMIT_NS)
        return false;
    l->max_bytes = (size_t)topic_config_max_bytes(producer_handle(l->producer), l->topic,
                                                  TOPIC_CONFIG_TIMEOUT_MS);
    l->limit_read_ns = clock_mono_ns();
    return true;
}

static rd_kafka_resp_err_t produce_message(struct lane *l, const struct outbox_item *item,
                                           struct encoded_message *message)
{
    char outbox[OUTBOX_HEADER];
    struct relay_row *row = add_relay_row(l, item, true);
    const struct producer_message m = { .topic = l->topic,
                                        .key = item->key,
                                        .key_len = item->key_len,
                                        .payload = message->payload,
                                        .len = message->len,
                                        .outbox = outbox,
                                        .from = item,
                                        .traceparent = message->traceparent,
                                        .bare = message->bare,
                                        .truncated =
                                            item->kind == OUTBOX_DEAD_LETTER && message->truncated,
                                        .opaque = row };

    (void)snprintf(outbox, sizeof outbox, "%s:%lld", jobs_table_id(l->relay->jobs),
                   (long long)item->number);
    row->bytes = message->len + item->key_len;
    rd_kafka_resp_err_t code = producer_send(l->producer, &m);
    if (code) {
        l->rows_len--;
        return code;
    }
    message->payload = NULL; /* owned by the producer now */
    kafka_health_add(l->relay->health, BRIDGE_TRUNCATED, message->truncated);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static int encode_to_fit(struct lane *l, const struct outbox_item *item, size_t most,
                         struct encoded_message *message, struct err *e)
{
    if (most < ENCODE_MIN_BYTES)
        return err_set(e, ERR_INPUT, "larger than its topic takes, whatever is left out");
    return encode_item(l->relay->config, item, most, message, e);
}

/* Queries the broker for the topic's limit before anything is left out. */
static int encode_row(struct lane *l, const struct outbox_item *item,
                      struct encoded_message *message, struct err *e)
{
    size_t most = max_bytes_of(l);
    int result = encode_to_fit(l, item, most, message, e);
    bool fits = result < 0 ? e->kind != ERR_INPUT : !message->truncated && !message->bare;

    if (fits || !update_limit(l) || max_bytes_of(l) <= most)
        return result;
    encode_clear(message);
    return encode_to_fit(l, item, max_bytes_of(l), message, e);
}

/* On an error the transaction ends before this row. */
static rd_kafka_resp_err_t add_to_transaction(struct lane *l, const struct outbox_item *item)
{
    CLEANUP(encode_clear) struct encoded_message message = { 0 };
    struct err e;

    if (encode_row(l, item, &message, &e) < 0) {
        if (e.kind == ERR_NOMEM)
            return RD_KAFKA_RESP_ERR__QUEUE_FULL;
        drop_row(l, item, e.msg);
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_resp_err_t code = produce_message(l, item, &message);
    /* The overhead is larger than estimated. */
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        l->max_bytes = max_bytes_of(l) - max_bytes_of(l) / 8;
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

static enum producer_result
call_until_done(struct lane *l, enum producer_result (*call)(struct producer *p, int ms))
{
    enum producer_result result;

    do
        result = call(l->producer, CALL_MS);
    while (result == PRODUCER_WAITS && !relay_is_out_of_time(l));
    return result;
}

/* The first row whose delivery failed by itself, not because the transaction was aborted; NULL: see
 * producer_error(). */
static const struct relay_row *find_failed_row(const struct lane *l)
{
    for (size_t i = 0; i < l->rows_len; i++) {
        rd_kafka_resp_err_t code = l->rows[i].code;
        if (code && code != RD_KAFKA_RESP_ERR__PURGE_QUEUE &&
            code != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
            return &l->rows[i];
    }
    return NULL;
}

/* The broker's limit is for a batch, and a producer's limit of a batch is set when it is made. If
 * the broker does not return its limit, rows are sent one by one to find the one that is too large.
 */
static void handle_too_large(struct lane *l, const struct relay_row *row)
{
    if (!update_limit(l) && l->rows_len == 1)
        l->max_bytes = row->bytes / 2;
    if (l->max_bytes < BATCH_SIZE && l->max_bytes != l->batch_bytes)
        l->needs_smaller_batches = true;
    else if (l->rows_len > 1)
        l->alone_until = l->rows[l->rows_len - 1].number;
}

static void set_delivery_problem(struct lane *l, rd_kafka_resp_err_t code, const char *why)
{
    int64_t now = clock_mono_ns();

    relay_set_problem(l, code, rd_kafka_err2name(code));
    if (l->relay->stop || (l->failure_logged_ns != 0 && now - l->failure_logged_ns < LOG_NS))
        return;
    l->failure_logged_ns = now;
    log_warning("kafka_delivery_failed", log_s("topic", l->topic), log_s("why", why),
                log_s("means", "it stays in the outbox and is tried again"));
}

static enum lane_result abort_transaction(struct lane *l, enum producer_result result)
{
    const char *why;
    rd_kafka_resp_err_t code = producer_error(l->producer, &why);
    const struct relay_row *row = find_failed_row(l);
    char text[200];

    if (row && row->code != RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        code = row->code;
    (void)snprintf(text, sizeof text, "%s", why);
    kafka_health_add(l->relay->health, BRIDGE_RETRIED, (int64_t)l->rows_len);
    bool too_large = row && row->code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    if (too_large)
        handle_too_large(l, row);
    else
        set_delivery_problem(l, code, text);
    if (result == PRODUCER_FAILED && call_until_done(l, producer_abort) == PRODUCER_DONE) {
        if (l->needs_smaller_batches) {
            relay_discard_producer(l);
            l->needs_smaller_batches = false;
        }
        return too_large ? LANE_GOES_ON : LANE_FAILED;
    }
    relay_replace_producer(l, text);
    return LANE_FAILED;
}

/* ---- after the commit ---- */

/* Tries until the table deletes them, because they must not be sent again. False: out of time. */
static bool delete_sent_rows(struct lane *l)
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
        if (relay_is_out_of_time(l))
            return false;
    }
    return true;
}

static enum lane_result finish_transaction(struct lane *l, int64_t last)
{
    if (!delete_sent_rows(l)) {
        l->ready = false; /* relay_recover() finds them on the topic later */
        return LANE_FAILED;
    }
    for (size_t i = 0; i < l->rows_len; i++) {
        if (l->rows[i].sent)
            relay_add_watermark(l, &l->rows[i]);
        kafka_health_add(l->relay->health, BRIDGE_SENT, l->rows[i].sent);
    }
    l->rows_since_stored += l->rows_len;
    l->done_until = last;
    l->progress_ns = clock_mono_ns();
    if (l->alone_until <= l->done_until)
        l->alone_until = 0;
    relay_clear_problem(l);
    relay_store_watermarks(l);
    return LANE_GOES_ON;
}

static enum lane_result run_transaction(struct lane *l, const struct outbox_batch *batch)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    size_t i = 0;

    l->rows_len = 0;
    enum producer_result result = producer_begin(l->producer);
    if (result != PRODUCER_DONE)
        return abort_transaction(l, result);
    while (i < batch->len && (code = add_to_transaction(l, &batch->items[i])) == 0)
        i++;
    outbox_stamp(l->relay->jobs);
    result = code == RD_KAFKA_RESP_ERR__FATAL ? PRODUCER_DEAD : call_until_done(l, producer_commit);
    if (result == PRODUCER_DONE && find_failed_row(l))
        result = PRODUCER_DEAD; /* librdkafka committed it without some deliveries */
    if (result != PRODUCER_DONE)
        return abort_transaction(l, result);
    if (code && code != RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && l->rows_len == 0) {
        set_delivery_problem(l, code, rd_kafka_err2str(code));
        return LANE_FAILED;
    }
    return finish_transaction(l, i == batch->len ? batch->last
                                 : i > 0         ? batch->items[i - 1].number
                                                 : l->done_until);
}

enum lane_result relay_send(struct lane *l)
{
    struct outbox_batch batch = { 0 };
    enum lane_result result;

    if (read_lane_rows(l, &batch) < 0)
        return LANE_FAILED;
    if (batch.len == 0) {
        l->done_until = batch.last;
        l->more = batch.more;
        result = batch.more ? LANE_GOES_ON : LANE_EMPTY;
    } else {
        result = run_transaction(l, &batch);
    }
    outbox_batch_clear(&batch);
    return result;
}
