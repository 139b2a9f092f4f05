#include "server/store_open.h"

#include "engine/host/host_dir.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/store/jobs.h"
#include "schema/store/slots.h"

static void warn_slot_skipped(void *ctx, const char *dir, const struct err *why)
{
    (void)ctx;
    log_warning("slot_skipped", log_s("slot", dir), log_s("error", why->msg),
                log_s("next", "its work waits until that is mended"));
}

static int take_slot(const struct jobs_config *c, bool kafka, struct jobs **ret_jobs, struct err *e)
{
    struct slots_config s = { .table = c, .outbox = kafka, .skipped = warn_slot_skipped };
    CLEANUP(freep) char *dir = NULL;

    if (slots_take(&s, ret_jobs, &dir, e) < 0)
        return -1;
    log_info("slot_taken", log_s("slot", dir));
    return 0;
}

static int open_unshared(const struct jobs_config *c, struct jobs **ret_jobs, struct err *e)
{
    if (slots_exist(c->dir))
        log_warning("slots_not_used", log_s("DATA_DIR", c->dir),
                    log_s("means", "what is in them waits: DATA_SLOTS=1 would use them"));
    if (jobs_open(c, ret_jobs, e) == 0)
        return 0;
    if (e->kind == ERR_SETTING) /* the lock is held: it may be free later, so no setting is wrong */
        e->kind = ERR_UNAVAILABLE;
    return -1;
}

int store_open(const struct jobs_config *c, bool slots, bool kafka, struct jobs **ret_jobs,
               struct err *e)
{
    if ((slots ? take_slot(c, kafka, ret_jobs, e) : open_unshared(c, ret_jobs, e)) < 0)
        return -1;
    if (!host_dir_kept(c->dir))
        log_warning("table_not_kept", log_s("DATA_DIR", c->dir),
                    log_s("means", "it goes with this container: mount a named volume there"));
    return 0;
}
