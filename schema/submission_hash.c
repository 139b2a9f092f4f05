#include <endian.h>
#include <sodium.h>
#include <string.h>

#include "schema/submission.h"
#include "schema/text.h"

/* Every field goes in with its length, or as a number of fixed size, in one order: no two different
 * submissions give the same bytes. The first word changes when the order or the fields do. */
#define FORM "scrc submission 1"

static void add_number(crypto_generichash_state *h, int64_t number)
{
    uint64_t little = htole64((uint64_t)number);
    (void)crypto_generichash_update(h, (const unsigned char *)&little, sizeof little);
}

static void add_bytes(crypto_generichash_state *h, const char *data, size_t len)
{
    add_number(h, (int64_t)len);
    (void)crypto_generichash_update(h, (const unsigned char *)data, len);
}

static void add_real(crypto_generichash_state *h, double real)
{
    int64_t bits;
    memcpy(&bits, &real, sizeof bits);
    add_number(h, bits);
}

static void add_checker(crypto_generichash_state *h, const struct checker *c)
{
    const char *name = checker_kind_name(c->kind); /* enum values may move, names may not */
    add_bytes(h, name, strlen(name));
    add_number(h, c->case_sensitive);
    add_real(h, c->absolute_tolerance);
    add_real(h, c->relative_tolerance);
}

void submission_hash(const struct submission *s, uint8_t out[TEXT_HASH_SIZE])
{
    crypto_generichash_state h;
    const char *id = s->id ? s->id : ""; /* "" is absent on the wire too */

    (void)crypto_generichash_init(&h, NULL, 0, TEXT_HASH_SIZE);
    add_bytes(&h, FORM, strlen(FORM));
    add_bytes(&h, id, strlen(id));
    add_bytes(&h, s->language, strlen(s->language));
    add_bytes(&h, s->source.data, s->source.len);
    add_number(&h, s->limits.time_ms);
    add_number(&h, s->limits.wall_ms);
    add_number(&h, s->limits.memory_bytes);
    add_number(&h, s->checker_given);
    if (s->checker_given)
        add_checker(&h, &s->checker);
    add_number(&h, s->stop_on_failure);
    add_number(&h, (int64_t)s->tests_len);
    for (size_t i = 0; i < s->tests_len; i++) {
        add_number(&h, s->tests[i].number);
        add_bytes(&h, s->tests[i].input.data, s->tests[i].input.len);
        add_bytes(&h, s->tests[i].expected.data, s->tests[i].expected.len);
    }
    (void)crypto_generichash_final(&h, out, TEXT_HASH_SIZE);
}
