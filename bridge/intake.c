#include "bridge/intake.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "bridge/bridge.h"
#include "bridge/message.h"
#include "bridge/offsets.h"
#include "bridge/tally.h"
#include "schema/buf.h"
#include "schema/clock.h"
#include "schema/err.h"
#include "schema/jobs.h"
#include "schema/log.h"
#include "schema/seqset.h"

/* Enough that the writer never waits for the next group, and little beside the queue itself. */
#define FLIGHT_OPS   4096
#define FLIGHT_BYTES ((size_t)(16 * MIB))
#define RETRY_NS     (200 * NS_PER_MS)
#define FOREIGN_MAX  16
#define COUNTS_NS    (20 * NS_PER_MS) /* how often the table is asked how full it is */

struct partition {
    int32_t number;
    struct offsets offsets;
    size_t in_flight;
    bool revoked; /* freed when nothing of it is in flight */
};

struct intake {
    const struct bridge_config *config; /* borrowed, as the next two */
    struct jobs *jobs;
    struct tally *tally;

    struct partition **partitions; /* owned */
    size_t partitions_len;
    size_t in_flight, bytes; /* bytes: of what is held, too */
    struct message_queue held;
    int64_t retry_ns, counts_ns, scripts;
    bool blocked, ended;
    char why[200];                                   /* it is blocked */
    char foreign[FOREIGN_MAX][ENVELOPE_REASON_SIZE]; /* types that were said to be skipped */
    size_t foreign_len;
    struct seqset unreported; /* jobs of ours that are not final; commit_reported only */

    /* the writer thread's own: what its last group made final */
    int64_t *last;
    size_t last_len, last_size;

    pthread_mutex_t lock;
    pthread_cond_t said;
    /* guarded by lock */
    struct message_queue done;
    struct buf finals; /* int64_t each */
    size_t done_len;
    size_t wanted; /* how many of them somebody waits for; 0: nobody */
};

/* ---- on the writer's thread ---- */

static void on_changes(void *ctx, const struct jobs_change *changes, size_t len)
{
    struct intake *in = ctx;

    in->last_len = 0;
    (void)pthread_mutex_lock(&in->lock);
    for (size_t i = 0; i < len; i++) {
        if (!job_state_is_final(changes[i].state))
            continue;
        /* Out of memory here only leaves an offset uncommitted: the message is read once more. */
        (void)!buf_add(&in->finals, &changes[i].seq, sizeof changes[i].seq);
        if (in->last_len < in->last_size)
            in->last[in->last_len++] = changes[i].seq;
    }
    (void)pthread_mutex_unlock(&in->lock);
}

/* A job may have been accepted and ended by one commit, which tells the end first. */
static bool just_ended(const struct intake *in, int64_t seq)
{
    for (size_t i = 0; i < in->last_len; i++) {
        if (in->last[i] == seq)
            return true;
    }
    return false;
}

static void on_done(struct jobs_op *op)
{
    struct message *m = op->ctx;
    struct intake *in = m->intake;

    m->final = op->kind == JOBS_ACCEPT &&
               (job_state_is_final(op->u.accept.state) || just_ended(in, op->u.accept.seq));
    (void)pthread_mutex_lock(&in->lock);
    message_put(&in->done, m);
    if (++in->done_len == in->wanted)
        (void)pthread_cond_signal(&in->said);
    (void)pthread_mutex_unlock(&in->lock);
}

/* ---- partitions ---- */

static struct partition *find_partition(const struct intake *in, int32_t number)
{
    for (size_t i = 0; i < in->partitions_len; i++) {
        if (in->partitions[i]->number == number && !in->partitions[i]->revoked)
            return in->partitions[i];
    }
    return NULL;
}

