/* server/command_line.h - what scrc is called for: to serve, or for one of its options.
 *
 * Room     server.
 * Owns     nothing: the words are those of main().
 * Threads  the main thread, before any other.
 * Errors   a wrong command line ends the process with EXIT_SETTING, as --help and --version end it
 *          with EXIT_CLEAN.
 */
#pragma once

enum command {
    COMMAND_SERVE,
    COMMAND_BACKUP,  /* of the table to words[0] */
    COMMAND_CHECK,   /* of the host, the database and the topics */
    COMMAND_HEALTHY, /* asks the server of the same settings whether it is */
    COMMAND_MOVE,    /* of all rows from words[0] to words[1] */
    COMMAND_RESTORE  /* of the table from words[0] */
};

struct command_line {
    enum command command;
    const char *words[2]; /* borrowed; NULL: not given */
};

struct command_line command_line_read(int argc, char **argv);
