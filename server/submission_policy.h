/* server/submission_policy.h - what a submission may ask for, from the settings: the same over HTTP
 * and Kafka.
 *
 * Room     server.
 * Owns     nothing; borrows languages as long as the rules are used.
 * Threads  any.
 */
#pragma once

#include <stdbool.h>

#include "schema/model/submission.h"

struct config;
struct language_table;

struct submission_rules submission_policy_make(const struct config *c,
                                               const struct language_table *languages,
                                               bool refuse_unknown);
