#include "schema/store/postgres/postgres_twin.h"

#include <poll.h>
#include <stdio.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/store/db.h"
#include "schema/store/postgres/postgres_watch.h"

#define LOOKS 20 /* within the time of two beats */

struct twin {
    char host[80];
    int64_t beats; /* of all servers with this id that live or have just died; 0: there are none */
};

/* By the database's own clock, which has written last_seen too. */
static int read_twin(struct db *d, const char *directory, int64_t timeout_ns, struct twin *ret_twin,
                     struct err *e)
{
    static const char select[] =
        "SELECT coalesce(sum(beat + 1), 0), coalesce(max(host), '') FROM server"
        " WHERE directory = ?1 AND over = 0"
        " AND last_seen > clock_timestamp() - ?2 * interval '1 millisecond'";
    db_deadline(d, clock_mono_ns() + POSTGRES_WATCH_GAP(timeout_ns));
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, directory);
    db_bind_int(q, 2, timeout_ns / NS_PER_MS);
    if (db_step(q, e) < 0)
        return -1;
    ret_twin->beats = db_int(q, 0);
    (void)snprintf(ret_twin->host, sizeof ret_twin->host, "%s", db_text(q, 1, NULL));
    return 0;
}

int postgres_twin_refuse(struct db *d, const char *directory, int64_t timeout_ns, struct err *e)
{
    const int64_t wait_ns = timeout_ns / 5 * 2, until = clock_mono_ns() + wait_ns;
    struct twin first, now;

    if (read_twin(d, directory, timeout_ns, &first, e) < 0)
        return -1;
    now = first;
    while (now.beats != 0 && clock_mono_ns() < until) {
        (void)poll(NULL, 0, (int)(wait_ns / NS_PER_MS / LOOKS));
        if (read_twin(d, directory, timeout_ns, &now, e) < 0)
            return -1;
        if (now.beats > first.beats)
            return err_set(e, ERR_SETTING,
                           "a server on %s works with the id of this DATA_DIR (%s): one of the two "
                           "directories is a copy; delete the file `id` in it",
                           now.host, directory);
    }
    return 0;
}
