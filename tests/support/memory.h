/* tests/support/memory.h - memory that comes to an end, for all that jansson allocates.
 *
 * Threads  jansson's allocator is the process's: one thread.
 */
#pragma once

/* After so many allocations more every further one fails. */
void memory_ends_after(int allocations);

/* There is memory again. */
void memory_restore(void);
