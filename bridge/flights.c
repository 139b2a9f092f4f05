#include "bridge/flights.h"

struct flight *flights_begin(struct flights *f, int64_t number, size_t topic)
{
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        struct flight *x = &f->rows[(f->free_hint + i) % FLIGHTS_MAX];
        if (x->state != FLIGHT_FREE)
            continue;
        *x = (struct flight){ .state = FLIGHT_FLYING, .number = number, .topic = topic };
        f->free_hint = (f->free_hint + i + 1) % FLIGHTS_MAX;
        f->flying[topic]++;
        return x;
    }
    return NULL;
}

void flights_land(struct flights *f, struct flight *x)
{
    x->state = FLIGHT_LANDED;
    f->flying[x->topic]--;
    f->landed++;
}

void flights_fail(struct flights *f, struct flight *x)
{
    f->flying[x->topic]--;
    x->state = FLIGHT_FREE;
}

bool flights_has(const struct flights *f, int64_t number)
{
    for (size_t i = 0; i < FLIGHTS_MAX && flights_count(f) > 0; i++) {
        if (f->rows[i].state != FLIGHT_FREE && f->rows[i].number == number)
            return true;
    }
    return false;
}

size_t flights_count(const struct flights *f) { return f->flying[0] + f->flying[1] + f->landed; }

size_t flights_landed(const struct flights *f, int64_t *numbers)
{
    size_t n = 0;

    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        if (f->rows[i].state == FLIGHT_LANDED)
            numbers[n++] = f->rows[i].number;
    }
    return n;
}

void flights_clear_landed(struct flights *f)
{
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        if (f->rows[i].state == FLIGHT_LANDED)
            f->rows[i].state = FLIGHT_FREE;
    }
    f->landed = 0;
}
