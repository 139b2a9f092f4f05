#include "bridge/consume/intake.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "bridge/consume/backlog.h"
#include "bridge/consume/intake_internal.h"
#include "bridge/kafka/bridge_config.h"
#include "bridge/kafka/bridge_health.h"
#include "bridge/kafka/kafka_health.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/store/jobs.h"

/* Enough that the table's writer never waits for messages, and little memory beside the queue. */
#define IN_FLIGHT_MESSAGES 4096
#define IN_FLIGHT_BYTES    ((size_t)(16 * MIB))
#define RETRY_NS           (200 * NS_PER_MS)
#define COUNTS_NS          (20 * NS_PER_MS) /* between two checks of a full table */
#define IDLE_NS            (5 * NS_PER_S) /* nothing runs, though enough is queued: prefetch more */

/* ---- on the table's writer thread ---- */

static void on_answer(struct jobs_op *op)
{
    struct message *m = op->ctx;
    struct intake *in = m->intake;

    (void)pthread_mutex_lock(&in->lock);
    message_queue_put(&in->done, m);
    if (++in->done_len == in->wanted)
        (void)pthread_cond_signal(&in->answered);
    (void)pthread_mutex_unlock(&in->lock);
}

/* ---- into the table ---- */

static void submit_message(struct intake *in, struct message *m)
{
    in->in_flight++;
    m->partition->in_flight++;
    m->op.done = on_answer;
    m->op.ctx = m;
    jobs_put(in->jobs, &m->op);
}

static void hold_message(struct intake *in, struct message *m, const char *why)
{
    if (!in->held.head)
        in->retry_ns = clock_mono_ns() + RETRY_NS;
    message_queue_put(&in->held, m);
    in->blocked = true;
    (void)snprintf(in->why, sizeof in->why, "%s", why);
}

/* Logged once for each type, because it may be our type misspelt. */
static void log_foreign_type(struct intake *in, const struct message *m)
{
    const char *why = m->envelope.reason; /* contains the type */

    for (size_t i = 0; i < in->foreign_len; i++) {
        if (strcmp(in->foreign[i], why) == 0)
            return;
    }
    if (in->foreign_len == FOREIGN_MAX)
        return;
    (void)snprintf(in->foreign[in->foreign_len++], ENVELOPE_REASON_SIZE, "%s", why);
    log_warning("kafka_foreign_type", log_s("topic", m->origin.topic),
                log_i("partition", m->origin.partition), log_i("offset", m->origin.offset),
                log_s("why", why), log_s("next", "messages of this type are skipped"));
}

static void count_message(struct intake *in, const struct message *m)
{
    const struct envelope *v = &m->envelope;

    kafka_health_add(in->health, BRIDGE_CONSUMED, 1);
    kafka_health_add(in->health, BRIDGE_IGNORED_FIELDS, (int64_t)v->ignored_fields);
    kafka_health_add(in->health, BRIDGE_TOMBSTONES, v->kind == ENVELOPE_TOMBSTONE);
    kafka_health_add(in->health, BRIDGE_FOREIGN_TYPES, v->kind == ENVELOPE_FOREIGN);
    kafka_health_add(in->health, BRIDGE_DONES, v->kind == ENVELOPE_DONE);
    if (v->kind == ENVELOPE_FOREIGN)
        log_foreign_type(in, m);
    if (v->kind == ENVELOPE_DONE)
        in->ended |= !in->config->ignore_done;
    else if (!message_is_skipped(m) && ++in->submissions == in->config->expected)
        in->ended = true;
}

static bool was_reported_elsewhere(struct intake *in, const struct message *m)
{
    if (!in->skip || !in->skip(in->skip_ctx, &m->origin))
        return false;
    kafka_health_add(in->health, BRIDGE_REPORTED_ELSEWHERE, 1);
    return true;
}

void intake_set_skip(struct intake *in, intake_skip_fn *fn, void *ctx)
{
    in->skip = fn;
    in->skip_ctx = ctx;
}

void intake_reached(struct intake *in, int32_t partition, int64_t end)
{
    struct partition *p = intake_find_partition(in, partition);

    if (p && !in->ended) /* messages after the end were not taken */
        offsets_reached(&p->offsets, end);
}

