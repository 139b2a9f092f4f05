#include "bridge/consume/dead_letter.h"

#include <string.h>

#include "schema/base/bytes.h"
#include "schema/base/clock.h"
#include "schema/model/report.h"

static int make_report(const char *id, const char *error, char **ret_json, size_t *ret_len)
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
    r->timestamp_ms = clock_wall_ms();
    if (!r->id || !r->language || !r->error || !r->produced_by.version)
        return -1;
    return report_encode(r, ret_json, ret_len, NULL);
}

int dead_letter_make(struct dead_letter *ret_letter, const rd_kafka_message_t *m,
                     const char *reason, const char *id)
{
    struct dead_letter l = { .len = 1 };
    size_t report_len = 0;

    dead_letter_clear(ret_letter);
    l.reason = strdup(reason);
    l.id = id ? strdup(id) : NULL;
    if (!l.reason || (id && !l.id) || (id && make_report(id, reason, &l.report, &report_len) < 0)) {
        dead_letter_clear(&l);
        return -1;
    }
    l.rows[0] = (struct outbox_dead_letter){ .kind = OUTBOX_DEAD_LETTER,
                                             .key = m->key,
                                             .key_len = m->key_len,
                                             .payload = m->payload,
                                             .payload_len = m->len,
                                             .reason = l.reason };
    if (id) {
        l.rows[l.len++] = (struct outbox_dead_letter){ .kind = OUTBOX_REFUSAL,
                                                       .key = l.id,
                                                       .key_len = strlen(l.id),
                                                       .payload = l.report,
                                                       .payload_len = report_len };
    }
    *ret_letter = l;
    return 0;
}

void dead_letter_clear(struct dead_letter *l)
{
    free(l->reason);
    free(l->id);
    free(l->report);
    *l = (struct dead_letter){ 0 };
}
