#include "schema/base/rankset.h"

#include <stdlib.h>
#include <string.h>

#define BITS 64

static bool has_word(const struct rankset *s, int64_t seq)
{
    return seq >= s->base && (size_t)((seq - s->base) / BITS) < s->len;
}

static uint64_t *word_of(const struct rankset *s, int64_t seq)
{
    return &s->words[(seq - s->base) / BITS];
}

static uint64_t bit_of(int64_t seq) { return UINT64_C(1) << (seq % BITS); }

/* Makes the words cover [base, base + len * BITS) and moves the present ones to their places. */
static int resize(struct rankset *s, int64_t base, size_t len)
{
    if (len > s->size) {
        size_t size = len + len / 2 + 16;
        uint64_t *words = reallocarray(s->words, size, sizeof *words);
        if (!words)
            return -1;
        s->words = words;
        s->size = size;
    }

    size_t front = s->len > 0 ? (size_t)((s->base - base) / BITS) : 0;
    memmove(s->words + front, s->words, s->len * sizeof *s->words);
    memset(s->words, 0, front * sizeof *s->words);
    memset(s->words + front + s->len, 0, (len - front - s->len) * sizeof *s->words);
    s->base = base;
    s->len = len;
    return 0;
}

int rankset_reserve(struct rankset *s, int64_t seq)
{
    int64_t start = seq - seq % BITS;

    if (has_word(s, seq))
        return 0;
    if (s->len == 0)
        return resize(s, start, 1);
    if (start < s->base)
        return resize(s, start, s->len + (size_t)((s->base - start) / BITS));
    return resize(s, s->base, (size_t)((start - s->base) / BITS) + 1);
}

void rankset_add(struct rankset *s, int64_t seq) { *word_of(s, seq) |= bit_of(seq); }

void rankset_remove(struct rankset *s, int64_t seq)
{
    if (has_word(s, seq))
        *word_of(s, seq) &= ~bit_of(seq);
}

bool rankset_has(const struct rankset *s, int64_t seq)
{
    return has_word(s, seq) && (*word_of(s, seq) & bit_of(seq)) != 0;
}

static size_t count_empty_words(const struct rankset *s)
{
    size_t n = 0;

    while (n < s->len && s->words[n] == 0)
        n++;
    return n;
}

/* Only if it halves the set: moving the words costs more than a few empty ones. */
void rankset_trim(struct rankset *s)
{
    size_t n = count_empty_words(s);

    if (n <= s->len / 2)
        return;
    memmove(s->words, s->words + n, (s->len - n) * sizeof *s->words);
    s->base += (int64_t)n * BITS;
    s->len -= n;
}

int64_t rankset_rank(const struct rankset *s, int64_t seq)
{
    int64_t rank = 0;

    for (size_t i = 0; i < s->len; i++) {
        int64_t start = s->base + (int64_t)i * BITS;
        if (seq < start)
            break;
        uint64_t w = s->words[i];
        if (seq < start + BITS - 1)
            w &= (bit_of(seq) << 1) - 1;
        rank += __builtin_popcountll(w);
    }
    return rank;
}

int64_t rankset_first(const struct rankset *s)
{
    size_t n = count_empty_words(s);

    if (n == s->len)
        return -1;
    return s->base + (int64_t)n * BITS + __builtin_ctzll(s->words[n]);
}

void rankset_clear(struct rankset *s)
{
    free(s->words);
    *s = (struct rankset){ 0 };
}
