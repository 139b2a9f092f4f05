/* schema/model/labels.h - what a submission is about, in its sender's words: names with a value
 * each, by which lists are filtered.
 *
 * Kept as one text, a JSON object: compact, names in order, so that the same labels are the same
 * text. A text of all labels is copied into reports and lists as it is.
 *
 * Room     schema/model.
 * Threads  any; no state.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"
#include "schema/json/fields.h"

struct err;

#define LABELS_MAX       16
#define LABELS_NAME_MAX  63  /* bytes, of letters, digits and ._/-; the first a letter or digit */
#define LABELS_VALUE_MAX 255 /* bytes of UTF-8 without control characters; may be empty */

/* Of the text of all labels: quotes and backslashes in values are escaped. */
#define LABELS_TEXT_MAX (LABELS_MAX * (LABELS_NAME_MAX + 2 * LABELS_VALUE_MAX + 6) + 2)

/* For a table of fields: into a char * that the caller owns. It stays NULL without labels. */
FIELDS_READER(labels_read);

/* A label that a filter wants. */
struct labels_wanted {
    char *label; /* owned; name:value */
    char *piece; /* owned; as it is in the text of all labels */
};

/* Reads name:value. ERR_INPUT: it is not; e->msg says what it must be. Clear *ret_wanted in the
 * end.
 */
NODISCARD int labels_wanted_read(const char *text, struct labels_wanted *ret_wanted, struct err *e);
void labels_wanted_clear(struct labels_wanted *w);

/* Whether the text of all labels, of len bytes, has this one. */
bool labels_have(const char *labels, size_t len, const struct labels_wanted *w);
