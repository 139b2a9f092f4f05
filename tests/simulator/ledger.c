#include "tests/simulator/ledger.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/err.h"
#include "tests/simulator/scenario.h"

enum state { OUT, RIGHT, WRONG };

struct entry {
    int64_t ns; /* OUT: when it was sent; else how long it took */
    enum state state;
    unsigned doubled;
};

struct ledger {
    const char *run;       /* borrowed */
    struct entry *entries; /* owned */
    size_t len, size;
    struct ledger_counts counts;
};

struct ledger *ledger_new(const char *run)
{
    struct ledger *l = calloc(1, sizeof *l);
    if (l)
        l->run = run;
    return l;
}

struct ledger *ledger_free(struct ledger *l)
{
    if (l)
        free(l->entries);
    free(l);
    return NULL;
}

int ledger_sent(struct ledger *l, int64_t now_ns, struct err *e)
{
    if (l->len == l->size) {
        size_t size = l->size ? 2 * l->size : 1024;
        struct entry *more = reallocarray(l->entries, size, sizeof *more);
        if (!more)
            return err_set(e, ERR_NOMEM, "to remember %zu scripts", size);
        l->entries = more;
        l->size = size;
    }
    l->entries[l->len++] = (struct entry){ .ns = now_ns };
    l->counts.sent++;
    l->counts.out++;
    return 0;
}

/* ---- one result ---- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

/* These texts go to a terminal and into a log of lines, whatever a worker wrote. */
static void tame(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

static void cut(char *out, size_t size, const char *text)
{
    if (snprintf(out, size, "%s", text) >= (int)size)
        out[size - 1] = '\0';
    tame(out);
}

/* The statuses of its tests, one word each. */
static void test_statuses(const json_t *report, char out[64])
{
    const json_t *tests = json_object_get(report, "tests"), *test;
    size_t i, at = 0;

    out[0] = '\0';
    json_array_foreach(tests, i, test)
    {
        int n = snprintf(out + at, 64 - at, "%s%s", at ? " " : "", text_of(test, "status"));
        at += n > 0 && (size_t)n < 64 - at ? (size_t)n : 0;
    }
}

/* Fills why when the report is not what the scenario must give. */
static void compare(unsigned scenario, const json_t *report, struct ledger_result *r)
{
    char tests[64];

    test_statuses(report, tests);
    if (strcmp(r->status, scenario_status(scenario)) != 0)
        (void)snprintf(r->why, sizeof r->why, "%s, not %s%s%.200s", r->status,
                       scenario_status(scenario), *text_of(report, "error") ? "; " : "",
                       text_of(report, "error"));
    else if (strcmp(tests, scenario_test_statuses(scenario)) != 0)
        (void)snprintf(r->why, sizeof r->why, "its tests are '%s', not '%s'", tests,
                       scenario_test_statuses(scenario));
    tame(r->why);
}

static void check_key(const char *key, size_t key_len, struct ledger_result *r)
{
    if (!*r->why && (!key || key_len != strlen(r->id) || memcmp(key, r->id, key_len) != 0))
        cut(r->why, sizeof r->why, "the key of the message is not its id");
}

static struct entry *find(struct ledger *l, const char *id, unsigned *ret_scenario)
{
    int64_t iteration;

    if (scenario_parse(l->run, id, ret_scenario, &iteration) < 0 ||
        iteration > (int64_t)(l->len / SCENARIO_COUNT) + 1)
        return NULL;
    size_t at = (size_t)(iteration - 1) * SCENARIO_COUNT + *ret_scenario;
    return at < l->len ? &l->entries[at] : NULL;
}

static void foreign(struct ledger *l, const char *why, struct ledger_result *r)
{
    r->word = LEDGER_FOREIGN;
    cut(r->why, sizeof r->why, why);
    l->counts.foreign++;
}

static void doubled(struct ledger *l, struct entry *entry, struct ledger_result *r)
{
    r->word = LEDGER_DOUBLED;
    cut(r->why, sizeof r->why, "a second result for it");
    entry->doubled++;
    l->counts.doubled++;
}

static void settle(struct ledger *l, struct entry *entry, int64_t now_ns, struct ledger_result *r)
{
    r->word = *r->why ? LEDGER_WRONG : LEDGER_RIGHT;
    r->latency_ns = now_ns - entry->ns;
    entry->ns = r->latency_ns;
    entry->state = *r->why ? WRONG : RIGHT;
    *(*r->why ? &l->counts.wrong : &l->counts.right) += 1;
    l->counts.out--;
}

void ledger_result(struct ledger *l, int64_t now_ns, const char *key, size_t key_len,
                   const char *value, size_t value_len, struct ledger_result *ret_result)
{
    struct ledger_result *r = ret_result;
    unsigned scenario;

    *r = (struct ledger_result){ 0 };
    json_auto_t *report = value ? json_loadb(value, value_len, 0, NULL) : NULL;
    if (!json_is_object(report)) {
        foreign(l, "not a JSON object", r);
        return;
    }
    cut(r->id, sizeof r->id, text_of(report, "id"));
    cut(r->status, sizeof r->status, text_of(report, "status"));
    struct entry *entry = find(l, r->id, &scenario);
    if (!entry) {
        foreign(l, "nothing of this run", r);
        return;
    }
    if (entry->state != OUT) {
        doubled(l, entry, r);
        return;
    }
    compare(scenario, report, r);
    check_key(key, key_len, r);
    settle(l, entry, now_ns, r);
}

void ledger_counts(const struct ledger *l, struct ledger_counts *ret_counts)
{
    *ret_counts = l->counts;
}

/* ---- the table ---- */

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double quantile_ms(const int64_t *sorted, size_t n, size_t percent)
{
    if (n == 0)
        return -1;
    return (double)sorted[(n * percent + 99) / 100 - 1] / (double)NS_PER_MS;
}

int ledger_row(const struct ledger *l, unsigned scenario, struct ledger_row *ret_row, struct err *e)
{
    struct ledger_row row = { 0 };
    size_t n = 0;
    CLEANUP(freep) int64_t *took = calloc(l->len / SCENARIO_COUNT + 1, sizeof *took);
    if (!took)
        return err_set(e, ERR_NOMEM, "to sort latencies");

    for (size_t i = scenario; i < l->len; i += SCENARIO_COUNT) {
        const struct entry *entry = &l->entries[i];
        row.sent++;
        row.doubled += entry->doubled;
        row.right += entry->state == RIGHT;
        row.wrong += entry->state == WRONG;
        row.missing += entry->state == OUT;
        if (entry->state != OUT)
            took[n++] = entry->ns;
    }
    qsort(took, n, sizeof *took, by_size);
    row.p50_ms = quantile_ms(took, n, 50);
    row.p95_ms = quantile_ms(took, n, 95);
    *ret_row = row;
    return 0;
}

void ledger_missing(const struct ledger *l, void (*fn)(void *ctx, const char *id), void *ctx)
{
    char id[SCENARIO_ID_SIZE];

    for (size_t i = 0; i < l->len; i++) {
        if (l->entries[i].state != OUT)
            continue;
        scenario_id(l->run, (unsigned)(i % SCENARIO_COUNT), (int64_t)(i / SCENARIO_COUNT) + 1, id);
        fn(ctx, id);
    }
}
