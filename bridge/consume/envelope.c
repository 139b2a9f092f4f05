#include "bridge/consume/envelope.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/json/reader.h"

/* The bound on values when a refused message is read again for its `type` and `id`. */
#define SECOND_MAX_VALUES 1000000

/* The id where there is none: the key, else the message's topic, partition and offset. When that is
 * longer than an id, its beginning is cut off. */
static void derive_id(const struct envelope_message *m, char out[SUBMISSION_ID_MAX + 1])
{
    char place[320];

    if (m->key && submission_id_is_legal(m->key, m->key_len)) {
        memcpy(out, m->key, m->key_len);
        out[m->key_len] = '\0';
        return;
    }
    int n = snprintf(place, sizeof place, "%.249s:%d:%lld", m->topic, (int)m->partition,
                     (long long)m->offset);
    const char *from = n > SUBMISSION_ID_MAX ? place + (n - SUBMISSION_ID_MAX) : place;
    (void)snprintf(out, SUBMISSION_ID_MAX + 1, "%.*s", SUBMISSION_ID_MAX, from);
}

static void set_reason(struct envelope *v, enum envelope_kind kind, const char *why)
{
    size_t len = text_cut(why, strlen(why), sizeof v->reason - 1);

    v->kind = kind;
    memcpy(v->reason, why, len);
    v->reason[len] = '\0';
}

/* A string member as bytes. NULL data when it is absent or not a string. */
static int read_string_member(struct reader *d, const char *name, struct bytes *ret_text)
{
    const json_t *v = json_object_get(d->root, name);

    *ret_text = (struct bytes){ 0 };
    return json_is_string(v) ? reader_string(d, v, ret_text) : 0;
}

static void read_envelope_type(const struct bytes *type, struct envelope *v)
{
    char why[ENVELOPE_REASON_SIZE];

    if (!type->data || type->len == 0 || (type->len == 6 && memcmp(type->data, "script", 6) == 0))
        return;
    if (type->len == 4 && memcmp(type->data, "done", 4) == 0) {
        v->kind = ENVELOPE_DONE;
        return;
    }
    size_t shown = text_cut(type->data, type->len, 60);
    (void)snprintf(why, sizeof why, "/type: \"%.*s\" is neither \"script\" nor \"done\"",
                   (int)shown, type->data);
    set_reason(v, ENVELOPE_FOREIGN, why);
}

/* ---- frames ---- */

/* Confluent's wire format: https://docs.confluent.io/platform/current/schema-registry/fundamentals/
 * serdes-develop/index.html#wire-format. No JSON begins with a 0. */
#define SCHEMA_FRAME 5

static void skip_schema_frame(struct envelope_message *m)
{
    const char *bytes = m->value;

    if (m->value_len <= SCHEMA_FRAME || bytes[0] != '\0')
        return;
    m->value = bytes + SCHEMA_FRAME;
    m->value_len -= SCHEMA_FRAME;
}

static bool is_event(const json_t *root)
{
    return json_is_string(json_object_get(root, "specversion")) &&
           (json_object_get(root, "data") || json_is_string(json_object_get(root, "data_base64")));
}

/* The data of a CloudEvent, owned by the caller; NULL when data_base64 is not base64. -1: out of
 * memory. */
static int event_data(const json_t *event, char **ret_data, size_t *ret_len)
{
    const json_t *data = json_object_get(event, "data");
    const json_t *coded = json_object_get(event, "data_base64");

    if (!data) {
        errno = 0;
        return text_from_base64(json_string_value(coded), json_string_length(coded), ret_data,
                                ret_len) < 0 &&
                       errno == ENOMEM
                   ? -1
                   : 0;
    }
    *ret_data = json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY);
    *ret_len = *ret_data ? strlen(*ret_data) : 0;
    return *ret_data ? 0 : -1;
}

/* ---- refused messages ---- */

/* The reason is set already; this finds the message's type and id. */
static int reread_refused(const struct envelope_message *m, const struct submission_rules *rules,
                          struct envelope *v, bool *ret_event)
{
    struct reader d = { 0 };
    CLEANUP(bytes_clear) struct bytes type = { 0 };
    CLEANUP(bytes_clear) struct bytes id = { 0 };
    struct err e = { 0 };
    int result = 0;

