#include "server/api/results_csv.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/csv.h"

#define LINE_END "\r\n"

/* Members of an item; labels come behind them. */
static const char *const columns[] = {
    "id",           "state",        "status",      "verdict",     "language",
    "submitted_at", "finished_at",  "duration_ms", "cpu_time_ms", "memory_bytes",
    "tests_total",  "tests_passed", "attempts",    "error",
};

int results_csv_head(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        if (buf_printf(out, "%s,", columns[i]) < 0)
            return -1;
    return buf_printf(out, "labels" LINE_END);
}

static int csv_labels(struct buf *out, const json_t *labels)
{
    if (json_object_size(labels) == 0)
        return 0;
    CLEANUP(freep) char *text = json_dumps(labels, JSON_COMPACT);
    return text ? csv_text(out, text) : -1;
}

static int csv_cell(struct buf *out, const json_t *value)
{
    if (json_is_integer(value))
        return buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return json_is_string(value) ? csv_text(out, json_string_value(value)) : 0;
}

int results_csv_row(struct buf *out, const json_t *item)
{
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        if (csv_cell(out, json_object_get(item, columns[i])) < 0 || buf_add(out, ",", 1) < 0)
            return -1;
    if (csv_labels(out, json_object_get(item, "labels")) < 0)
        return -1;
    return buf_add(out, LINE_END, strlen(LINE_END));
}
