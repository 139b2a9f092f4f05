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
/* Calls that of jobs_signal_listen(). */
void jobs_notify_signal(struct jobs *j, const char *text);
/* Calls the listener of the outbox alone, with OUTBOX_KIND_BITs. Any thread. */
void jobs_notify_outbox(struct jobs *j, unsigned kinds);
