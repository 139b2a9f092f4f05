#include "schema/store/jobs_inbox.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/log.h"
#include "schema/store/jobs_table.h"
#include "schema/store/outbox.h"

void jobs_inbox_forget(struct jobs *j)
{
    for (size_t i = 0; i < j->streams_len; i++)
        free(j->streams[i].topic);
    free(j->streams);
    j->streams = NULL;
    j->streams_len = j->stream_last = 0;
}

/* ---- streams: a topic's partition has a number ---- */

static bool is_stream(const struct jobs_stream *s, const struct outbox_origin *o)
{
    return s->partition == o->partition && strcmp(s->topic, o->topic) == 0;
}

/* Messages come in runs from one partition. */
static struct jobs_stream *known_stream(struct jobs *j, const struct outbox_origin *o)
{
    if (j->stream_last < j->streams_len && is_stream(&j->streams[j->stream_last], o))
        return &j->streams[j->stream_last];
    for (size_t i = 0; i < j->streams_len; i++) {
        if (is_stream(&j->streams[i], o)) {
            j->stream_last = i;
            return &j->streams[i];
        }
    }
    return NULL;
}

/* NULL with *e filled. */
static struct jobs_stream *remember_stream(struct jobs *j, const struct outbox_origin *o,
                                           int64_t number, int64_t next, struct err *e)
{
    struct jobs_stream *grown = reallocarray(j->streams, j->streams_len + 1, sizeof *grown);
    char *topic = grown ? strdup(o->topic) : NULL;

    if (grown)
        j->streams = grown;
    if (!topic) {
        (void)err_set(e, ERR_NOMEM, "partitions");
        return NULL;
    }
    j->stream_last = j->streams_len++;
    grown[j->stream_last] = (struct jobs_stream){
        .topic = topic, .partition = o->partition, .number = number, .next = next
    };
    return &grown[j->stream_last];
}

/* Borrowed until the next call; *ret_stream NULL: nothing was ever taken from it. */
static int find_stream(struct jobs *j, const struct outbox_origin *o,
                       struct jobs_stream **ret_stream, struct err *e)
{
    JOBS_SQL(select) = "SELECT number, (SELECT max(offset) FROM intake WHERE stream = number)"
                       " FROM stream WHERE topic = ?1 AND partition = ?2";

    *ret_stream = known_stream(j, o);
    if (*ret_stream)
        return 0;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, o->topic);
    db_bind_int(q, 2, o->partition);
    int n = db_step(q, e);
    if (n <= 0)
        return n;
    *ret_stream = remember_stream(j, o, db_int(q, 0), db_is_null(q, 1) ? 0 : db_int(q, 1) + 1, e);
    return *ret_stream ? 0 : -1;
}

static int need_stream(struct jobs *j, const struct outbox_origin *o,
                       struct jobs_stream **ret_stream, struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO stream(topic, partition) VALUES(?1, ?2)";

    if (find_stream(j, o, ret_stream, e) < 0)
        return -1;
    if (*ret_stream)
        return 0;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, insert, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, o->topic);
    db_bind_int(q, 2, o->partition);
    if (db_run(q, e) < 0)
        return -1;
    *ret_stream = remember_stream(j, o, db_last_seq(j->db), 0, e);
    return *ret_stream ? 0 : -1;
}

/* The topic was deleted and made again. What was read of it stays known, under a name of the past.
 */
static int retire_stream(struct jobs *j, const struct outbox_origin *o, struct err *e)
{
    JOBS_SQL(update) = "UPDATE stream SET topic = topic || '#' || number WHERE number = ?1";
    struct jobs_stream *stream = known_stream(j, o);
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, stream->number);
    if (db_run(q, e) < 0)
        return -1;
    log_warning("topic_made_anew", log_s("topic", o->topic), log_i("partition", o->partition),
                log_i("offset", o->offset), log_s("next", "its messages count as new ones"));
    free(stream->topic);
    *stream = j->streams[--j->streams_len];
    return 0;
}

/* ---- messages ---- */

static bool known_and_other(struct db_stmt *q, int column, bool known, int64_t value)
{
    return known && !db_is_null(q, column) && db_int(q, column) != value;
}

/* Another message at the same place. */
static bool differs(struct db_stmt *q, const struct outbox_origin *o)
{
    return known_and_other(q, 1, o->sent_ms >= 0, o->sent_ms) ||
           known_and_other(q, 2, o->digest != 0, o->digest);
}

int jobs_inbox_find(struct jobs *j, const struct outbox_origin *o, int64_t *ret_seq, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq, sent_ms, digest FROM intake WHERE stream = ?1 AND offset = ?2";
    struct jobs_stream *stream;

    if (find_stream(j, o, &stream, e) < 0)
        return -1;
    if (!stream || o->offset >= stream->next)
        return 0;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, stream->number);
    db_bind_int(q, 2, o->offset);
    int n = db_step(q, e);
    if (n <= 0)
        return n;
    if (differs(q, o))
        return retire_stream(j, o, e);
    *ret_seq = db_int(q, 0);
    return 1;
}

static void bind_known(struct db_stmt *q, int n, bool known, int64_t value)
{
    if (known)
        db_bind_int(q, n, value);
    else
        db_bind_null(q, n);
}

int jobs_inbox_known(struct jobs *j, const struct outbox_origin *o, int64_t *ret_number,
                     struct err *e)
{
    struct jobs_stream *stream;

    if (find_stream(j, o, &stream, e) < 0)
        return -1;
    if (stream)
        *ret_number = stream->number;
    return stream ? 1 : 0;
}

int jobs_inbox_stream(struct jobs *j, const struct outbox_origin *o, int64_t *ret_number,
                      struct err *e)
{
    struct jobs_stream *stream;

    if (need_stream(j, o, &stream, e) < 0)
        return -1;
    *ret_number = stream->number;
    return 0;
}

int jobs_inbox_put(struct jobs *j, const struct outbox_origin *o, int64_t seq, struct err *e)
{
    JOBS_SQL(insert) = "INSERT OR REPLACE INTO intake(stream, offset, seq, sent_ms, digest) "
                       "VALUES(?1, ?2, ?3, ?4, ?5)";
    struct jobs_stream *stream;

    if (need_stream(j, o, &stream, e) < 0)
        return -1;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, insert, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, stream->number);
    db_bind_int(q, 2, o->offset);
    bind_known(q, 3, seq > 0, seq);
    bind_known(q, 4, o->sent_ms >= 0, o->sent_ms);
    bind_known(q, 5, o->digest != 0, o->digest);
    if (db_run(q, e) < 0)
        return -1;
    if (o->offset >= stream->next)
        stream->next = o->offset + 1;
    return 0;
}
