#include "bridge/publish/encode.h"

#include <string.h>

#include "bridge/kafka/bridge_config.h"
#include "bridge/publish/truncate.h"
#include "schema/base/err.h"
#include "schema/model/report.h"
#include "schema/store/outbox.h"

/* Bytes that a record batch and our headers add at most, beside reason and topic. */
#define OVERHEAD 400
/* The sender's headers may take 1/HEADERS_PART of a message; more are left out. */
#define HEADERS_PART 4

static size_t overhead_of(const struct outbox_item *item)
{
    return OVERHEAD + item->key_len + (item->reason ? strlen(item->reason) : 0) +
           (item->topic ? strlen(item->topic) : 0);
}

static int encode_dead_letter(const struct outbox_item *item, size_t room,
                              struct encoded_message *m, struct err *e)
{
    m->len = item->payload_len < room ? item->payload_len : room;
    m->truncated = m->len < item->payload_len;
    if (!item->payload)
        return 0;
    m->payload = malloc(m->len + 1);
    if (!m->payload)
        return err_set(e, ERR_NOMEM, "a dead letter of %zu bytes", m->len);
    memcpy(m->payload, item->payload, m->len);
    return 0;
}

static int encode_report(const struct bridge_config *c, const struct outbox_item *item, size_t room,
                         struct encoded_message *m, struct err *e)
{
    CLEANUP(freep) char *id = item->key ? strndup(item->key, item->key_len) : NULL;
    const struct report_view view = { .set = c->set == STATUS_SET_FULL ? STATUS_SET_FULL
                                                                       : STATUS_SET_SCRC,
                                      .test_io = c->test_io,
                                      .id = id,
                                      .submission = item->submission };
    CLEANUP(freep) char *whole = NULL;
    size_t len;

    if (item->key && !id)
        return err_set(e, ERR_NOMEM, "row %lld of the outbox", (long long)item->number);
    if (!item->payload)
        return err_set(e, ERR_BUG, "row %lld of the outbox has no report", (long long)item->number);
    if (report_render(item->payload, item->payload_len, &view, &whole, &len, e) < 0)
        return -1;
    if (len > room) {
        m->truncated = true;
        return truncate_report(whole, len, room, &m->payload, &m->len, e);
    }
    m->payload = TAKE(whole);
    m->len = len;
    return 0;
}

int encode_item(const struct bridge_config *c, const struct outbox_item *item, size_t max,
                struct encoded_message *ret_message, struct err *e)
{
    struct encoded_message m = { .bare = item->headers_len > max / HEADERS_PART };
    size_t overhead = overhead_of(item) + (m.bare ? 0 : item->headers_len);

    if (item->kind == OUTBOX_REPORT && item->payload &&
        report_traceparent(item->payload, item->payload_len, m.traceparent))
        overhead += sizeof TRACEPARENT_NAME + sizeof m.traceparent;

    if (max <= overhead)
        return err_set(e, ERR_INPUT, "the topic takes at most %zu bytes", max);
    int result = item->kind == OUTBOX_DEAD_LETTER ? encode_dead_letter(item, max - overhead, &m, e)
                                                  : encode_report(c, item, max - overhead, &m, e);
    if (result == 0)
        *ret_message = m;
    return result;
}

void encode_clear(struct encoded_message *m)
{
    free(m->payload);
    *m = (struct encoded_message){ 0 };
}
