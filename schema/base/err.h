/* schema/base/err.h - why a call failed: one kind for machines, one sentence for people.
 *
 * Owns     nothing: a struct err is a plain value on the caller's stack.
 * Threads  no shared state.
 */
#pragma once

#include "schema/base/base.h"

/* What the caller may do about it. The server turns a kind into an HTTP status, the engine into
 * "retry", "wait" or "give up"; nothing turns a kind into a verdict. */
#define ERR_KINDS(X)                                                                               \
    X(ERR_NONE, "none")                                                                            \
    X(ERR_BUG, "bug")                 /* we broke our own rule                          */         \
    X(ERR_NOMEM, "nomem")             /* out of memory: try later                       */         \
    X(ERR_SYNTAX, "syntax")           /* not JSON at all                                */         \
    X(ERR_INPUT, "input")             /* well-formed, but the caller's fault            */         \
    X(ERR_NOT_FOUND, "not_found")     /* no such thing                                  */         \
    X(ERR_CONFLICT, "conflict")       /* the id is taken by other content               */         \
    X(ERR_FINAL, "final")             /* already final: nothing to change               */         \
    X(ERR_QUEUE_FULL, "queue_full")   /* MAX_QUEUED reached                             */         \
    X(ERR_DISK, "disk")               /* full, read-only or failing disk                */         \
    X(ERR_SETTING, "setting")         /* a setting or the command line is wrong         */         \
    X(ERR_PLATFORM, "platform")       /* this host cannot do it                         */         \
    X(ERR_UNAVAILABLE, "unavailable") /* Docker is away: wait, spend no attempt         */         \
    X(ERR_IMAGE, "image")             /* the image is missing: wait, spend no attempt   */         \
    X(ERR_DOCKER, "docker")           /* Docker answered and said no                    */         \
    X(ERR_CELL, "cell")               /* this cell broke: spend an attempt in a new one */         \
    X(ERR_HOST, "host")               /* no memory or core here: wait, spend no attempt */         \
    X(ERR_TIMEOUT, "timeout")         /* somebody did not answer in time                */         \
    X(ERR_CANCELLED, "cancelled")     /* we were told to stop                           */

#define ERR_ENUM(kind, name) kind,
enum err_kind { ERR_KINDS(ERR_ENUM) ERR_KIND_COUNT };
#undef ERR_ENUM

struct err {
    enum err_kind kind;
    char msg[400]; /* truncated, always terminated, always UTF-8 */
};

/* Fills *e (which may be NULL) and returns -1, so that a caller can `return err_set(...)`. */
PRINTF(3, 4) int err_set(struct err *e, enum err_kind kind, const char *fmt, ...);

/* As err_set, with ": " and the text of errno value number at the end. */
PRINTF(4, 5)
int err_errno(struct err *e, enum err_kind kind, int number, const char *fmt, ...);

/* Puts "context: " in front of the message already in *e, keeps its kind, returns -1. */
PRINTF(2, 3) int err_wrap(struct err *e, const char *fmt, ...);

/* The kind's wire name: "docker". Borrowed, static. */
const char *err_kind_name(enum err_kind kind);
