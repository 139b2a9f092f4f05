/* schema/base/log.h - one line per event on stderr: key=value, or JSON.
 *
 *     log_info("cell_died", log_s("job", id), log_i("exit_code", 137));
 *
 * Where stderr is systemd's journal a line begins with its priority, which the journal takes off.
 *
 * Values are escaped, so that no id of a client can break a line. Only the places where an error
 * ends log it (HTTP reply, worker loop, main); all others return it.
 *
 * Threads  any; a line is written by one write(2).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

struct log_field {
    const char *key;  /* NULL ends the list */
    const char *text; /* borrowed; NULL: the value is number */
    int64_t number;
};

static inline struct log_field log_s(const char *key, const char *text)
{
    return (struct log_field){ .key = key, .text = text ? text : "" };
}
static inline struct log_field log_i(const char *key, int64_t number)
{
    return (struct log_field){ .key = key, .number = number };
}

/* Call once in main(), before other threads start. Without it: LOG_INFO, key=value. */
void log_init(enum log_level least, bool json);

void log_event(enum log_level level, const char *event, const struct log_field *fields);

#define LOG_EVENT_(level, event, ...)                                                              \
    log_event(level, event, (const struct log_field[]){ __VA_ARGS__, { .key = NULL } })
#define log_debug(event, ...)   LOG_EVENT_(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...)    LOG_EVENT_(LOG_INFO, event, __VA_ARGS__)
#define log_warning(event, ...) LOG_EVENT_(LOG_WARNING, event, __VA_ARGS__)
#define log_error(event, ...)   LOG_EVENT_(LOG_ERROR, event, __VA_ARGS__)
