/* engine/judge/judge.h - one submission from its source to its report.
 *
 * Room     engine/judge: builds one submission, runs its tests, decides verdicts, makes the report.
 *          May know schema/base and model, build, pool, cell and language; nothing of the job
 * table. Threads  one thread for each lease. Errors   as cell_run(): ours, never the program's.
 * ERR_CELL: the cell of this submission broke.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"

struct lease;
struct err;
struct toolchain;
struct report;
struct submission;

/* To be called between lease_begin() and lease_end(). Everything is borrowed; the caller owns
 * *ret_report and fills in its id, queue_ms and attempts. */
NODISCARD int judge_submission(struct lease *lease, const struct toolchain *toolchain,
                               const struct submission *s, struct report **ret_report,
                               struct err *e);

/* Makes the report of a submission that could not be judged: verdict "-" and this error. */
NODISCARD int judge_internal_error(const struct lease *lease, const struct toolchain *toolchain,
                                   const struct submission *s, const char *error,
                                   struct report **ret_report, struct err *e);
