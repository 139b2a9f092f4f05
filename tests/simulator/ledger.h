/* tests/simulator/ledger.h - which scripts are out, and what came back for them.
 *
 *     (never sent) --ledger_sent()--> OUT --ledger_result()--> RIGHT | WRONG --again--> + doubled
 *
 * Room     tests. Has never heard of Kafka.
 * Owns     one entry for each script sent, 16 bytes.
 * Threads  not locked; one thread.
 * Errors   0, or -1 with *e filled (ERR_NOMEM).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct err;
struct ledger;

struct ledger_counts {
    int64_t sent, right, wrong, doubled, foreign;
    int64_t out; /* sent and not answered */
};

/* What a result was. */
enum ledger_word { LEDGER_RIGHT, LEDGER_WRONG, LEDGER_DOUBLED, LEDGER_FOREIGN };

#define LEDGER_WHY_SIZE 400

struct ledger_result {
    enum ledger_word word;
    int64_t latency_ns;        /* of RIGHT and WRONG */
    char id[256];              /* as the result says it, cut; "" when it says none */
    char status[16];           /* likewise */
    char why[LEDGER_WHY_SIZE]; /* what is wrong with it; "" when RIGHT */
};

/* run is borrowed. NULL out of memory. */
struct ledger *ledger_new(const char *run);
struct ledger *ledger_free(struct ledger *l);
DEFINE_CLEANUP(struct ledger, ledger_free)

/* In the order of the ids: every scenario of iteration 1, then of 2. */
NODISCARD int ledger_sent(struct ledger *l, int64_t now_ns, struct err *e);

/* key and value are as they came from the topic; either may be NULL. */
void ledger_result(struct ledger *l, int64_t now_ns, const char *key, size_t key_len,
                   const char *value, size_t value_len, struct ledger_result *ret_result);

void ledger_counts(const struct ledger *l, struct ledger_counts *ret_counts);

/* ---- for the table at the end ---- */

struct ledger_row {
    int64_t sent, right, wrong, missing, doubled;
    double p50_ms, p95_ms; /* negative: no result */
};
/* Of one scenario. -1 out of memory. */
NODISCARD int ledger_row(const struct ledger *l, unsigned scenario, struct ledger_row *ret_row,
                         struct err *e);

/* Calls fn with the id of everything that is out. */
void ledger_missing(const struct ledger *l, void (*fn)(void *ctx, const char *id), void *ctx);
