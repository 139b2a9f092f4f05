#include "schema/store/jobs_servers.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "schema/store/jobs_table.h"

#define SERVERS_MAX 1000

static struct jobs_server describe_own(struct jobs *j)
{
    struct jobs_server own = { .version = SCRC_VERSION, .slots = j->slots, .own = true };

    if (gethostname(own.host, sizeof own.host - 1) < 0)
        own.host[0] = '\0';
    jobs_instance(j, own.instance);
    (void)pthread_mutex_lock(&j->memory_lock);
    own.claims = j->counts.running;
    (void)pthread_mutex_unlock(&j->memory_lock);
    return own;
}

static struct jobs_server read_server(struct db_stmt *q, const struct jobs_server *own)
{
    struct jobs_server s = { .slots = db_int(q, 3),
                             .over = db_int(q, 4) != 0,
                             .seen_ms = db_int(q, 5),
                             .claims = db_int(q, 6) };

    (void)snprintf(s.instance, sizeof s.instance, "%s", db_text(q, 0, NULL));
    (void)snprintf(s.host, sizeof s.host, "%s", db_text(q, 1, NULL));
    (void)snprintf(s.version, sizeof s.version, "%s", db_text(q, 2, NULL));
    s.own = strcmp(s.instance, own->instance) == 0;
    return s;
}

static int list_servers(struct jobs *j, struct db *d, struct jobs_server *servers, size_t *ret_len,
                        struct err *e)
{
    const struct jobs_server own = describe_own(j);
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, j->backend->servers_sql, e);
    size_t len = 0;
    int n = -1;

    if (q)
        db_bind_int(q, 1, SERVERS_MAX);
    while (q && (n = db_step(q, e)) > 0 && len < SERVERS_MAX)
        servers[len++] = read_server(q, &own);
    *ret_len = len;
    return n < 0 ? -1 : 0;
}

int jobs_servers(struct jobs *j, struct jobs_server **ret_servers, size_t *ret_len, struct err *e)
{
    size_t len = 1;
    int rc = 0;
    CLEANUP(freep)
    struct jobs_server *servers =
        calloc(j->backend->servers_sql ? SERVERS_MAX : 1, sizeof *servers);

    if (!servers)
        return err_set(e, ERR_NOMEM, "the servers");
    if (j->backend->servers_sql) {
        struct db *d = jobs_readers_acquire(&j->readers);
        rc = list_servers(j, d, servers, &len, e);
        jobs_readers_release(&j->readers, d);
    } else {
        servers[0] = describe_own(j);
    }
    if (rc < 0)
        return -1;
    *ret_len = len;
    *ret_servers = TAKE(servers);
    return 0;
}
