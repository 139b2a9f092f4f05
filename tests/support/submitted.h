/* tests/support/submitted.h - what is left of a submission in the hand of who gave it. */
#pragma once

#include <stdint.h>

#include "schema/model/submission.h"

struct submitted {
    char id[SUBMISSION_ID_MAX + 1];
    int64_t seq;
};
