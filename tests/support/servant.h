/* tests/support/servant.h - a program beside the test that obeys lines and answers each, as the
 * keeper of script/lib/postgres.sh and tests/support/cut_proxy.py. It ends when its input closes,
 * so also when this process is killed.
 *
 * Threads  not locked: one thread at a time.
 * Errors   each fails the test.
 */
#pragma once

#include <stdio.h>

#define SERVANT_LINE 512

struct servant {
    FILE *commands, *answers; /* NULL: none */
    char ready[SERVANT_LINE]; /* the word that stands behind `ready` in its first line */
};

/* Starts it and reads its first line. It is no child of ours: whoever kills this process with its
 * children leaves it time to clear up. argv is borrowed and ends with NULL. */
void servant_open(struct servant *s, const char *const argv[]);

/* Fails the test unless the answer is `ok`. */
void servant_tell(struct servant *s, const char *command);

/* Closes its input and waits until it has ended. Nothing to do for one that was never opened. */
void servant_close(struct servant *s);

/* Runs a command to its end. Returns its exit code; line is the last of its output, without the end
 * of the line, at most SERVANT_LINE - 1 bytes. */
int servant_run(const char *const argv[], char line[SERVANT_LINE]);
