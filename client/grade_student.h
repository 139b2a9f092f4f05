/* client/grade_student.h - one of a class: from what was handed in to a line of the table.
 *
 * The id of a submission is made of all that is sent, so the same work, tests and limits are the
 * same submission however often a class is graded, and the server judges it once.
 *
 * Owns     a struct grade_student owns its texts, until grade_student_clear().
 * Threads  one at a time for each student.
 * Errors   what is wrong with a student's files, or what the server says of them, is in `error`;
 *          -1 is for what concerns all: the server is away, or memory ran out.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/err.h"
#include "schema/base/text.h"

struct transport;

/* What all submissions of a class have. */
struct grade_common {
    const char *language;         /* borrowed; NULL: by the suffixes */
    const json_t *languages;      /* borrowed; read by many threads */
    char *members;                /* owned: JSON members, from `{` on: tests, limits and so on */
    uint8_t hash[TEXT_HASH_SIZE]; /* of members */
    int64_t patience_ms;
};

struct grade_student {
    const char *path; /* borrowed: a file, directory or zip archive */
    char *name;       /* owned; of the path, without .zip and without a file's suffix */
    char *id;         /* owned; NULL: nothing was sent */
    char verdict[8];  /* "": none */
    int64_t passed, tests, cpu_ms, memory_bytes; /* -1: not known */
    char error[sizeof((struct err *)NULL)->msg];
};

/* The name; the rest is empty. -1: out of memory. */
NODISCARD int grade_student_init(struct grade_student *s, const char *path);
void grade_student_clear(struct grade_student *s);

/* Hands it in and waits for its report. */
NODISCARD int grade_student_run(struct grade_student *s, const struct grade_common *c,
                                struct transport *t, struct err *e);
