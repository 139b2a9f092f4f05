/* client/grade_class.h - hands in many submissions, some at a time.
 *
 * Owns     its threads, which have ended when grade_class_run() comes back.
 * Threads  one caller.
 * Errors   the first error that concerns all ends it; see grade_student.h.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"

struct err;
struct grade_common;
struct grade_student;

#define GRADE_CLASS_JOBS_MAX 256

/* Fills in the students. url: as transport_open(). Progress is shown on stderr where that is a
 * terminal. */
struct grade_class {
    struct grade_student *students; /* borrowed */
    size_t len, jobs;
    const struct grade_common *common; /* borrowed */
    const char *url;                   /* borrowed */
};

NODISCARD int grade_class_run(const struct grade_class *c, struct err *e);
