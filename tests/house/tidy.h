/* tests/house/tidy.h - what clang-tidy is told before each file: it looks at one file at a time and
 * does not see that these, which others define, return -1 always. Without this it follows a
 * `return err_set(...)` as if that could be a success. */
#pragma once

#include "engine/agent/fault.h"
#include "schema/base/err.h"

#define err_set(...)     ((void)err_set(__VA_ARGS__), -1)
#define err_errno(...)   ((void)err_errno(__VA_ARGS__), -1)
#define err_wrap(...)    ((void)err_wrap(__VA_ARGS__), -1)
#define fault_set(...)   ((void)fault_set(__VA_ARGS__), -1)
#define fault_errno(...) ((void)fault_errno(__VA_ARGS__), -1)
#define fault_host(...)  ((void)fault_host(__VA_ARGS__), -1)
