/* schema/store/jobs_notify.h - notifies the listeners of a commit.
 *
 * Room     schema/store, private to the job table.
 * Threads  one thread of each table: in a file the writer.
 * Errors   none.
 */
#pragma once

struct jobs;
struct jobs_group;

/* Calls the listeners with the changes of the group, and that of the outbox. Fills in their ids. */
void jobs_notify(struct jobs *j, struct jobs_group *g);
