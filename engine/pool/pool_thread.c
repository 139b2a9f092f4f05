#include "engine/pool/pool_thread.h"

#include "engine/docker/docker.h"
#include "schema/base/err.h"

int pool_thread_start(struct pool_thread *t, struct pool *p, const char *docker_host,
                      void *(*main)(void *), struct err *e)
{
    t->pool = p;
    if (docker_open(docker_host, &t->docker, e) < 0)
        return -1;
    int rc = pthread_create(&t->thread, NULL, main, t);
    if (rc != 0)
        return err_errno(e, ERR_NOMEM, rc, "start a thread of the pool");
    (void)pthread_setname_np(t->thread, "pool");
    t->started = true;
    return 0;
}

void pool_thread_until(struct pool_thread *t, int64_t deadline_ns)
{
    if (t->docker)
        docker_until(t->docker, deadline_ns);
}

void pool_thread_join(struct pool_thread *t)
{
    if (t->started)
        (void)pthread_join(t->thread, NULL);
    t->docker = docker_free(t->docker);
}
