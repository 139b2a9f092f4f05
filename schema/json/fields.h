/* schema/json/fields.h - reads the fields of a JSON object by a table, and says what is wrong with
 * which.
 *
 * A call returns -1 only out of memory: whatever is wrong with a value becomes a problem with its
 * pointer, so that one request tells all its faults.
 *
 * Threads  none of its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "schema/json/field_errors.h"
#include "schema/json/reader.h"

struct fields {
    struct reader document;
    struct field_errors *problems; /* borrowed */
    const void *ctx;               /* the caller's */
    bool refuse_unknown;           /* false: unknown fields are counted */
};

/* Where an object stands: "", "/limits", or "/tests" with an index. Pointers are made of it only
 * when there is something to say. */
struct fields_place {
    const char *path;
    size_t index;
};
#define FIELDS_NO_INDEX SIZE_MAX

/* One known field. read() stores below `into`; it is not called for null, which means absent. */
struct fields_row {
    const char *name; /* NULL ends a table */
    int (*read)(struct fields *c, const struct fields_place *at, const struct fields_row *row,
                json_t *v, void *into);
    size_t offset; /* of the target below `into` */
};

/* Adds a problem with field name of the object at `at`; name NULL: with the object itself. */
NODISCARD PRINTF(4, 5) int fields_wrong(struct fields *c, const struct fields_place *at,
                                        const char *name, const char *fmt, ...);

NODISCARD int fields_object(struct fields *c, const struct fields_place *at,
                            const struct fields_row *rows, json_t *object, void *into);

/* Values for a table. The target is as named; it stays as it was when there is a problem. */
#define FIELDS_READER(name)                                                                        \
    NODISCARD int name(struct fields *c, const struct fields_place *at,                            \
                       const struct fields_row *row, json_t *v, void *into)
FIELDS_READER(fields_whole);   /* int64_t */
FIELDS_READER(fields_natural); /* int64_t, 0 and more */
FIELDS_READER(fields_real);    /* double, 0 and more; finite, as all JSON is */
FIELDS_READER(fields_bool);    /* bool */
FIELDS_READER(fields_text);    /* struct bytes; a problem when it has data already */
FIELDS_READER(fields_base64);  /* the same, decoded */

/* A string without NUL. *ret_word is untouched when there was a problem, else the caller owns it.
 */
NODISCARD int fields_word(struct fields *c, const struct fields_place *at,
                          const struct fields_row *row, const json_t *v, char **ret_word);
