#include "server/store_open.h"

#include <dirent.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "engine/host/host_dir.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/store/jobs.h"
#include "schema/store/postgres/db_postgres_url.h"
#include "schema/store/postgres/postgres_check.h"

#define TRY_MS  1000 /* between two tries */
#define WARN_NS (30 * NS_PER_S)

/* ---- slots: directories in DATA_DIR, in which earlier versions kept a table for each server ----
 */

static bool is_slot(const char *name)
{
    static const char prefix[] = "slot-";
    const char *number = name + sizeof prefix - 1;

    return strncmp(name, prefix, sizeof prefix - 1) == 0 && number[0] &&
           !number[strspn(number, "0123456789")];
}

static bool has_slots(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    bool found = false;

    while (d && !found && (entry = readdir(d)))
        found = is_slot(entry->d_name);
    if (d)
        (void)closedir(d);
    return found;
}

static void warn_slots(const char *dir)
{
    char advice[400];

    (void)snprintf(advice, sizeof advice,
                   "for each of them start a server once with DATA_DIR=%.200s/slot-N; when nothing "
                   "waits in it any more, it may go, with its reports",
                   dir);
    log_warning("slots_not_used", log_s("DATA_DIR", dir),
                log_s("means", "what is in its slots waits: this server does not look there"),
                log_s("next", advice));
}

/* ---- opening ---- */

/* Whether the database may let us in later; else an operator must do something first. */
static bool may_succeed(const struct jobs_config *c, const struct err *e)
{
    return c->url && (e->kind == ERR_UNAVAILABLE || e->kind == ERR_TIMEOUT || e->kind == ERR_AGAIN);
}

static void warn_store_away(const struct jobs_config *c, const struct err *e)
{
    char shown[400];

    db_postgres_url_show(c->url, shown, sizeof shown);
    log_warning("waiting_for_store", log_s("STORE", shown), log_s("error", e->msg),
                log_s("means", "nothing is accepted or judged until the database answers"));
}

static int open_once(const struct jobs_config *c, struct jobs **ret_jobs, struct err *e)
{
    if (c->url && postgres_check_sessions(c->url, e) < 0)
        return err_wrap(e, "STORE");
    return jobs_open(c, ret_jobs, e);
}

static int open_waiting(const struct jobs_config *c, struct jobs **ret_jobs, struct err *e)
{
    int64_t warn_ns = 0;

    while (open_once(c, ret_jobs, e) < 0) {
        if (!may_succeed(c, e))
            return -1;
        if (clock_mono_ns() >= warn_ns) {
            warn_store_away(c, e);
            warn_ns = clock_mono_ns() + WARN_NS;
        }
        (void)poll(NULL, 0, TRY_MS);
    }
    return 0;
}

int store_open(const struct jobs_config *c, struct jobs **ret_jobs, struct err *e)
{
    if (has_slots(c->dir))
        warn_slots(c->dir);
    if (open_waiting(c, ret_jobs, e) < 0)
        return -1;
    if (!host_dir_kept(c->dir))
        log_warning(c->url ? "directory_not_kept" : "table_not_kept", log_s("DATA_DIR", c->dir),
                    log_s("means", "it goes with this container: mount a named volume there"));
    return 0;
}
