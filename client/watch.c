#include "client/watch.h"

#include <jansson.h>
#include <string.h>

#include "client/exchange.h"
#include "client/reply.h"
#include "client/show.h"
#include "client/term.h"
#include "client/transport.h"
#include "schema/base/err.h"

/* A comment comes every 15 s. */
#define WATCH_SILENCE_MS 60000

struct watching {
    const struct term *term;
    bool lines;
    struct exchange_result *result;
    struct buf text; /* what has come of the stream and is no whole line yet */
    char event[16];  /* of the frame that is being read */
    int64_t ended, total;
};

static void clear_progress(const struct watching *w)
{
    if (w->term->is_tty)
        term_raw(w->term, "\r\033[K");
}

static void on_state(struct watching *w, const json_t *data)
{
    const char *state = reply_text(data, "state"), *phase = reply_text(data, "phase");

    w->total = reply_number(data, "tests_total", w->total);
    if (!w->term->is_tty)
        return;
    clear_progress(w);
    if (strcmp(state, "queued") == 0)
        term_raw(w->term, "queued, place %lld", (long long)reply_number(data, "position", 0));
    else
        term_raw(w->term, "%s", strcmp(phase, "build") == 0 ? "building" : "running");
    (void)fflush(w->term->out);
}

static void on_test(struct watching *w, const json_t *data)
{
    const char *verdict = reply_verdict(data);
    char cpu[SHOW_AMOUNT_SIZE];

    w->ended++;
    clear_progress(w);
    if (w->lines) {
        show_ms(reply_number(data, "cpu_time_ms", -1), cpu);
        term_raw(w->term, "test %lld of %lld: %s, %s\n", (long long)reply_number(data, "number", 0),
                 (long long)w->total, verdict, cpu);
    }
    if (w->term->is_tty)
        term_raw(w->term, "running, %lld of %lld tests", (long long)w->ended, (long long)w->total);
    (void)fflush(w->term->out);
}

/* False: it was the last event that counts. */
static bool on_event(struct watching *w, const char *data, size_t len)
{
    json_auto_t *object = NULL;
    struct err ignored;

    if (strcmp(w->event, "report") == 0) {
        if (buf_add(&w->result->report, data, len) < 0)
            buf_clear(&w->result->report); /* exchange_await() asks for it */
        return false;
    }
    if (reply_object(data, len, &object, &ignored) < 0)
        return true;
    if (strcmp(w->event, "state") == 0)
        on_state(w, object);
    else if (strcmp(w->event, "test") == 0)
        on_test(w, object);
    return true;
}

/* Each event is `event: NAME`, one line of data, and an empty line. */
static bool on_line(struct watching *w, const char *line, size_t len)
{
    if (len == 0) {
        w->event[0] = '\0';
    } else if (len > 7 && memcmp(line, "event: ", 7) == 0) {
        (void)snprintf(w->event, sizeof w->event, "%.*s", (int)(len - 7), line + 7);
    } else if (len > 6 && memcmp(line, "data: ", 6) == 0) {
        return on_event(w, line + 6, len - 6);
    }
    return true;
}

static bool on_piece(void *ctx, const char *data, size_t len)
{
    struct watching *w = ctx;
    size_t from = 0, seen = w->text.len; /* what came before has no end of a line */
    bool more = true;

    if (w->text.len + len > (size_t)GIB || buf_add(&w->text, data, len) < 0)
        return false;
    while (more) {
        const char *line = w->text.data + from;
        const char *end = memchr(w->text.data + seen, '\n', w->text.len - seen);
        if (!end)
            break;
        more = on_line(w, line, (size_t)(end - line));
        from = seen = (size_t)(end + 1 - w->text.data);
    }
    memmove(w->text.data, w->text.data + from, w->text.len - from);
    w->text.len -= from;
    return more;
}

void watch_run(struct transport *t, const struct term *term, bool lines, struct exchange_result *r)
{
    struct watching w = { .term = term, .lines = lines, .result = r };
    CLEANUP(freep) char *id = transport_escape(t, r->id), *path = NULL;
    struct transport_answer answer;
    struct err ignored;

    if (!id || asprintf(&path, "/submissions/%s/events", id) < 0) {
        path = NULL;
        return;
    }
    const struct transport_request q = {
        .path = path, .silence_ms = WATCH_SILENCE_MS, .piece = on_piece, .ctx = &w
    };
    if (transport_send(t, &q, &answer, &ignored) < 0)
        (void)ignored; /* exchange_await() says what is wrong */
    transport_answer_clear(&answer);
    buf_clear(&w.text);
    clear_progress(&w);
}
