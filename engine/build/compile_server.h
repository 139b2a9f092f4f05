/* engine/build/compile_server.h - builds with a compiler that stays in memory: a program in a build
 * cell that serves one request after the other, where a command would start the compiler each time.
 *
 * Numbers are 32 bits, little-endian; a text or a file is its length and its bytes. On its stdin
 * the server gets, for each build:
 *
 *     "crcq", count of words, the words of `build`,
 *     count of files, for each file its name and its bytes,
 *     the artefact's name
 *
 * and on its stdout it answers:
 *
 *     "crca", exit code, length of the log, length of the artefact or 0xffffffff if there is none,
 *     the log (what the command would write to stdout and stderr), the artefact
 *
 * A tree is an archive (protocol.h). The server runs as every program does, with no right and no
 * network, and runs no code of a source. It is replaced after some builds, and when an answer is
 * odd, late or missing. Then, as for every exit code but 0 and 1, the plain command has the last
 * word: a fault of the server is no verdict.
 *
 * Room     engine/build.
 * Threads  one thread for each lease.
 * Errors   those of lease_acquire(), and ERR_CANCELLED.
 */
#pragma once

#include "schema/base/base.h"

struct cell_result;
struct err;
struct executable;
struct lease;
struct toolchain;

/* 1: *ret_result is as the plain command would give it, and the caller must clear it. 0: the plain
 * command must be run; *ret_result is untouched. -1. */
NODISCARD int compile_server_build(struct lease *lease, const struct executable *program,
                                   struct cell_result *ret_result, struct err *e);

/* Builds hello with a server of its own. -1: it does not work here. */
NODISCARD int compile_server_probe(struct lease *lease, const struct toolchain *toolchain,
                                   struct err *e);
