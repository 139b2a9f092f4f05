#include "schema/base/orderset.h"

#include <stdlib.h>

#define SPARES_MAX 2048 /* more are given back */

struct orderset_node {
    struct orderset_node *left, *right; /* of a spare one: left is the next */
    int64_t rank, seq;
    int64_t oldest;  /* lowest seq of this and all below */
    uint32_t len;    /* of this and all below */
    uint32_t weight; /* at most that of the node above */
};

/* ---- nodes ---- */

static int64_t len_of(const struct orderset_node *n) { return n ? n->len : 0; }

static bool comes_before(const struct orderset_node *n, int64_t rank, int64_t seq)
{
    return n->rank < rank || (n->rank == rank && n->seq < seq);
}

static void sum_up(struct orderset_node *n)
{
    n->len = (uint32_t)(1 + len_of(n->left) + len_of(n->right));
    n->oldest = n->seq;
    if (n->left && n->left->oldest < n->oldest)
        n->oldest = n->left->oldest;
    if (n->right && n->right->oldest < n->oldest)
        n->oldest = n->right->oldest;
}

/* Into the rows before (rank, seq) and the others. */
static void split(struct orderset_node *n, int64_t rank, int64_t seq,
                  struct orderset_node **ret_before, struct orderset_node **ret_others)
{
    if (!n) {
        *ret_before = *ret_others = NULL;
        return;
    }
    if (comes_before(n, rank, seq)) {
        *ret_before = n;
        split(n->right, rank, seq, &n->right, ret_others);
    } else {
        *ret_others = n;
        split(n->left, rank, seq, ret_before, &n->left);
    }
    sum_up(n);
}

/* All of a come before all of b. */
static struct orderset_node *join(struct orderset_node *a, struct orderset_node *b)
{
    if (!a || !b)
        return a ? a : b;
    if (a->weight >= b->weight) {
        a->right = join(a->right, b);
        sum_up(a);
        return a;
    }
    b->left = join(a, b->left);
    sum_up(b);
    return b;
}

static struct orderset_node *insert(struct orderset_node *n, struct orderset_node *row)
{
    if (!n || row->weight > n->weight) {
        split(n, row->rank, row->seq, &row->left, &row->right);
        sum_up(row);
        return row;
    }
    if (comes_before(n, row->rank, row->seq))
        n->right = insert(n->right, row);
    else
        n->left = insert(n->left, row);
    sum_up(n);
    return n;
}

/* Sets *ret_row to the node that was taken out; NULL: there is none. */
static struct orderset_node *take_out(struct orderset_node *n, int64_t rank, int64_t seq,
                                      struct orderset_node **ret_row)
{
    if (!n)
        return NULL;
    if (n->rank == rank && n->seq == seq) {
        *ret_row = n;
        return join(n->left, n->right);
    }
    if (comes_before(n, rank, seq))
        n->right = take_out(n->right, rank, seq, ret_row);
    else
        n->left = take_out(n->left, rank, seq, ret_row);
    sum_up(n);
    return n;
}

/* ---- the set ---- */

static void keep_spare(struct orderset *s, struct orderset_node *n)
{
    n->left = s->spare;
    s->spare = n;
    s->spares++;
}

static struct orderset_node *take_spare(struct orderset *s)
{
    struct orderset_node *n = s->spare;

    s->spare = n->left;
    s->spares--;
    return n;
}

int orderset_reserve(struct orderset *s, size_t rows)
{
    while (s->spares < rows) {
        struct orderset_node *n = malloc(sizeof *n);
        if (!n)
            return -1;
        keep_spare(s, n);
    }
    return 0;
}

void orderset_add(struct orderset *s, int64_t rank, int64_t seq)
{
    struct orderset_node *row = take_spare(s);

    s->random = s->random * 1664525 + 1013904223; /* any order of weights does, if it is not ours */
    *row = (struct orderset_node){ .rank = rank, .seq = seq, .weight = s->random >> 4 };
    s->root = insert(s->root, row);
}

void orderset_remove(struct orderset *s, int64_t rank, int64_t seq)
{
    struct orderset_node *row = NULL;

    s->root = take_out(s->root, rank, seq, &row);
    if (row && s->spares < SPARES_MAX)
        keep_spare(s, row);
    else
        free(row);
}

int64_t orderset_place(const struct orderset *s, int64_t rank, int64_t seq)
{
    int64_t place = 0;

    for (const struct orderset_node *n = s->root; n;) {
        bool counts = comes_before(n, rank, seq) || (n->rank == rank && n->seq == seq);
        if (counts)
            place += 1 + len_of(n->left);
        n = counts ? n->right : n->left;
    }
    return place;
}

int64_t orderset_next(const struct orderset *s, int64_t rank)
{
    int64_t next = 0;

    for (const struct orderset_node *n = s->root; n;) {
        bool from_it = n->rank >= rank;
        if (from_it)
            next = n->rank;
        n = from_it ? n->left : n->right;
    }
    return next;
}

int64_t orderset_oldest(const struct orderset *s) { return s->root ? s->root->oldest : -1; }

/* Takes the tree apart without recursion: each left branch becomes part of the right one. */
static void free_tree(struct orderset_node *n)
{
    while (n) {
        struct orderset_node *next;
        if (n->left) {
            next = n->left;
            n->left = next->right;
            next->right = n;
        } else {
            next = n->right;
            free(n);
        }
        n = next;
    }
}

void orderset_clear(struct orderset *s)
{
    free_tree(s->root);
    while (s->spare)
        free(take_spare(s));
    *s = (struct orderset){ 0 };
}
