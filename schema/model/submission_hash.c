#include <sodium.h>
#include <string.h>

#include "schema/base/hash.h"
#include "schema/base/text.h"
#include "schema/model/submission.h"

/* If this or the order in add_fields() changed, every submission that is sent again would be a
 * conflict. */
#define FORM "scrc submission 1"

static void add_real(crypto_generichash_state *h, double real)
{
    int64_t bits;
    memcpy(&bits, &real, sizeof bits);
    hash_number(h, bits);
}

/* In the hash of the first versions a tolerance that is not given equals CHECKER_TOLERANCE. */
static void add_tolerance(crypto_generichash_state *h, double tolerance)
{
    add_real(h, tolerance < 0 ? CHECKER_TOLERANCE : tolerance);
}

static void add_checker(crypto_generichash_state *h, const struct checker *c)
{
    const char *name = checker_kind_name(c->kind); /* not the enum value, which may change */
    hash_text(h, name);
    hash_number(h, c->case_sensitive);
    add_tolerance(h, c->absolute_tolerance);
    add_tolerance(h, c->relative_tolerance);
}

static void add_fields(crypto_generichash_state *h, const struct submission *s)
{
    hash_text(h, FORM);
    hash_text(h, s->id); /* an empty id counts as absent */
    hash_text(h, s->language);
    hash_bytes(h, s->source.files[0].bytes.data, s->source.files[0].bytes.len);
    hash_number(h, s->limits.time_ms);
    hash_number(h, s->limits.wall_ms);
    hash_number(h, s->limits.memory_bytes);
    hash_number(h, s->checker_given);
    if (s->checker_given)
        add_checker(h, &s->checker);
    hash_number(h, s->stop_on_failure);
    hash_number(h, (int64_t)s->tests_len);
    for (size_t i = 0; i < s->tests_len; i++) {
        hash_number(h, s->tests[i].number);
        hash_bytes(h, s->tests[i].input.data, s->tests[i].input.len);
        hash_bytes(h, s->tests[i].expected.data, s->tests[i].expected.len);
    }
}

/* Fields that were added later are hashed last and only if they were sent, so that the hashes of
 * other submissions stay the same. */

/* All of a tree but the bytes of its first file. */
static void add_tree(crypto_generichash_state *h, const struct source_tree *t)
{
    if (source_tree_is_plain(t))
        return;
    hash_text(h, "files");
    hash_number(h, (int64_t)t->len);
    for (size_t i = 0; i < t->len; i++) {
        hash_text(h, t->files[i].name);
        if (i > 0)
            hash_bytes(h, t->files[i].bytes.data, t->files[i].bytes.len);
    }
}

static bool has_tolerances(const struct submission *s)
{
    return s->checker_given && s->checker.kind == CHECKER_FLOAT;
}

/* If neither is given, both are CHECKER_TOLERANCE, so they count as given. */
static void add_tolerances_given(crypto_generichash_state *h, const struct checker *c)
{
    bool neither = c->absolute_tolerance < 0 && c->relative_tolerance < 0;

    hash_text(h, "tolerances");
    hash_number(h, neither || c->absolute_tolerance >= 0);
    hash_number(h, neither || c->relative_tolerance >= 0);
}

static void add_order(crypto_generichash_state *h, const struct submission *s)
{
    if (s->priority != 0) {
        hash_text(h, "priority");
        hash_number(h, s->priority);
    }
    if (s->owner) {
        hash_text(h, "owner");
        hash_text(h, s->owner);
    }
}

static void add_labels(crypto_generichash_state *h, const struct submission *s)
{
    if (s->labels) {
        hash_text(h, "labels");
        hash_text(h, s->labels);
    }
}

static void hash(const struct submission *s, bool tolerances, uint8_t out[TEXT_HASH_SIZE])
{
    crypto_generichash_state h;

    (void)crypto_generichash_init(&h, NULL, 0, TEXT_HASH_SIZE);
    add_fields(&h, s);
    add_tree(&h, &s->source);
    if (tolerances)
        add_tolerances_given(&h, &s->checker);
    add_order(&h, s);
    add_labels(&h, s);
    (void)crypto_generichash_final(&h, out, TEXT_HASH_SIZE);
}

void submission_hash(const struct submission *s, uint8_t out[TEXT_HASH_SIZE])
{
    hash(s, has_tolerances(s), out);
}

bool submission_hash_is(const struct submission *s, const void *stored, size_t len)
{
    uint8_t before[TEXT_HASH_SIZE];

    if (len != sizeof s->hash)
        return false;
    if (memcmp(stored, s->hash, len) == 0 || !has_tolerances(s))
        return memcmp(stored, s->hash, len) == 0;
    hash(s, false, before);
    return memcmp(stored, before, len) == 0;
}
