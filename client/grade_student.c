#include "client/grade_student.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "client/body.h"
#include "client/exchange.h"
#include "client/reply.h"
#include "client/sources.h"
#include "client/transport.h"
#include "schema/base/hash.h"

#define WAIT_MS  60000
#define ID_BYTES 16

int grade_student_init(struct grade_student *s, const char *path)
{
    struct stat st;
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        len--;
    const char *begin = memrchr(path, '/', len - (len > 1));
    begin = begin && len > 1 ? begin + 1 : path;
    len -= (size_t)(begin - path);
    *s = (struct grade_student){ .path = path,
                                 .name = strndup(begin, len),
                                 .passed = -1,
                                 .tests = -1,
                                 .cpu_ms = -1,
                                 .memory_bytes = -1 };
    if (!s->name)
        return -1;
    char *dot = strrchr(s->name, '.');
    /* A directory may be called j.doe. */
    if (dot && dot > s->name && !(stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
        *dot = '\0';
    return 0;
}

void grade_student_clear(struct grade_student *s)
{
    free(s->name);
    free(s->id);
    s->name = s->id = NULL;
}

/* "grade-" and a hash of all that is sent. -1: out of memory. */
static int make_hash_id(struct grade_student *s, const struct grade_common *c, const char *own)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[TEXT_HASH_SIZE];
    crypto_generichash_state h;
    char hex[2 * ID_BYTES + 1];

    (void)crypto_generichash_init(&h, NULL, 0, sizeof hash);
    hash_bytes(&h, c->hash, sizeof c->hash);
    hash_text(&h, own);
    (void)crypto_generichash_final(&h, hash, sizeof hash);
    for (size_t i = 0; i < ID_BYTES; i++) {
        hex[2 * i] = digits[hash[i] >> 4];
        hex[2 * i + 1] = digits[hash[i] & 15];
    }
    hex[sizeof hex - 1] = '\0';
    if (asprintf(&s->id, "grade-%s", hex) < 0) {
        s->id = NULL;
        return -1;
    }
    return 0;
}

/* The JSON of the submission; the caller owns *ret_body. */
static int make_body(struct grade_student *s, const struct grade_common *c, char **ret_body,
                     struct err *e)
{
    json_auto_t *own = json_object();
    struct sources sources;

    if (sources_read(s->path, c->languages, c->language, &sources, e) < 0)
        return -1;
    int rc = body_set_word(own, "language", sources.language, e);
    if (rc == 0)
        rc = body_set_source(own, sources.files.files, sources.files.len, e);
    sources_clear(&sources);
    if (rc < 0)
        return -1;
    CLEANUP(freep) char *text = json_dumps(own, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text || make_hash_id(s, c, text) < 0)
        return err_set(e, ERR_NOMEM, "make a submission");
    text[strlen(text) - 1] = '\0'; /* its brace: the members of all follow */
    if (asprintf(ret_body, "%s,\"id\":\"%s\",%s", text, s->id, c->members + 1) < 0) {
        *ret_body = NULL;
        return err_set(e, ERR_NOMEM, "make a submission");
    }
    return 0;
}

static int take_report(struct grade_student *s, const struct buf *report, struct err *e)
{
    json_auto_t *object = NULL;
    const json_t *test;
    size_t i;

    if (reply_object(report->data, report->len, &object, e) < 0)
        return -1;
    const json_t *tests = json_object_get(object, "tests");
    s->passed = 0;
    s->tests = (int64_t)json_array_size(tests);
    json_array_foreach(tests, i, test) s->passed += strcmp(reply_text(test, "verdict"), "OK") == 0;
    s->cpu_ms = reply_number(object, "cpu_time_ms", -1);
    s->memory_bytes = reply_number(object, "memory_bytes", -1);
    (void)snprintf(s->verdict, sizeof s->verdict, "%s", reply_text(object, "verdict"));
    (void)snprintf(s->error, sizeof s->error, "%s", reply_text(object, "error"));
    return 0;
}

/* Whether an error is about this submission alone. */
static bool is_own(const struct err *e) { return e->kind == ERR_INPUT || e->kind == ERR_CONFLICT; }

int grade_student_run(struct grade_student *s, const struct grade_common *c, struct transport *t,
                      struct err *e)
{
    CLEANUP(freep) char *body = NULL;
    struct exchange_result result = { .id = NULL };
    int rc = make_body(s, c, &body, e);

    if (rc == 0) {
        const struct exchange_post p = { .body = body,
                                         .body_len = strlen(body),
                                         .wait_ms = WAIT_MS,
                                         .patience_ms = c->patience_ms };
        rc = exchange_submit(t, &p, &result, e);
    }
    if (rc == 0)
        rc = exchange_await(t, c->patience_ms, &result, e);
    if (rc == 0)
        rc = take_report(s, &result.report, e);
    exchange_result_clear(&result);
    if (rc < 0 && is_own(e)) {
        (void)snprintf(s->error, sizeof s->error, "%s", e->msg);
        return 0;
    }
    return rc;
}
