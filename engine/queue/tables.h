/* engine/queue/tables.h - the job tables that are judged from: the server's own, and at most one
 * more that it has adopted from a server that is gone.
 *
 *     tables_adopt() --> adopted: tables_hold() ... tables_drop() by who judges a row of it
 *     tables_disown() -> waits until nobody holds it
 *
 * Room     engine/queue.
 * Owns     neither table.
 * Threads  any. Never blocks, but for tables_disown().
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"
#include "schema/base/text.h"

struct err;
struct jobs;
struct tables;

/* Borrows own. */
NODISCARD int tables_open(struct jobs *own, struct tables **ret_tables, struct err *e);
/* Takes NULL, returns NULL. */
struct tables *tables_free(struct tables *t);

struct jobs *tables_own(const struct tables *t);

/* Borrows j until tables_disown(). ERR_BUG when there is one already. */
NODISCARD int tables_adopt(struct tables *t, struct jobs *j, struct err *e);
/* Nobody gets it any more; returns when those who hold it have dropped it. */
void tables_disown(struct tables *t);

/* The adopted table, or NULL. Each one needs a tables_drop(). */
struct jobs *tables_hold(struct tables *t);
void tables_drop(struct tables *t);

/* The adopted table's jobs_table_id(). False: there is none. */
bool tables_adopted_id(struct tables *t, char ret_id[TEXT_ID_SIZE]);
/* True the first time after it was adopted: a fault of it is said once. */
bool tables_complain(struct tables *t);
