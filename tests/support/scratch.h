/* tests/support/scratch.h - directories of a test's own. */
#pragma once

/* Removes it with all that is in it; links are not followed. */
void scratch_remove(const char *dir);
