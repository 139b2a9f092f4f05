/* engine/judge/judge.h - one submission from its source to its report.
 *
 * Room     engine/judge: one submission judged: its tests run, verdicts, the report. May know
 *          schema/base and model, build, pool, cell and language; nothing of the job table.
 * Threads  one bench, one thread.
 * Errors   as cell_run(): ours, never the program's. ERR_CELL: this trial's own cell broke.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"

struct lease;
struct err;
struct toolchain;
struct report;
struct submission;

/* Between lease_begin() and lease_end(). Everything is borrowed; the caller owns *ret_report, whose
 * id, queue_ms and attempts it fills in. */
NODISCARD int judge_submission(struct lease *lease, const struct toolchain *toolchain,
                               const struct submission *s, struct report **ret_report,
                               struct err *e);

/* The report of a submission that could not be judged: "-" and this error. */
NODISCARD int judge_internal_error(const struct lease *lease, const struct toolchain *toolchain,
                                   const struct submission *s, const char *error,
                                   struct report **ret_report, struct err *e);
