/* client/manual.h - the manual page of the commands, scrc(1), made from their tables.
 *
 * Threads  one.
 */
#pragma once

#include <stdio.h>

void manual_print(FILE *f);
