/* schema/json/fields.h - reads the fields of a JSON object by a table, and collects the errors of
 * all of them.
 *
 * A function returns -1 only when memory runs out. A wrong value is added to the field errors with
 * its pointer, and reading continues, so that the client gets all errors of a request at once.
 *
 * Threads  one at a time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "schema/json/field_errors.h"
#include "schema/json/reader.h"

struct fields {
    struct reader reader;
    struct field_errors *errors; /* borrowed */
    const void *ctx;             /* the caller's */
    bool refuse_unknown;         /* unknown fields: true: errors; false: only counted */
};

/* The place of an object in the document: "", "/limits", or "/tests" with an index. A pointer is
 * made from it only for an error. */
struct fields_place {
    const char *path;
    size_t index;
};
#define FIELDS_NO_INDEX SIZE_MAX

/* One known field. read() stores into `into`; it is not called for null, which counts as absent. */
struct fields_row {
    const char *name; /* NULL ends a table */
    int (*read)(struct fields *f, const struct fields_place *at, const struct fields_row *row,
                json_t *v, void *into);
    size_t offset; /* of the target in `into` */
};

/* Adds an error of the field `name` of the object at `at`; name NULL: of the object itself. */
NODISCARD PRINTF(4, 5) int fields_wrong(struct fields *f, const struct fields_place *at,
                                        const char *name, const char *fmt, ...);

/* Reads all fields of an object by the rows of a table. */
NODISCARD int fields_object(struct fields *f, const struct fields_place *at,
                            const struct fields_row *rows, json_t *object, void *into);

/* For the rows of a table. The comment names the target's type; on an error the target is not
 * changed. */
#define FIELDS_READER(name)                                                                        \
    NODISCARD int name(struct fields *f, const struct fields_place *at,                            \
                       const struct fields_row *row, json_t *v, void *into)
FIELDS_READER(fields_whole);   /* int64_t */
FIELDS_READER(fields_natural); /* int64_t, at least 0 */
FIELDS_READER(fields_real);    /* double, at least 0; finite, because JSON has no other numbers */
FIELDS_READER(fields_bool);    /* bool */
FIELDS_READER(fields_text);    /* struct bytes; an error if it has data already */
FIELDS_READER(fields_base64);  /* the same, decoded */

/* A string without NUL; the caller owns *ret_word. On an error *ret_word is not changed. */
NODISCARD int fields_word(struct fields *f, const struct fields_place *at,
                          const struct fields_row *row, const json_t *v, char **ret_word);
