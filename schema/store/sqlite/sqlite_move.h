/* schema/store/sqlite/sqlite_move.h - a table in a file as a side of a move; its place is DATA_DIR.
 */
#pragma once

#include "schema/store/move/move_side.h"

extern const struct move_kind sqlite_move_kind;