int intake_assign(struct intake *in, int32_t number)
{
    if (find_partition(in, number))
        return 0;
    struct partition **more =
        reallocarray(in->partitions, in->partitions_len + 1, sizeof(struct partition *));
    if (!more)
        return -1;
    in->partitions = more;
    struct partition *p = calloc(1, sizeof *p);
    if (!p)
        return -1;
    p->number = number;
    more[in->partitions_len++] = p;
    return 0;
}

static void sweep_partitions(struct intake *in)
{
    size_t kept = 0;

    for (size_t i = 0; i < in->partitions_len; i++) {
        struct partition *p = in->partitions[i];
        if (p->revoked && p->in_flight == 0) {
            offsets_clear(&p->offsets);
            free(p);
        } else {
            in->partitions[kept++] = p;
        }
    }
    in->partitions_len = kept;
}

static void drop(struct intake *in, struct message *m)
{
    in->bytes -= m->bytes;
    (void)message_free(m);
}

void intake_revoke(struct intake *in, int32_t number)
{
    for (size_t i = 0; i < in->partitions_len; i++)
        in->partitions[i]->revoked |= number < 0 || in->partitions[i]->number == number;
    for (struct message *m = message_take_all(&in->held), *next; m; m = next) {
        next = m->next;
        if (m->partition->revoked)
            drop(in, m);
        else
            message_put(&in->held, m);
    }
    sweep_partitions(in);
}

size_t intake_in_flight(const struct intake *in, int32_t number)
{
    const struct partition *p = number < 0 ? NULL : find_partition(in, number);

    if (number < 0)
        return in->in_flight;
    return p ? p->in_flight : 0;
}

/* ---- into the table ---- */

static void put(struct intake *in, struct message *m)
{
    in->in_flight++;
    m->partition->in_flight++;
    m->op.done = on_done;
    m->op.ctx = m;
    jobs_put(in->jobs, &m->op);
}

static void hold(struct intake *in, struct message *m, const char *why)
{
    if (!in->held.head)
        in->retry_ns = clock_mono_ns() + RETRY_NS;
    message_put(&in->held, m);
    in->blocked = true;
    (void)snprintf(in->why, sizeof in->why, "%s", why);
}