int intake_take(struct intake *in, rd_kafka_message_t *kafka)
{
    struct partition *p = intake_find_partition(in, kafka->partition);
    struct message *m;

    if (!p || in->ended) { /* revoked, or after the end: left for the next reader */
        rd_kafka_message_destroy(kafka);
        return 0;
    }
    m = message_open(kafka, in->config);
    if (!m)
        return -1;
    if (offsets_begin(&p->offsets, kafka->offset, &m->index) < 0) {
        m->kafka = NULL; /* stays the caller's */
        (void)message_free(m);
        return -1;
    }
    m->intake = in;
    m->partition = p;
    in->bytes += m->bytes;
    count_message(in, m);
    if (message_is_skipped(m) || was_reported_elsewhere(in, m)) {
        offsets_settle(&p->offsets, m->index, OFFSETS_NOTHING);
        intake_discard(in, m);
    } else {
        submit_message(in, m);
    }
    return 0;
}

/* ---- answers of the table ---- */

static int64_t awaited_row(const struct message *m)
{
    return m->op.kind == JOBS_ACCEPT && m->op.u.accept.seq > 0 ? m->op.u.accept.seq
                                                               : OFFSETS_DEAD_LETTER;
}

static void count_outcome(struct intake *in, const struct message *m)
{
    bool accepted = m->op.kind == JOBS_ACCEPT;
    bool replay = accepted ? m->op.u.accept.replay : m->op.u.refuse.replay;

    if (replay) {
        kafka_health_add(in->health, BRIDGE_REPLAYS, 1);
    } else if (!accepted) {
        kafka_health_add(in->health, BRIDGE_DEAD_LETTERS, 1);
        log_info("dead_letter", log_s("topic", m->origin.topic),
                 log_i("partition", m->origin.partition), log_i("offset", m->origin.offset),
                 log_s("reason", m->dead_letter.reason));
    } else if (m->op.u.accept.existing) {
        kafka_health_add(in->health, BRIDGE_REPEATED, 1);
    } else {
        kafka_health_add(in->health, BRIDGE_ACCEPTED, 1);
        backlog_add(in->backlog, m->op.u.accept.seq);
    }
}

static void settle_message(struct intake *in, struct message *m)
{
    offsets_settle(&m->partition->offsets, m->index, awaited_row(m));
    count_outcome(in, m);
    intake_discard(in, m);
}

/* Makes a dead letter, without a report, of a message that the table refused for its content. */
static void submit_dead_letter(struct intake *in, struct message *m, const char *why)
{
    kafka_health_add(in->health, BRIDGE_CONFLICTS, m->op.err.kind == ERR_CONFLICT);
    if (message_refuse(m, why) < 0)
        hold_message(in, m, "out of memory"); /* put again, it is refused and comes here again */
    else
        submit_message(in, m);
}

static void handle_answer(struct intake *in, struct message *m)
{
    const struct err e = m->op.err;

    in->in_flight--;
    m->partition->in_flight--;
    if (m->partition->revoked) {
        intake_discard(in, m);
        intake_free_revoked(in);
    } else if (m->op.result == 0) {
        settle_message(in, m);
    } else if (m->op.kind == JOBS_ACCEPT &&
               (e.kind == ERR_CONFLICT || e.kind == ERR_BUG || e.kind == ERR_INPUT)) {
        submit_dead_letter(in, m, e.msg);
    } else {
        if (e.kind != ERR_QUEUE_FULL && e.kind != ERR_DISK && e.kind != ERR_NOMEM)
            log_error("kafka_intake", log_s("kind", err_kind_name(e.kind)), log_s("error", e.msg));
        hold_message(in, m, e.msg);
    }
}

void intake_settle(struct intake *in, int64_t wait_ns)
{
    int64_t due = clock_mono_ns() + wait_ns;
    bool early = true;

    (void)pthread_mutex_lock(&in->lock);
    /* Waits for a quarter of them: the writer answers one by one, and to wake up for each would
     * cost both threads more than the message. */
    in->wanted = wait_ns > 0 && in->in_flight > 0 ? in->in_flight / 4 + 1 : 0;
    while (in->done_len < in->wanted && early)
        early = clock_cond_wait(&in->answered, &in->lock, due);
    in->wanted = 0;
    in->done_len = 0;
    struct message *m = message_queue_take_all(&in->done);
    (void)pthread_mutex_unlock(&in->lock);

    for (struct message *next; m; m = next) {
        next = m->next;
        handle_answer(in, m);
    }
}

/* ---- room ---- */

/* False: the table takes nothing now; in->why is set. It is full at MAX_QUEUED, and has room again
 * a tenth below that, so that the state does not change all the time. */
