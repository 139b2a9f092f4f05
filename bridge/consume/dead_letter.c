#include "bridge/consume/dead_letter.h"

#include <string.h>

#include "bridge/kafka/headers.h"
#include "schema/base/bytes.h"
#include "schema/base/clock.h"
#include "schema/model/report.h"

static int make_refusal_report(const rd_kafka_message_t *m, const char *id, const char *error,
                               char **ret_json, size_t *ret_len)
{
    CLEANUP(report_freep) struct report *r = calloc(1, sizeof *r);

    if (!r || bytes_copy(NULL, 0, &r->out) < 0 || bytes_copy(NULL, 0, &r->err) < 0 ||
        bytes_copy(NULL, 0, &r->build_log) < 0)
        return -1;
    r->id = strdup(id);
    r->language = strdup("");
    r->error = strdup(error);
    r->produced_by.version = strdup(SCRC_VERSION);
    r->verdict = VERDICT_NONE;
    r->door = SUBMISSION_KAFKA;
    (void)headers_traceparent(m, r->traceparent);
    r->timestamp_ms = clock_shared_ms();
    if (!r->id || !r->language || !r->error || !r->produced_by.version)
        return -1;
    return report_encode(r, ret_json, ret_len, NULL);
}

int dead_letter_make(struct dead_letter *ret_dead_letter, const rd_kafka_message_t *m,
                     const char *reason, const char *id)
{
    struct dead_letter d = { .len = 1 };
    size_t report_len = 0;

    dead_letter_clear(ret_dead_letter);
    d.reason = strdup(reason);
    d.id = id ? strdup(id) : NULL;
    if (!d.reason || (id && !d.id) ||
        (id && make_refusal_report(m, id, reason, &d.report, &report_len) < 0)) {
        dead_letter_clear(&d);
        return -1;
    }
    d.rows[0] = (struct outbox_dead_letter){ .kind = OUTBOX_DEAD_LETTER,
                                             .key = m->key,
                                             .key_len = m->key_len,
                                             .payload = m->payload,
                                             .payload_len = m->len,
                                             .reason = d.reason };
    if (id) {
        d.rows[d.len++] = (struct outbox_dead_letter){ .kind = OUTBOX_REFUSAL,
                                                       .key = d.id,
                                                       .key_len = strlen(d.id),
                                                       .payload = d.report,
                                                       .payload_len = report_len };
    }
    *ret_dead_letter = d;
    return 0;
}

void dead_letter_clear(struct dead_letter *d)
{
    free(d->reason);
    free(d->id);
    free(d->report);
    *d = (struct dead_letter){ 0 };
}
