/* engine/host/host_check.h - can this host judge? One diagnostic for each thing that matters, for
 * `scrc --check`, the start and the System page.
 *
 * Room     engine/host: what this host offers, and what it lacks.
 *          May know schema/base, cell, docker and language.
 * Threads  any; blocks on Docker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/host/host_diagnostic.h"
#include "engine/language/language.h"

struct engine_config;

#define HOST_DIAGNOSTICS_MAX 32

/* Checks Docker and the host: daemon, API version, cgroup version, controllers, seccomp, kernel,
 * swap, core_pattern, SELinux, AppArmor, user-namespace remapping, which isolation mode works and
 * why, and what a container and a run cost (starts one cell when an image is there), images, free
 * disk under Docker's root, clock. Never
 * fails; returns how many diagnostics were written. */
size_t host_check(const struct engine_config *c, const struct language_table *l,
                  struct host_diagnostic out[HOST_DIAGNOSTICS_MAX]);