static bool has_room(struct intake *in, const struct jobs_counts *counts)
{
    int64_t most = in->config->max_queued, margin = in->blocked ? most / 10 + 1 : 0;

    if (!counts->writable) {
        (void)snprintf(in->why, sizeof in->why, "%s", counts->unwritable_why);
        return false;
    }
    if (counts->queued + (int64_t)in->in_flight < most - margin || counts->queued == 0)
        return true;
    (void)snprintf(in->why, sizeof in->why, "%lld submissions are waiting already",
                   (long long)counts->queued);
    return false;
}

/* Of ours: what others have queued over HTTP does not keep us from reading. A row that was not seen
 * to go is forgotten when for a while none has been queued. */
static int64_t count_waiting(struct intake *in, const struct jobs_counts *counts, int64_t now)
{
    if (counts->queued > 0)
        in->empty_since_ns = 0;
    else if (in->empty_since_ns == 0)
        in->empty_since_ns = now;
    else if (now - in->empty_since_ns >= IDLE_NS)
        backlog_clear(in->backlog);
    return backlog_len(in->backlog) + (int64_t)in->in_flight;
}

/* The queued submissions may be of languages that this host cannot judge now. While nothing runs
 * for IDLE_NS, more is prefetched, so that they do not block the rest of the topic. */
static bool has_enough(struct intake *in, const struct jobs_counts *counts, int64_t waiting,
                       int64_t now)
{
    int64_t step = in->config->prefetch;

    if (waiting < in->prefetch || counts->running > 0)
        in->idle_since_ns = 0;
    if (in->prefetch < step || waiting < step)
        in->prefetch = step;
    if (waiting < in->prefetch)
        return false;
    if (in->idle_since_ns == 0)
        in->idle_since_ns = now;
    if (counts->running == 0 && now - in->idle_since_ns >= IDLE_NS) {
        in->prefetch *= 2;
        in->idle_since_ns = 0;
    }
    return true;
}

enum intake_room intake_room(struct intake *in, size_t *ret_most, const char **ret_why)
{
    int64_t now = clock_mono_ns();
    struct jobs_counts counts;

    *ret_why = in->why;
    if (in->blocked && now < in->counts_ns)
        return INTAKE_BLOCKED;
    in->counts_ns = now + COUNTS_NS;
    jobs_counts(in->jobs, &counts);
    in->blocked = !has_room(in, &counts) || in->held.head;
    if (in->blocked)
        return INTAKE_BLOCKED;
    int64_t waiting = count_waiting(in, &counts, now);
    if (has_enough(in, &counts, waiting, now))
        return INTAKE_HAS_ENOUGH;
    *ret_most = (size_t)(in->prefetch - waiting);
    return INTAKE_TAKES;
}

void intake_retry(struct intake *in)
{
    struct jobs_counts counts;

    if (!in->held.head || clock_mono_ns() < in->retry_ns)
        return;
    in->retry_ns = clock_mono_ns() + RETRY_NS;
    jobs_counts(in->jobs, &counts);
    if (!has_room(in, &counts))
        return;
    for (struct message *m = message_queue_take_all(&in->held), *next; m; m = next) {
        next = m->next;
        submit_message(in, m);
    }
}

bool intake_is_full(const struct intake *in)
{
    return in->in_flight >= IN_FLIGHT_MESSAGES ||
           (in->bytes >= IN_FLIGHT_BYTES && in->in_flight > 0);
}

bool intake_has_ended(const struct intake *in) { return in->ended; }

bool intake_is_idle(const struct intake *in) { return in->in_flight == 0 && !in->held.head; }

/* ---- start and end ---- */

int intake_open(const struct bridge_config *c, struct jobs *jobs, struct kafka_health *health,
                struct intake **ret_intake, struct err *e)
{
    struct intake *in = calloc(1, sizeof *in);

    if (!in)
        return err_set(e, ERR_NOMEM, "Kafka intake");
    if (backlog_open(jobs, &in->backlog, e) < 0) {
        free(in);
        return -1;
    }
    in->config = c;
    in->jobs = jobs;
    in->health = health;
    message_queue_init(&in->held);
    message_queue_init(&in->done);
    clock_cond_init(&in->answered);
    (void)pthread_mutex_init(&in->lock, NULL);
    *ret_intake = in;
    return 0;
}

void intake_stop(struct intake *in) { backlog_stop(in->backlog); }

struct intake *intake_free(struct intake *in)
{
    if (!in)
        return NULL;
    intake_revoke(in, -1); /* so that a refused message is not put again */
    intake_settle(in, 0);
    in->backlog = backlog_free(in->backlog);
    free(in->partitions);
    (void)pthread_cond_destroy(&in->answered);
    (void)pthread_mutex_destroy(&in->lock);
    free(in);
    return NULL;
}
