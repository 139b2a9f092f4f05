/* tests/fuzz/fuzz.h - what the fuzzers share. */
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include "schema/model/submission.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

/* libFuzzer's */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline bool fuzz_knows(const void *ctx, const char *language)
{
    (void)ctx;
    return *language != '\0';
}

/* Every language is known. */
#define FUZZ_RULES                                                                                 \
    {                                                                                              \
        .max_tests = 100, .max_source_bytes = 1 << 20, .max_depth = 32, .max_time_ms = 300000,     \
        .max_memory_bytes = 1 << 30, .default_checker = CHECKER_INIT(CHECKER_LINES),               \
        .knows_language = fuzz_knows                                                               \
    }
