/* schema/base/err.h - why a call failed: a kind for code, a message for people.
 *
 * Owns     nothing: a struct err is a plain value on the caller's stack.
 * Threads  any; no state.
 */
#pragma once

#include "schema/base/base.h"

/* What the caller can do about it. The server turns a kind into an HTTP status, the engine into
 * "retry", "wait" or "internal error"; nothing turns a kind into a verdict. */
#define ERR_KINDS(X)                                                                               \
    X(ERR_NONE, "none")                                                                            \
    X(ERR_BUG, "bug")                 /* a mistake of our own code                      */         \
    X(ERR_NOMEM, "nomem")             /* out of memory: try later                       */         \
    X(ERR_SYNTAX, "syntax")           /* not JSON at all                                */         \
    X(ERR_INPUT, "input")             /* well-formed, but the sender made a mistake     */         \
    X(ERR_NOT_FOUND, "not_found")     /* no such thing                                  */         \
    X(ERR_CONFLICT, "conflict")       /* the id is in use for other content             */         \
    X(ERR_FINAL, "final")             /* already final: nothing to change               */         \
    X(ERR_QUEUE_FULL, "queue_full")   /* MAX_QUEUED reached                             */         \
    X(ERR_DISK, "disk")               /* full, read-only or failing disk                */         \
    X(ERR_SETTING, "setting")         /* a setting or the command line is wrong         */         \
    X(ERR_PLATFORM, "platform")       /* this host cannot do it                         */         \
    X(ERR_UNAVAILABLE, "unavailable") /* Docker does not answer: wait, count no attempt */         \
    X(ERR_IMAGE, "image")             /* the image is missing: wait, count no attempt   */         \
    X(ERR_DOCKER, "docker")           /* Docker answered with an error                  */         \
    X(ERR_CELL, "cell")               /* this cell broke: count the attempt, try again  */         \
    X(ERR_HOST, "host")               /* no memory or core: wait, count no attempt      */         \
    X(ERR_TIMEOUT, "timeout")         /* no answer in time                              */         \
    X(ERR_AGAIN, "again")             /* another transaction came in between: repeat    */         \
    X(ERR_CANCELLED, "cancelled")     /* the caller cancelled it                        */

#define ERR_ENUM(kind, name) kind,
enum err_kind { ERR_KINDS(ERR_ENUM) ERR_KIND_COUNT };
#undef ERR_ENUM

struct err {
    enum err_kind kind;
    char msg[400]; /* truncated if too long; always NUL-terminated UTF-8 */
};

/* Fills *e, which may be NULL, and returns -1, for `return err_set(...)`. */
PRINTF(3, 4) int err_set(struct err *e, enum err_kind kind, const char *fmt, ...);

/* As err_set(), with ": " and the text of the errno value `number` at the end. */
PRINTF(4, 5)
int err_errno(struct err *e, enum err_kind kind, int number, const char *fmt, ...);

/* Puts "context: " in front of the message in *e and keeps its kind; returns -1. e may be NULL. */
PRINTF(2, 3) int err_wrap(struct err *e, const char *fmt, ...);

/* The kind's wire name: "docker". Borrowed, static. */
const char *err_kind_name(enum err_kind kind);
