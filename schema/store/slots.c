#include "schema/store/slots.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "schema/base/err.h"
#include "schema/store/db.h"
#include "schema/store/jobs.h"

#define SLOTS_MAX     1000
#define OUTBOX_SCHEMA 2 /* the first schema with an outbox */

/* ---- the slots of a directory ---- */

/* The number in "slot-7"; -1: not the name of a slot. "slot-07" is none. */
static int slot_number(const char *name)
{
    static const char prefix[] = "slot-";
    char again[32];

    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return -1;
    long number = strtol(name + sizeof prefix - 1, NULL, 10);
    if (number < 0 || number >= SLOTS_MAX)
        return -1;
    (void)snprintf(again, sizeof again, "slot-%ld", number);
    return strcmp(name, again) == 0 ? (int)number : -1;
}

/* Marks the slots that exist. A missing directory has none. */
static int find_slots(const char *dir, bool *there, struct err *e)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    if (!d)
        return errno == ENOENT ? 0 : err_errno(e, ERR_DISK, errno, "open %s", dir);
    while ((entry = readdir(d))) {
        int number = slot_number(entry->d_name);
        if (number >= 0)
            there[number] = true;
    }
    (void)closedir(d);
    return 0;
}

bool slots_exist(const char *dir)
{
    bool there[SLOTS_MAX] = { false }, any = false;

    if (find_slots(dir, there, NULL) < 0)
        return false;
    for (int i = 0; i < SLOTS_MAX; i++)
        any = any || there[i];
    return any;
}

static char *slot_path(const char *dir, int number, struct err *e)
{
    char *path = NULL;

    if (asprintf(&path, "%s/slot-%d", dir, number) < 0) {
        (void)err_set(e, ERR_NOMEM, "slots");
        return NULL;
    }
    return path;
}

/* ---- unfinished work ---- */

static int find_unfinished(struct db *d, const char *language, int64_t *ret_work, struct err *e)
{
    static const char select[] =
        "SELECT EXISTS(SELECT 1 FROM job WHERE state = 0 AND language = ?1)"
        " OR EXISTS(SELECT 1 FROM job WHERE state = 1 AND language = ?1)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, language);
    if (db_step(q, e) < 0)
        return -1;
    *ret_work = db_int(q, 0);
    return 0;
}

static int find_work(struct db *d, const struct slots_config *c, int64_t *ret_work, struct err *e)
{
    int64_t version;

    *ret_work = 0;
    if (db_number(d, "PRAGMA user_version", &version, e) < 0)
        return -1;
    if (version == 0)
        return 0; /* a server died before its first migration */
    if (!c->languages && db_number(d,
                                   "SELECT EXISTS(SELECT 1 FROM job WHERE state = 0)"
                                   " OR EXISTS(SELECT 1 FROM job WHERE state = 1)",
                                   ret_work, e) < 0)
        return -1;
    for (size_t i = 0; c->languages && c->languages[i] && !*ret_work; i++) {
        if (find_unfinished(d, c->languages[i], ret_work, e) < 0)
            return -1;
    }
    if (*ret_work || !c->outbox || version < OUTBOX_SCHEMA)
        return 0;
    return db_number(d, "SELECT EXISTS(SELECT 1 FROM outbox)", ret_work, e);
}

bool slots_has_work(const struct slots_config *c, const char *dir)
{
    CLEANUP(db_closep) struct db *d = NULL;
    CLEANUP(freep) char *path = NULL;
    struct stat st;
    int64_t work;
    struct err e;

    if (asprintf(&path, "%s/scrc.db", dir) < 0)
        return false;
    if (stat(path, &st) < 0 || st.st_size == 0)
        return false; /* a server died before it created the table */
    /* A table that cannot be read counts as work: opening it then reports the error. */
    if (db_open(path, DB_READER, &d, &e) < 0 || find_work(d, c, &work, &e) < 0)
        return true;
    return work != 0;
}

/* ---- opening ---- */

enum slot_kind { SLOT_WORKING, SLOT_FREE, SLOT_NEW };

/* 1 opened; 0: another server has it, or it cannot be used; -1: a new one cannot be created. */
static int open_slot(const struct slots_config *c, const char *dir, enum slot_kind kind,
                     struct jobs **ret_jobs, struct err *e)
{
    struct jobs_config table = *c->table;
    struct err why;

    table.dir = dir;
    table.lock_wait_ms = 0;
    if (jobs_open(&table, ret_jobs, &why) == 0)
        return 1;
    if (why.kind == ERR_SETTING)
        return 0;
    if (kind == SLOT_NEW)
        return err_set(e, why.kind, "%s", why.msg);
    if (c->skipped)
        c->skipped(c->ctx, dir, &why);
    return 0;
}

/* Opens the lowest slot that exists (SLOT_NEW: that does not exist): 1, 0 none, -1. */
static int open_first_slot(const struct slots_config *c, const bool *there, enum slot_kind kind,
                           struct jobs **ret_jobs, char **ret_dir, struct err *e)
{
    for (int i = 0; i < SLOTS_MAX; i++) {
        if (there[i] == (kind == SLOT_NEW))
            continue;
        CLEANUP(freep) char *path = slot_path(c->table->dir, i, e);
        if (!path)
            return -1;
        if (kind == SLOT_WORKING && !slots_has_work(c, path))
            continue;
        int n = open_slot(c, path, kind, ret_jobs, e);
        if (n > 0)
            *ret_dir = TAKE(path);
        if (n != 0)
            return n;
    }
    return 0;
}

/* The jobs of a table that was created without slots would never be finished. */
static int refuse_plain_table(const char *dir, struct err *e)
{
    CLEANUP(freep) char *path = NULL;

    if (asprintf(&path, "%s/scrc.db", dir) < 0)
        return err_set(e, ERR_NOMEM, "slots");
    if (access(path, F_OK) < 0)
        return 0;
    return err_set(e, ERR_SETTING,
                   "DATA_SLOTS=1, but %s holds a table without slots: make it a slot (in that "
                   "directory: mkdir slot-0 && mv scrc.db* slot-0), or choose another DATA_DIR",
                   dir);
}

int slots_take(const struct slots_config *c, struct jobs **ret_jobs, char **ret_dir, struct err *e)
{
    bool there[SLOTS_MAX] = { false };
    int n = 0;

    if (refuse_plain_table(c->table->dir, e) < 0 || find_slots(c->table->dir, there, e) < 0)
        return -1;
    for (int kind = SLOT_WORKING; n == 0 && kind <= SLOT_NEW; kind++)
        n = open_first_slot(c, there, (enum slot_kind)kind, ret_jobs, ret_dir, e);
    if (n == 0)
        return err_set(e, ERR_DISK, "no slot of %s can be used", c->table->dir);
    return n < 0 ? -1 : 0;
}

int slots_adopt(const struct slots_config *c, struct jobs **ret_jobs, char **ret_dir, struct err *e)
{
    bool there[SLOTS_MAX] = { false };

    *ret_jobs = NULL;
    if (find_slots(c->table->dir, there, e) < 0)
        return -1;
    return open_first_slot(c, there, SLOT_WORKING, ret_jobs, ret_dir, e) < 0 ? -1 : 0;
}
