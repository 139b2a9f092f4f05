/* schema/base/traceparent.h - the place of a request in a trace
 * (https://www.w3.org/TR/trace-context).
 *
 * Threads  any; no state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"

#define TRACEPARENT_NAME "traceparent" /* the header, of HTTP and of Kafka */
#define TRACEPARENT_SIZE 56            /* with a NUL */

/* Reads the value of a header, which needs no NUL. True: out is it in version 00, the only one that
 * we write; of a later version its known part. False: it is not valid, and out is "". */
bool traceparent_read(const char *value, size_t len, char out[TRACEPARENT_SIZE]);
