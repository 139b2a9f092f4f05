/* schema/store/postgres/postgres_move.h - a shared table as a side of a move; its place is a URL.
 *
 * As source: servers raise beats, so one that lives is found within a beat, and one that was killed
 * is waited for as long as the others would. Then a transaction holds locks that every group, every
 * beat and every start needs, until the end: a server that was only paused stores nothing, and none
 * joins. With the mark that the rows are away a constraint comes, which fails whatever group such a
 * server still has. */
#pragma once

#include "schema/store/move/move_side.h"

extern const struct move_kind postgres_move_kind;
