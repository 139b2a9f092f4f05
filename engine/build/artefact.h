/* engine/build/artefact.h - what a build has left: is it a program, and where does it begin?
 *
 * A compiler that succeeds may have made a library, or classes none of which has a main().
 *
 * Room     engine/build.
 * Threads  any.
 * Errors   ours alone. What is no program is a build failure with a reason.
 */
#pragma once

#include "engine/language/language.h"
#include "schema/base/base.h"

struct bytes;
struct err;

/* fd: what was built, sealed; borrowed, as all else. *ret_why: NULL, or why it is no program, a
 * line for the build log (static). With naming JAVA words->main becomes the class to begin with: of
 * those with a main() the public one, else that of source_name's stem (Main), else the first in the
 * source. */
NODISCARD int artefact_inspect(const struct language *language, int fd, const struct bytes *source,
                               struct language_variables *variables, const char **ret_why,
                               struct err *e);
