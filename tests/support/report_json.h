/* tests/support/report_json.h - what a report says. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a string literal, NUL inside included. Not owned: such reports are never freed. */
#define LITERAL(s)                                                                                 \
    {                                                                                              \
        .data = (char[]){ s }, .len = sizeof s - 1                                                 \
    }

/* A report as JSON text, which ends with a NUL after len bytes. Fails if it is none. The caller
 * owns it. */
json_t *report_load(const char *json, size_t len);

/* A member; "(null)", or -1, where it is none of that type. */
const char *report_text(json_t *report, const char *name);
int64_t report_int(json_t *report, const char *name);

/* The test at this place, which the report owns; NULL: there is none. */
json_t *report_test(json_t *report, size_t i);

/* Fails with the whole report when the verdict is another one. */
void report_expect(json_t *report, const char *verdict, const char *what);
