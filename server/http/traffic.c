#include "server/http/traffic.h"

static const unsigned statuses[TRAFFIC_STATUSES] = { 200, 202, 204, 304, 400, 401, 403, 404,
                                                     405, 406, 409, 413, 414, 415, 421, 422,
                                                     429, 431, 500, 501, 503, 505, 507 };

struct traffic_row {
    _Atomic int64_t counts[TRAFFIC_STATUSES];
    struct metrics_histogram times;
};

struct traffic {
    struct traffic_row *rows; /* owned; one more than routes */
};

struct traffic *traffic_open(size_t routes)
{
    struct traffic *t = calloc(1, sizeof *t);

    if (t && (t->rows = calloc(routes + 1, sizeof *t->rows)))
        return t;
    return traffic_free(t);
}

struct traffic *traffic_free(struct traffic *t)
{
    if (!t)
        return NULL;
    free(t->rows);
    free(t);
    return NULL;
}

unsigned traffic_status(size_t i) { return i < TRAFFIC_STATUSES ? statuses[i] : 0; }

void traffic_count(struct traffic *t, size_t route, unsigned status, int64_t ns)
{
    struct traffic_row *row = &t->rows[route];
    size_t i = 0;

    while (statuses[i] != 0 && statuses[i] != status)
        i++;
    atomic_fetch_add_explicit(&row->counts[i], 1, memory_order_relaxed);
    if (ns >= 0)
        metrics_take(&row->times, ns);
}

int64_t traffic_counted(struct traffic *t, size_t route, size_t status)
{
    return atomic_load_explicit(&t->rows[route].counts[status], memory_order_relaxed);
}

struct metrics_histogram *traffic_timed(struct traffic *t, size_t route)
{
    return &t->rows[route].times;
}
