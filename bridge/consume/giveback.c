#include "bridge/consume/giveback.h"

#include "bridge/kafka/bridge_config.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/store/jobs.h"

#define QUERY_MS 5000 /* timeout of one request to the broker */

bool giveback_is_needed(const struct bridge_config *c, const struct jobs *jobs)
{
    return c->commit_reported && !jobs_is_shared(jobs);
}

void giveback_partition(struct jobs *jobs, const char *topic, int32_t partition, int64_t from)
{
    struct jobs_op op = { .kind = JOBS_RETURN };
    int64_t rows = 0;
    struct err e;

    op.u.return_rows.topic = topic;
    op.u.return_rows.partition = partition;
    op.u.return_rows.from = from;
    do {
        if (jobs_do(jobs, &op, &e) < 0) {
            log_warning("kafka_not_given_back", log_i("partition", partition),
                        log_s("error", e.msg), log_s("means", "it may be judged elsewhere, too"));
            break;
        }
        rows += op.u.return_rows.rows;
    } while (op.u.return_rows.rows == JOBS_RETURN_ROWS);
    if (rows > 0)
        log_info("kafka_given_back", log_i("partition", partition), log_i("submissions", rows));
}

/* ---- rows of partitions of others ---- */

/* The partitions that are not in mine. The caller destroys *ret_list. */
static int list_other_partitions(rd_kafka_t *rk, const char *topic,
                                 const rd_kafka_topic_partition_list_t *mine,
                                 rd_kafka_topic_partition_list_t **ret_list, struct err *e)
{
    const struct rd_kafka_metadata *meta;
    rd_kafka_topic_t *t = rd_kafka_topic_new(rk, topic, NULL);
    rd_kafka_resp_err_t code =
        t ? rd_kafka_metadata(rk, 0, t, &meta, QUERY_MS) : RD_KAFKA_RESP_ERR__FAIL;
    int32_t len = 0;

    if (t)
        rd_kafka_topic_destroy(t);
    if (!code) {
        code = meta->topic_cnt == 1 ? meta->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
        len = code ? 0 : meta->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(meta);
    }
    if (code)
        return err_set(e, ERR_UNAVAILABLE, "partitions of %s: %s", topic, rd_kafka_err2str(code));
    *ret_list = rd_kafka_topic_partition_list_new(len);
    for (int32_t p = 0; p < len; p++) {
        if (!rd_kafka_topic_partition_list_find(mine, topic, p))
            rd_kafka_topic_partition_list_add(*ret_list, topic, p);
    }
    return 0;
}

static int give_back_uncommitted(rd_kafka_t *rk, struct jobs *jobs,
                                 rd_kafka_topic_partition_list_t *list, struct err *e)
{
    rd_kafka_resp_err_t code = rd_kafka_committed(rk, list, QUERY_MS);

    for (int i = 0; i < list->cnt && !code; i++) {
        const rd_kafka_topic_partition_t *t = &list->elems[i];
        int64_t low, high;
        code = t->err;
        if (!code)
            code =
                rd_kafka_query_watermark_offsets(rk, t->topic, t->partition, &low, &high, QUERY_MS);
        if (!code)
            giveback_partition(jobs, t->topic, t->partition, t->offset > low ? t->offset : low);
    }
    return code ? err_set(e, ERR_UNAVAILABLE, "what others read: %s", rd_kafka_err2str(code)) : 0;
}

int giveback_strays(rd_kafka_t *rk, const struct bridge_config *c, struct jobs *jobs,
                    const rd_kafka_topic_partition_list_t *mine, struct err *e)
{
    rd_kafka_topic_partition_list_t *others = NULL;
    struct jobs_counts counts;

    jobs_counts(jobs, &counts);
    if (counts.queued == 0)
        return 0;
    if (list_other_partitions(rk, c->topic, mine, &others, e) < 0)
        return -1;
    int result = others->cnt > 0 ? give_back_uncommitted(rk, jobs, others, e) : 0;
    rd_kafka_topic_partition_list_destroy(others);
    return result;
}
