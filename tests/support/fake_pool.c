#include "tests/support/fake_pool.h"

#include "engine/docker/docker.h"

struct cell_spec fake_spec(void)
{
    return (struct cell_spec){ .image = "sha256:one",
                               .workdir = "/work",
                               .memory_bytes = 64 * MIB,
                               .pids = 32,
                               .tmpfs_bytes = 16 * MIB,
                               .tmpfs_inodes = 1000,
                               .nano_cpus = NS_PER_S };
}

struct pool *fake_pool(int64_t parallel)
{
    const struct pool_config c = {
        .docker_host = fake.host, .host = &fake.cell_host, .parallel = parallel, .creators = 2
    };
    struct pool *p = NULL;
    ASSERT_OK(pool_start(&c, &p, e));
    return p;
}

struct toolchain *fake_plan(const struct language_table *l, const char *name, struct pool *p)
{
    struct toolchain *plan = NULL;
    struct docker *d = NULL;
    ASSERT_OK(docker_open(fake.host, &d, e));
    ASSERT_OK(toolchain_make(language_table_find(l, name), d, &fake.config, &plan, e));
    (void)docker_free(d);
    ASSERT_OK(toolchain_add_classes(plan, p, e));
    return plan;
}
