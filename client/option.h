/* client/option.h - the options that say how a submission is to be judged, which every command that
 * hands in submissions has.
 *
 * Threads  one.
 * Errors   ERR_SETTING: the argument is wrong; ERR_NOMEM.
 */
#pragma once

#include <jansson.h>

#include "client/command.h"
#include "schema/base/base.h"

struct err;

enum option_key { /* up to 255 they are characters, for argp */
                  OPTION_LANGUAGE = 256,
                  OPTION_LIMIT,
                  OPTION_LABEL,
                  OPTION_CHECKER,
                  OPTION_ALL_TESTS,
                  OPTION_OWN /* the first that is a command's own */
};

extern const char *const option_checkers[];

/* clang-format off */
#define OPTION_ROWS                                                                                                     \
    { "language", OPTION_LANGUAGE, "NAME", COMMAND_TEXT, NULL, "The language; without it the suffix of a file says it" }, \
    { "limit", OPTION_LIMIT, "NAME=VALUE", COMMAND_TEXT, NULL,                                                           \
      "time=2s, memory=64MiB, wall=5s, or a field of limits with its number; may be repeated" },                         \
    { "label", OPTION_LABEL, "KEY=VALUE", COMMAND_TEXT, NULL, "A label of the submission; may be repeated" },            \
    { "checker", OPTION_CHECKER, "NAME", COMMAND_WORDS, option_checkers,                                                 \
      "How outputs are compared; without it as the server is set" },                                                     \
    { "all-tests", OPTION_ALL_TESTS, NULL, COMMAND_NONE, NULL, "Go on behind the first test that fails" }
/* clang-format on */

/* Puts one of these into a submission; the language is the caller's to choose. */
NODISCARD int option_take(json_t *submission, int key, const char *argument, struct err *e);
