#include <stdlib.h>

#include "bridge/bridge.h"
#include "bridge/drain_internal.h"
#include "bridge/scan.h"
#include "bridge/tally.h"
#include "schema/clock.h"
#include "schema/err.h"
#include "schema/jobs.h"
#include "schema/log.h"
#include "schema/outbox.h"

#define BATCH_ROWS     1000
#define SINCE_SLACK_MS ((int64_t)60 * 60 * 1000)
#define UNTIL_SLACK_MS ((int64_t)10 * 60 * 1000)
#define MARKS_ROWS     2000           /* watermarks are stored after so many rows */
#define MARKS_NS       (5 * NS_PER_S) /* or so long */

/* ---- watermarks ---- */

void drain_mark(struct drain *d, const struct flight *x)
{
    size_t i = 0;

    while (i < d->marks_len &&
           (d->marks[i].topic != x->topic || d->marks[i].partition != x->partition))
        i++;
    if (i == d->marks_len) {
        struct drain_mark *more = reallocarray(d->marks, i + 1, sizeof *more);
        if (!more)
            return; /* an older one makes the next look longer, no more */
        d->marks = more;
        more[d->marks_len++] = (struct drain_mark){ .topic = x->topic, .partition = x->partition };
    }
    if (x->offset + 1 > d->marks[i].offset) {
        d->marks[i].offset = x->offset + 1;
        d->marks[i].dirty = true;
    }
}

static size_t dirty_marks(const struct drain *d, struct outbox_watermark *out)
{
    size_t n = 0;

    for (size_t i = 0; i < d->marks_len; i++) {
        if (d->marks[i].dirty)
            out[n++] =
                (struct outbox_watermark){ .topic = (char *)(uintptr_t)d->topics[d->marks[i].topic],
                                           .partition = d->marks[i].partition,
                                           .offset = d->marks[i].offset };
    }
    return n;
}

/* Messages of one partition arrive in the order of sending, so below what has been acknowledged
 * nothing of ours is left open. */
void drain_store_marks(struct drain *d)
{
    struct jobs_op op = { .kind = JOBS_WATERMARKS };
    int64_t now = clock_mono_ns();

    if (d->unmarked == 0 || (!d->stop && d->unmarked < MARKS_ROWS && now - d->marks_ns < MARKS_NS))
        return;
    CLEANUP(freep) struct outbox_watermark *list = calloc(d->marks_len + 1, sizeof *list);
    if (!list)
        return;
    op.u.watermarks.marks = list;
    op.u.watermarks.len = dirty_marks(d, list);
    if (op.u.watermarks.len > 0 && jobs_do(d->jobs, &op, NULL) < 0)
        return; /* later, with the next */
    for (size_t i = 0; i < d->marks_len; i++)
        d->marks[i].dirty = false;
    d->unmarked = 0;
    d->marks_ns = now;
}

/* ---- looking ---- */

static int clear_found(struct drain *d, const struct scan_found *f, struct err *e)
{
    for (size_t i = 0; i < f->numbers_len; i += BATCH_ROWS) {
        size_t n = f->numbers_len - i < BATCH_ROWS ? f->numbers_len - i : BATCH_ROWS;
        struct jobs_op op = { .kind = JOBS_SENT };
        op.u.sent.numbers = f->numbers + i;
        op.u.sent.len = n;
        if (jobs_do(d->jobs, &op, e) < 0)
            return -1;
    }
    struct jobs_op op = { .kind = JOBS_WATERMARKS };
    op.u.watermarks.marks = f->ends;
    op.u.watermarks.len = f->ends_len;
    return jobs_do(d->jobs, &op, e);
}

/* No message of a row that waits is older than the oldest row, nor younger than the last time at
 * which one was sent; by the clocks of two hosts, where the broker sets the times. */
static void bound(const struct drain *d, struct scan *s)
{
    int64_t rows = 0, oldest_ms = 0, sent_ms = d->looked ? 0 : outbox_stamped_ms(d->jobs);

    outbox_counts(d->jobs, &rows, &oldest_ms);
    s->since_ms = oldest_ms > SINCE_SLACK_MS ? oldest_ms - SINCE_SLACK_MS : 0;
    s->until_ms = sent_ms > 0 ? sent_ms + UNTIL_SLACK_MS : 0;
}

static int64_t rows_in_outbox(const struct drain *d)
{
    int64_t rows = 0, oldest = 0;

    outbox_counts(d->jobs, &rows, &oldest);
    return rows;
}

static int look(struct drain *d, const struct outbox_watermark *marks, size_t len, struct err *e)
{
    struct scan s = { .topics = { d->topics[0], d->topics[1] },
                      .table_id = jobs_table_id(d->jobs),
                      .from = marks,
                      .from_len = len,
                      .only_ends = rows_in_outbox(d) == 0,
                      .stop = &d->stop };
    struct scan_found found = { 0 };
    int64_t before = rows_in_outbox(d);

    bound(d, &s);
    if (scan_run(d->config, &s, &found, e) < 0)
        return -1;
    int result = clear_found(d, &found, e);
    int64_t gone = found.numbers_len > 0 ? before - rows_in_outbox(d) : 0;
    if (result == 0 && !s.only_ends) {
        gone = gone > 0 ? gone : 0; /* others may have come meanwhile */
        tally_add(d->tally, BRIDGE_ALREADY_SENT, gone);
        log_info("kafka_looked", log_i("waiting", before), log_i("messages_read", found.messages),
                 log_i("already_sent", gone));
    }
    scan_found_clear(&found);
    return result;
}

int drain_look(struct drain *d)
{
    struct outbox_watermark *marks = NULL;
    size_t len = 0;
    struct err e = { 0 };

    int result = outbox_watermarks(d->jobs, &marks, &len, &e);
    if (result == 0)
        result = look(d, marks, len, &e);
    for (size_t i = 0; i < len; i++)
        free(marks[i].topic);
    free(marks);
    if (result < 0 && (e.kind == ERR_UNAVAILABLE || e.kind == ERR_CANCELLED))
        log_debug("kafka_look", log_s("error", e.msg)); /* that it is away is said already */
    else if (result < 0)
        log_warning("kafka_look", log_s("kind", err_kind_name(e.kind)), log_s("error", e.msg));
    if (result < 0)
        return -1;
    d->must_look = false;
    d->looked = true;
    d->marks_len = 0;
    d->unmarked = 0;
    d->after = 0;
    d->again_from = INT64_MAX;
    d->more = true;
    return 0;
}
