#include "tests/support/memory.h"

#include <jansson.h>
#include <stdlib.h>

static int left;

static void *failing_malloc(size_t size) { return left-- > 0 ? malloc(size) : NULL; }

void memory_ends_after(int allocations)
{
    left = allocations;
    json_set_alloc_funcs(failing_malloc, free);
}

void memory_restore(void) { json_set_alloc_funcs(malloc, free); }
