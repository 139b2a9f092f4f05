/* tests/support/fake_pool.h - what stands on the fake Docker: a pool, and a language made ready. */
#pragma once

#include "engine/build/toolchain.h"
#include "engine/language/language.h"
#include "engine/pool/pool.h"
#include "tests/support/fake_docker.h"

struct cell_spec fake_spec(void);

/* A pool of the fake's. The caller owns it. */
struct pool *fake_pool(int64_t parallel);

/* A language as the self-test leaves it. The caller owns it. */
struct toolchain *fake_plan(const struct language_table *l, const char *name, struct pool *p);
