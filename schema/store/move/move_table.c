#include "schema/store/move/move_table.h"

#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"

const struct move_table move_table_all[MOVE_TABLES] = {
    { "stream", "number, topic, partition", "iti", 1, NULL, "partitions" },
    { "job",
      "seq, rank, id, hash, state, language, submitted_ms, tests_total, attempts, restarts, "
      "host_faults,"
      " expired, instance, claim, claimed_ms, publish, told_id, owner, origin_stream,"
      " origin_offset, finished_ms, verdict, tests_passed, duration_ms, cpu_time_ms, memory_bytes,"
      " error, labels",
      "iitbitiiiiiitiiittiiitiiiitt", 1, NULL, "submissions" },
    { "job_label", "label, submitted, job_seq", "tii", 3, NULL, "labels" },
    { "body", "seq, json", "ij", 1, "octet_length(json)", "programs" },
    { "text", "number, hash, body", "ibb", 1, "octet_length(body)", "texts" },
    { "text_use", "seq, text", "ii", 2, NULL, "uses of texts" },
    { "report", "seq, json", "ij", 1, "octet_length(json)", "reports" },
    { "intake", "stream, \"offset\", seq, sent_ms, digest", "iiiii", 2, NULL, "messages read" },
    { "message_headers", "seq, headers", "ib", 1, "octet_length(headers)", "headers" },
    { "outbox",
      "number, kind, seq, key, payload, reason, topic, partition, \"offset\", sent_ms, headers,"
      " digest, created_ms",
      "iiibbttiiibii", 1,
      "coalesce(octet_length(payload), 0) + coalesce(octet_length(headers), 0)"
      " + coalesce(octet_length(key), 0)",
      "messages to send" },
    { "watermark", "topic, partition, \"offset\"", "tii", 2, NULL, "watermarks" },
};

size_t move_table_names(const struct move_table *t, size_t n)
{
    const char *at = t->columns;

    for (size_t i = 1; i < n; i++)
        at += strcspn(at, ",") + 1;
    return (size_t)(at - t->columns) + strcspn(at, ",");
}

static int no_memory(struct err *e, const struct move_table *t)
{
    return err_set(e, ERR_NOMEM, "table %s", t->name);
}

int move_table_select(const struct move_table *t, bool of_postgres, struct buf *sql, struct err *e)
{
    static const char *const parameters_of[MOVE_KEYS_MAX + 1] = { "()", "(?1)", "(?1, ?2)",
                                                                  "(?1, ?2, ?3)" };
    const char *parameters = parameters_of[t->keys];
    const int key = (int)move_table_names(t, t->keys);
    const bool weighs = of_postgres && t->bytes;

    /* The rows up to the one whose predecessors have all the bytes of a slice. Their large columns
     * are not read to know that. */
    if (weighs && buf_printf(sql,
                             "SELECT %s FROM (SELECT *, sum(bytes) OVER (ORDER BY %.*s ROWS"
                             " UNBOUNDED PRECEDING) - bytes AS ahead FROM (SELECT %s, %s AS bytes",
                             t->columns, key, t->columns, t->columns, t->bytes) < 0)
        return no_memory(e, t);
    if (!weighs && buf_printf(sql, "SELECT %s", t->columns) < 0)
        return no_memory(e, t);
    if (buf_printf(sql, " FROM %s WHERE (%.*s) > %s ORDER BY %.*s LIMIT %d", t->name, key,
                   t->columns, parameters, key, t->columns, MOVE_TABLE_SLICE_ROWS) < 0)
        return no_memory(e, t);
    if (weighs && buf_printf(sql, ") AS next) AS slice WHERE ahead < %d ORDER BY %.*s",
                             MOVE_TABLE_SLICE_BYTES, key, t->columns) < 0)
        return no_memory(e, t);
    return 0;
}

int move_table_select_last(const struct move_table *t, struct buf *sql, struct err *e)
{
    const int key = (int)move_table_names(t, t->keys);

    if (buf_printf(sql, "SELECT %.*s FROM %s ORDER BY ", key, t->columns, t->name) < 0)
        return no_memory(e, t);
    for (size_t i = 1; i <= t->keys; i++) {
        size_t from = i == 1 ? 0 : move_table_names(t, i - 1) + 1;
        if (buf_printf(sql, "%s%.*s DESC", i == 1 ? "" : ",", (int)(move_table_names(t, i) - from),
                       t->columns + from) < 0)
            return no_memory(e, t);
    }
    return buf_printf(sql, " LIMIT 1") < 0 ? no_memory(e, t) : 0;
}

int move_table_insert(const struct move_table *t, struct buf *sql, struct err *e)
{
    if (buf_printf(sql, "INSERT INTO %s(%s) VALUES(", t->name, t->columns) < 0)
        return no_memory(e, t);
    for (size_t i = 1; i <= strlen(t->types); i++)
        if (buf_printf(sql, "%s?%zu", i == 1 ? "" : ", ", i) < 0)
            return no_memory(e, t);
    return buf_printf(sql, ")") < 0 ? no_memory(e, t) : 0;
}
