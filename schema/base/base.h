/* schema/base/base.h - macros that every room uses. No state.
 *
 * Room     schema/base: errors, log, clock, buffers, texts, hashes, counters, threads.
 *          May know no other room.
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define NODISCARD          __attribute__((warn_unused_result))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define ARRAY_LEN(a)       (sizeof(a) / sizeof((a)[0]))
#define NS_PER_MS          1000000LL
#define NS_PER_S           1000000000LL
#define KIB                1024LL
#define MIB                (1024LL * KIB)
#define GIB                (1024LL * MIB)

/* CLEANUP(thing_freep) struct thing *t = NULL;   frees t whenever its scope ends.
 * TAKE(t)                                        returns t and sets it to NULL, so that the cleanup
 *                                                frees nothing. TAKE_FD(fd) for descriptors. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define TAKE(p)                                                                                    \
    (__extension__({                                                                               \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    }))
#define TAKE_FD(fd)                                                                                \
    (__extension__({                                                                               \
        int taken_ = (fd);                                                                         \
        (fd) = -1;                                                                                 \
        taken_;                                                                                    \
    }))

/* For strings: CLEANUP(freep) char *s = NULL; */
static inline void freep(void *p) { free(*(void **)p); }

/* For descriptors: CLEANUP(closep) int fd = -1; */
static inline void closep(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* Defines fnp() for CLEANUP. fn must accept NULL, and returns NULL, for `t = thing_free(t)`. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
    static inline void fn##p(type **p) { *p = fn(*p); }
