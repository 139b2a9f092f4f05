/* engine/cell/cell_shape.h - settings of cells (shapes) whose containers were found to have all
 * fields that were asked for: if Docker keeps a field for one cell of a shape, it does for all.
 *
 * Room     engine/cell.
 * Owns     one list for the process. When it is full, other shapes are inspected each time.
 * Threads  any.
 * Errors   none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/text.h"

struct cell_host;
struct cell_spec;

void cell_shape_hash(const struct cell_spec *s, const struct cell_host *host,
                     uint8_t ret_shape[TEXT_HASH_SIZE]);
bool cell_shape_known(const uint8_t shape[TEXT_HASH_SIZE]);
void cell_shape_add(const uint8_t shape[TEXT_HASH_SIZE]);
