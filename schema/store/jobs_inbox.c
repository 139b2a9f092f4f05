#include "schema/store/jobs_inbox.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/log.h"
#include "schema/store/jobs_table.h"
#include "schema/store/outbox.h"

void jobs_inbox_drop_cache(struct jobs *j)
{
    for (size_t i = 0; i < j->source_partitions_len; i++)
        free(j->source_partitions[i].topic);
    free(j->source_partitions);
    j->source_partitions = NULL;
    j->source_partitions_len = j->last_source_partition = 0;
}

/* ---- partitions: each has a number, that of its row in table stream ---- */

static bool is_source(const struct jobs_source_partition *s, const struct outbox_origin *o)
{
    return s->partition == o->partition && strcmp(s->topic, o->topic) == 0;
}

/* Tries the last one first: many messages in a row come from one partition. */
static struct jobs_source_partition *find_cached_partition(struct jobs *j,
                                                           const struct outbox_origin *o)
{
    if (j->last_source_partition < j->source_partitions_len &&
        is_source(&j->source_partitions[j->last_source_partition], o))
        return &j->source_partitions[j->last_source_partition];
    for (size_t i = 0; i < j->source_partitions_len; i++) {
        if (is_source(&j->source_partitions[i], o)) {
            j->last_source_partition = i;
            return &j->source_partitions[i];
        }
    }
    return NULL;
}

/* NULL with *e filled. */
static struct jobs_source_partition *cache_partition(struct jobs *j, const struct outbox_origin *o,
                                                     int64_t number, int64_t next, struct err *e)
{
    struct jobs_source_partition *grown =
        reallocarray(j->source_partitions, j->source_partitions_len + 1, sizeof *grown);
    char *topic = grown ? strdup(o->topic) : NULL;

    if (grown)
        j->source_partitions = grown;
    if (!topic) {
        (void)err_set(e, ERR_NOMEM, "partitions");
        return NULL;
    }
    j->last_source_partition = j->source_partitions_len++;
    grown[j->last_source_partition] = (struct jobs_source_partition){
        .topic = topic, .partition = o->partition, .number = number, .next = next
    };
    return &grown[j->last_source_partition];
}

/* Borrowed until the next call. *ret_partition NULL: nothing was read from it yet. */
static int find_partition(struct jobs *j, const struct outbox_origin *o,
                          struct jobs_source_partition **ret_partition, struct err *e)
{
    JOBS_SQL(select) = "SELECT number, (SELECT max(offset) FROM intake WHERE stream = number)"
                       " FROM stream WHERE topic = ?1 AND partition = ?2";

    *ret_partition = find_cached_partition(j, o);
    if (*ret_partition)
        return 0;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, o->topic);
    db_bind_int(q, 2, o->partition);
    int n = db_step(q, e);
    if (n <= 0)
        return n;
    *ret_partition =
        cache_partition(j, o, db_int(q, 0), db_is_null(q, 1) ? 0 : db_int(q, 1) + 1, e);
    return *ret_partition ? 0 : -1;
}

static int ensure_partition(struct jobs *j, const struct outbox_origin *o,
                            struct jobs_source_partition **ret_partition, struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO stream(topic, partition) VALUES(?1, ?2)"
                       " /*pg ON CONFLICT(topic, partition) DO UPDATE SET topic = excluded.topic"
                       " RETURNING number */";
    int64_t number;

    if (find_partition(j, o, ret_partition, e) < 0)
        return -1;
    if (*ret_partition)
        return 0;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, insert, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, o->topic);
    db_bind_int(q, 2, o->partition);
    if (db_insert(q, &number, e) < 0)
        return -1;
    *ret_partition = cache_partition(j, o, number, 0, e);
    return *ret_partition ? 0 : -1;
}

/* The topic was deleted and created again. The messages of the old one stay known under a name that
 * no topic can have. */
static int retire_partition(struct jobs *j, const struct outbox_origin *o, struct err *e)
{
    JOBS_SQL(update) = "UPDATE stream SET topic = topic || '#' || number WHERE number = ?1";
    struct jobs_source_partition *partition = find_cached_partition(j, o);
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, partition->number);
    if (db_run(q, e) < 0)
        return -1;
    log_warning("topic_made_anew", log_s("topic", o->topic), log_i("partition", o->partition),
                log_i("offset", o->offset), log_s("next", "its messages count as new ones"));
    free(partition->topic);
    *partition = j->source_partitions[--j->source_partitions_len];
    return 0;
}

/* ---- messages ---- */

static bool is_other_value(struct db_stmt *q, int column, bool known, int64_t value)
{
    return known && !db_is_null(q, column) && db_int(q, column) != value;
}

/* Whether this is another message than the one that was read at this offset. */
static bool is_other_message(struct db_stmt *q, const struct outbox_origin *o)
{
    return is_other_value(q, 1, o->sent_ms >= 0, o->sent_ms) ||
           is_other_value(q, 2, o->digest != 0, o->digest);
}

int jobs_inbox_find(struct jobs *j, const struct outbox_origin *o, int64_t *ret_seq, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq, sent_ms, digest FROM intake WHERE stream = ?1 AND offset = ?2";
    struct jobs_source_partition *partition;

    if (find_partition(j, o, &partition, e) < 0)
        return -1;
    if (!partition || (!j->backend->shared && o->offset >= partition->next))
        return 0;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, partition->number);
    db_bind_int(q, 2, o->offset);
    int n = db_step(q, e);
    if (n <= 0)
        return n;
    if (is_other_message(q, o))
        return retire_partition(j, o, e);
    *ret_seq = db_int(q, 0);
    return 1;
}

static void bind_optional(struct db_stmt *q, int n, bool known, int64_t value)
{
    if (known)
        db_bind_int(q, n, value);
    else
        db_bind_null(q, n);
}

int jobs_inbox_find_partition(struct jobs *j, const struct outbox_origin *o, int64_t *ret_number,
                              struct err *e)
{
    struct jobs_source_partition *partition;

    if (find_partition(j, o, &partition, e) < 0)
        return -1;
    if (partition)
        *ret_number = partition->number;
    return partition ? 1 : 0;
}

int jobs_inbox_ensure_partition(struct jobs *j, const struct outbox_origin *o, int64_t *ret_number,
                                struct err *e)
{
    struct jobs_source_partition *partition;

    if (ensure_partition(j, o, &partition, e) < 0)
        return -1;
    *ret_number = partition->number;
    return 0;
}

int jobs_inbox_add(struct jobs *j, const struct outbox_origin *o, int64_t seq, struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO intake(stream, offset, seq, sent_ms, digest)"
                       " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(stream, offset) DO UPDATE SET"
                       " seq = excluded.seq, sent_ms = excluded.sent_ms, digest = excluded.digest";
    struct jobs_source_partition *partition;

    if (ensure_partition(j, o, &partition, e) < 0)
        return -1;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, insert, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, partition->number);
    db_bind_int(q, 2, o->offset);
    bind_optional(q, 3, seq > 0, seq);
    bind_optional(q, 4, o->sent_ms >= 0, o->sent_ms);
    bind_optional(q, 5, o->digest != 0, o->digest);
    if (db_run(q, e) < 0)
        return -1;
    if (o->offset >= partition->next)
        partition->next = o->offset + 1;
    return 0;
}
