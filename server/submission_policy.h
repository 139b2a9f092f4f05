/* server/submission_policy.h - the limits of a submission, from the settings; the same for HTTP and
 * Kafka.
 *
 * Room     server.
 * Owns     nothing; the rules borrow the languages.
 * Threads  any.
 */
#pragma once

#include <stdbool.h>

#include "schema/model/submission.h"

struct config;
struct language_table;

/* refuse_unknown: unknown fields are errors (HTTP), not ignored (Kafka). */
struct submission_rules submission_policy_make(const struct config *c,
                                               const struct language_table *languages,
                                               bool refuse_unknown);