    if (reader_load(m->value, m->value_len, rules->max_depth, SECOND_MAX_VALUES, &d, &e) < 0) {
        reader_clear(&d);
        return e.kind == ERR_NOMEM ? -1 : 0;
    }
    *ret_event = is_event(d.root);
    if (read_string_member(&d, "type", &type) < 0 || read_string_member(&d, "id", &id) < 0) {
        result = -1;
    } else if (!*ret_event) {
        read_envelope_type(&type, v);
        if (v->kind == ENVELOPE_REFUSED && id.data && submission_id_is_legal(id.data, id.len))
            memcpy(v->id, id.data, id.len + 1);
    }
    reader_clear(&d);
    return result;
}

static int parse_value(const struct envelope_message *m, const struct submission_rules *rules,
                       struct envelope *v, bool *ret_event, struct err *e)
{
    CLEANUP(field_errors_clear) struct field_errors problems = { .len = 0 };
    struct submission_rules ours = *rules;
    struct err why = { 0 };

    ours.refuse_unknown = false;
    if (submission_parse(m->value, m->value_len, &ours, &v->submission, &problems, &why) == 0) {
        v->kind = ENVELOPE_SUBMISSION;
        v->ignored_fields = problems.ignored_fields;
        return 0;
    }
    if (why.kind == ERR_NOMEM)
        return err_set(e, why.kind, "%s", why.msg);
    set_reason(v, ENVELOPE_REFUSED, why.msg);
    return reread_refused(m, rules, v, ret_event) < 0 ? err_set(e, ERR_NOMEM, "read a message") : 0;
}

static int parse_framed(const struct envelope_message *m, const struct submission_rules *rules,
                        struct envelope *v, struct err *e)
{
    struct envelope_message bare = *m;
    bool event = false, nested = false;

    skip_schema_frame(&bare);
    if (parse_value(&bare, rules, v, &event, e) < 0)
        return -1;
    if (!event)
        return 0;
    CLEANUP(freep) char *data = NULL;
    /* reread_refused() has read the value: it is JSON within the bounds. */
    v->attributes = json_loadb(bare.value, bare.value_len, JSON_ALLOW_NUL, NULL);
    if (!v->attributes || event_data(v->attributes, &data, &bare.value_len) < 0)
        return err_set(e, ERR_NOMEM, "read a CloudEvent");
    (void)json_object_del(v->attributes, "data");
    (void)json_object_del(v->attributes, "data_base64");
    if (!data) {
        set_reason(v, ENVELOPE_REFUSED, "/data_base64: is not base64");
        return 0;
    }
    bare.value = data;
    v->reason[0] = '\0';
    return parse_value(&bare, rules, v, &nested, e); /* an event in an event is refused */
}

int envelope_open(const struct envelope_message *m, const struct submission_rules *rules,
                  int64_t max_body_bytes, struct envelope *ret_envelope, struct err *e)
{
    struct envelope v = { .kind = ENVELOPE_REFUSED };
    char why[80];

    derive_id(m, v.derived);
    if (!m->value) {
        set_reason(&v, ENVELOPE_TOMBSTONE, "the message has no value");
    } else if (m->value_len > (size_t)max_body_bytes) {
        (void)snprintf(why, sizeof why, "the value has %zu bytes, more than %lld", m->value_len,
                       (long long)max_body_bytes);
        set_reason(&v, ENVELOPE_REFUSED, why);
    } else if (parse_framed(m, rules, &v, e) < 0) {
        envelope_clear(&v);
        return -1;
    }
    if (v.kind == ENVELOPE_REFUSED && !v.id[0] && m->key &&
        submission_id_is_legal(m->key, m->key_len))
        memcpy(v.id, v.derived, sizeof v.id);
    *ret_envelope = v;
    return 0;
}

void envelope_clear(struct envelope *v)
{
    v->submission = submission_free(v->submission);
    json_decref(v->attributes);
    v->attributes = NULL;
}
