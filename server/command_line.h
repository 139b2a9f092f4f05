/* server/command_line.h - what scrc is called for: to serve, or for one of its options; and its
 * manual page.
 *
 * Room     server.
 * Owns     nothing: the words are those of main().
 * Threads  the main thread, before any other.
 * Errors   command_line_read() does not come back with a wrong one: it says what is wrong and exits
 *          with EXIT_SETTING.
 */
#pragma once

enum command_line_task {
    COMMAND_LINE_SERVE,
    COMMAND_LINE_BACKUP,  /* of the table to words[0] */
    COMMAND_LINE_CHECK,   /* of the host, the database and the topics */
    COMMAND_LINE_HEALTHY, /* asks the server of the same settings whether it is */
    COMMAND_LINE_MOVE,    /* of all rows from words[0] to words[1] */
    COMMAND_LINE_RESTORE  /* of the table from words[0] */
};

struct command_line {
    enum command_line_task task;
    const char *words[2]; /* borrowed from argv; NULL: not given */
};

/* Answers --help, --version and the like by itself, and exits with 0. */
struct command_line command_line_read(int argc, char **argv);
