/* schema/base/orderset.h - a set of rows in the order of (rank, number) in memory: the place of a
 * row, and the lowest number.
 *
 * A treap (a search tree that random weights keep balanced) whose nodes count what is below them. A
 * place among 200,000 rows is about a microsecond, where counting in an index takes milliseconds.
 *
 * Owns     its nodes, until orderset_clear(): 48 bytes for each row.
 * Threads  one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct orderset_node;

struct orderset {
    struct orderset_node *root, *spare; /* owned */
    size_t spares;
    uint32_t random;
};

/* Allocates the memory for so many orderset_add(), counted from the last call. -1: out of memory.
 */
NODISCARD int orderset_reserve(struct orderset *s, size_t rows);

/* Cannot fail, because of orderset_reserve(). The row is not in the set. */
void orderset_add(struct orderset *s, int64_t rank, int64_t seq);
/* Does nothing if the row is not in the set. */
void orderset_remove(struct orderset *s, int64_t rank, int64_t seq);

int64_t orderset_place(const struct orderset *s, int64_t rank, int64_t seq); /* rows up to it */
int64_t orderset_next(const struct orderset *s, int64_t rank); /* the lowest from it on; 0: none */
int64_t orderset_oldest(const struct orderset *s);             /* the lowest number; -1: empty */
void orderset_clear(struct orderset *s);