/* Said once for each type: a producer that names ours wrongly would find nothing judged. */
static void note_foreign(struct intake *in, const struct message *m)
{
    const char *why = m->envelope.reason; /* names the type */

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

static void count(struct intake *in, const struct message *m)
{
    const struct envelope *v = &m->envelope;

    tally_add(in->tally, BRIDGE_CONSUMED, 1);
    tally_add(in->tally, BRIDGE_IGNORED_FIELDS, (int64_t)v->ignored_fields);
    tally_add(in->tally, BRIDGE_TOMBSTONES, v->kind == ENVELOPE_TOMBSTONE);
    tally_add(in->tally, BRIDGE_FOREIGN_TYPES, v->kind == ENVELOPE_FOREIGN);
    tally_add(in->tally, BRIDGE_DONES, v->kind == ENVELOPE_DONE);
    if (v->kind == ENVELOPE_FOREIGN)
        note_foreign(in, m);
    if (v->kind == ENVELOPE_DONE)
        in->ended |= !in->config->ignore_done;
    else if (!message_is_skipped(m) && ++in->scripts == in->config->expected)
        in->ended = true;
}

int intake_take(struct intake *in, rd_kafka_message_t *kafka)
{
    struct partition *p = find_partition(in, kafka->partition);
    struct message *m;

    if (!p || in->ended) { /* not ours any more, or behind the end: whoever is next reads it */
        rd_kafka_message_destroy(kafka);
        return 0;
    }
    m = message_open(kafka, in->config);
    if (!m)
        return -1;
    if (offsets_begin(&p->offsets, kafka->offset, &m->ticket) < 0) {
        m->kafka = NULL; /* the caller keeps it */
        (void)message_free(m);
        return -1;
    }
    m->intake = in;
    m->partition = p;
    in->bytes += m->bytes;
    count(in, m);
    if (message_is_skipped(m)) {
        offsets_settle(&p->offsets, m->ticket, -1);
        drop(in, m);
    } else {
        put(in, m);
    }
    return 0;
}

/* ---- what the table said ---- */

/* The offset waits for the report as well: not for one that cannot be noted. */
static int64_t await_report(struct intake *in, const struct message *m)
{
    int64_t seq = m->op.u.accept.seq;

    if (!in->config->commit_reported || m->op.kind != JOBS_ACCEPT || m->final || seq <= 0 ||
        seqset_reserve(&in->unreported, seq) < 0)
        return -1;
    seqset_add(&in->unreported, seq);
    return seq;
}

static void count_outcome(struct intake *in, const struct message *m)
{
    bool accepted = m->op.kind == JOBS_ACCEPT;
    bool replay = accepted ? m->op.u.accept.replay : m->op.u.refuse.replay;

    if (replay) {
        tally_add(in->tally, BRIDGE_REPLAYS, 1);
    } else if (!accepted) {
        tally_add(in->tally, BRIDGE_DEAD_LETTERS, 1);
        log_info("dead_letter", log_s("topic", m->origin.topic),
                 log_i("partition", m->origin.partition), log_i("offset", m->origin.offset),
                 log_s("reason", m->letter.reason));
    } else {
        tally_add(in->tally, m->op.u.accept.existing ? BRIDGE_REPEATED : BRIDGE_ACCEPTED, 1);
    }
}

static void settle(struct intake *in, struct message *m)
{
    offsets_settle(&m->partition->offsets, m->ticket, await_report(in, m));
    count_outcome(in, m);
    drop(in, m);
}

/* What the table does not take for its own sake: to the dead letters, without a report. */
static void refuse(struct intake *in, struct message *m, const char *why)
{
    tally_add(in->tally, BRIDGE_CONFLICTS, m->op.err.kind == ERR_CONFLICT);
    if (message_refuse(m, why) < 0)
        hold(in, m, "out of memory"); /* asked again, the table says the same again */
    else
        put(in, m);
}

static void hear(struct intake *in, struct message *m)
{
    const struct err e = m->op.err;

    in->in_flight--;
    m->partition->in_flight--;
    if (m->partition->revoked) {
        drop(in, m);
        sweep_partitions(in);
    } else if (m->op.result == 0) {
        settle(in, m);
    } else if (m->op.kind == JOBS_ACCEPT &&
               (e.kind == ERR_CONFLICT || e.kind == ERR_BUG || e.kind == ERR_INPUT)) {
        refuse(in, m, e.msg);
    } else {
        if (e.kind != ERR_QUEUE_FULL && e.kind != ERR_DISK && e.kind != ERR_NOMEM)
            log_error("kafka_intake", log_s("kind", err_kind_name(e.kind)), log_s("error", e.msg));
        hold(in, m, e.msg);
    }
}

void intake_settle(struct intake *in, int64_t wait_ns)
{
    int64_t due = clock_mono_ns() + wait_ns;
    CLEANUP(buf_clear) struct buf finals = { 0 };
    bool early = true;

    (void)pthread_mutex_lock(&in->lock);
    /* A quarter, and not the first: the writer tells one after the other, and waking for each
     * would cost both more than the message. */
    in->wanted = wait_ns > 0 && in->in_flight > 0 ? in->in_flight / 4 + 1 : 0;
    while (in->done_len < in->wanted && early)
        early = clock_cond_wait(&in->said, &in->lock, due);
    in->wanted = 0;
    in->done_len = 0;
    struct message *m = message_take_all(&in->done);
    finals = in->finals;
    in->finals = (struct buf){ 0 };
    (void)pthread_mutex_unlock(&in->lock);

    for (struct message *next; m; m = next) {
        next = m->next;
        hear(in, m);
    }
    for (size_t i = 0; i + sizeof(int64_t) <= finals.len; i += sizeof(int64_t)) {
        int64_t seq;
        memcpy(&seq, finals.data + i, sizeof seq);
        seqset_remove(&in->unreported, seq);
    }
    seqset_trim(&in->unreported);
}

/* ---- room ---- */

/* Blocked at MAX_QUEUED, free again a tenth below it, so that it does not flutter. */
static bool has_room(struct intake *in)
{
    int64_t most = in->config->max_queued, margin = in->blocked ? most / 10 + 1 : 0;
    struct jobs_counts counts;

    jobs_counts(in->jobs, &counts);
    if (!counts.writable) {
        (void)snprintf(in->why, sizeof in->why, "%s", counts.unwritable_why);
        return false;
    }
    if (counts.queued + (int64_t)in->in_flight < most - margin || counts.queued == 0)
        return true;
    (void)snprintf(in->why, sizeof in->why, "%lld submissions are waiting already",
                   (long long)counts.queued);
    return false;
}

bool intake_is_blocked(struct intake *in, const char **ret_why)
{
    int64_t now = clock_mono_ns();

    if (now >= in->counts_ns) {
        in->counts_ns = now + COUNTS_NS;
        in->blocked = !has_room(in) || in->held.head;
    }
    *ret_why = in->why;
    return in->blocked;
}

void intake_retry(struct intake *in)
{
    if (!in->held.head || clock_mono_ns() < in->retry_ns)
        return;
    in->retry_ns = clock_mono_ns() + RETRY_NS;
    if (!has_room(in))
        return;
    for (struct message *m = message_take_all(&in->held), *next; m; m = next) {
        next = m->next;
        put(in, m);
    }
}

bool intake_is_full(const struct intake *in)
{
    return in->in_flight >= FLIGHT_OPS || (in->bytes >= FLIGHT_BYTES && in->in_flight > 0);
}

bool intake_has_ended(const struct intake *in) { return in->ended; }

bool intake_is_idle(const struct intake *in) { return in->in_flight == 0 && !in->held.head; }

void intake_offsets(struct intake *in, const char *topic, rd_kafka_topic_partition_list_t *list)
{
    const struct seqset *unreported = in->config->commit_reported ? &in->unreported : NULL;
    int64_t next;

    for (size_t i = 0; i < in->partitions_len; i++) {
        struct partition *p = in->partitions[i];
        if (!p->revoked && offsets_ready(&p->offsets, unreported, &next))
            rd_kafka_topic_partition_list_add(list, topic, p->number)->offset = next;
    }
}

/* ---- life ---- */

int intake_open(const struct bridge_config *c, struct jobs *jobs, struct tally *tally,
                struct intake **ret_intake, struct err *e)
{
    struct intake *in = calloc(1, sizeof *in);

    if (!in)
        return err_set(e, ERR_NOMEM, "Kafka intake");
    in->config = c;
    in->jobs = jobs;
    in->tally = tally;
    message_queue_init(&in->held);
    message_queue_init(&in->done);
    clock_cond_init(&in->said);
    (void)pthread_mutex_init(&in->lock, NULL);
    if (c->commit_reported) {
        in->last_size = 1024; /* of one commit; more than that are asked for by nobody */
        in->last = calloc(in->last_size, sizeof *in->last);
        if (!in->last) {
            (void)intake_free(in);
            return err_set(e, ERR_NOMEM, "Kafka intake");
        }
        jobs_listen(jobs, on_changes, in);
    }
    *ret_intake = in;
    return 0;
}

struct intake *intake_free(struct intake *in)
{
    if (!in)
        return NULL;
    intake_revoke(in, -1); /* so that nothing is put into the table again */
    intake_settle(in, 0);
    free(in->partitions);
    seqset_clear(&in->unreported);
    buf_clear(&in->finals);
    free(in->last);
    (void)pthread_cond_destroy(&in->said);
    (void)pthread_mutex_destroy(&in->lock);
    free(in);
    return NULL;
}
