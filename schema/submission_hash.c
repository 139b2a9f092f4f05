#include <sodium.h>
#include <string.h>

#include "schema/hash.h"
#include "schema/submission.h"
#include "schema/text.h"

/* The first word changes when the fields or their order do. */
#define FORM "scrc submission 1"

static void add_real(crypto_generichash_state *h, double real)
{
    int64_t bits;
    memcpy(&bits, &real, sizeof bits);
    hash_number(h, bits);
}

static void add_checker(crypto_generichash_state *h, const struct checker *c)
{
    const char *name = checker_kind_name(c->kind); /* enum values may move, names may not */
    hash_text(h, name);
    hash_number(h, c->case_sensitive);
    add_real(h, c->absolute_tolerance);
    add_real(h, c->relative_tolerance);
}

void submission_hash(const struct submission *s, uint8_t out[TEXT_HASH_SIZE])
{
    crypto_generichash_state h;

    (void)crypto_generichash_init(&h, NULL, 0, TEXT_HASH_SIZE);
    hash_text(&h, FORM);
    hash_text(&h, s->id); /* absent is "" on the wire too */
    hash_text(&h, s->language);
    hash_bytes(&h, s->source.data, s->source.len);
    hash_number(&h, s->limits.time_ms);
    hash_number(&h, s->limits.wall_ms);
    hash_number(&h, s->limits.memory_bytes);
    hash_number(&h, s->checker_given);
    if (s->checker_given)
        add_checker(&h, &s->checker);
    hash_number(&h, s->stop_on_failure);
    hash_number(&h, (int64_t)s->tests_len);
    for (size_t i = 0; i < s->tests_len; i++) {
        hash_number(&h, s->tests[i].number);
        hash_bytes(&h, s->tests[i].input.data, s->tests[i].input.len);
        hash_bytes(&h, s->tests[i].expected.data, s->tests[i].expected.len);
    }
    (void)crypto_generichash_final(&h, out, TEXT_HASH_SIZE);
}
