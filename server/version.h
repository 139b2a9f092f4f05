/* server/version.h - which scrc this is: the version, from CMakeLists.txt, and the commit.
 *
 * Room     server.
 * Owns     nothing.
 * Threads  any; no state.
 */
#pragma once

/* 40 hex digits, or what the build was told; NULL: neither git nor the build knew. Borrowed,
 * static.
 */
const char *version_commit(void);

/* "scrc 1.2.3 (commit 0123456789ab)"; borrowed, static. */
const char *version_line(void);
