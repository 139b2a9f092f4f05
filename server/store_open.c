#include "server/store_open.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "engine/host/host_dir.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/store/jobs.h"

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

int store_open(const struct jobs_config *c, struct jobs **ret_jobs, struct err *e)
{
    if (has_slots(c->dir))
        warn_slots(c->dir);
    if (jobs_open(c, ret_jobs, e) < 0) {
        if (e->kind ==
            ERR_SETTING) /* the lock is held; it may be free later: no setting is wrong */
            e->kind = ERR_UNAVAILABLE;
        return -1;
    }
    if (!host_dir_kept(c->dir))
        log_warning("table_not_kept", log_s("DATA_DIR", c->dir),
                    log_s("means", "it goes with this container: mount a named volume there"));
    return 0;
}
