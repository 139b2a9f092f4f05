/* engine/build/artefact.h - checks whether the artefact of a build is a program, and finds its
 * entry point.
 *
 * A compiler that succeeds may have made a library, or classes none of which has a main().
 *
 * Room     engine/build.
 * Threads  any.
 * Errors   ours alone. An artefact that is no program is a build failure with a reason.
 */
#pragma once

#include <stdbool.h>

#include "engine/language/language.h"
#include "schema/base/base.h"

struct bytes;
struct err;

/* fd: the artefact, sealed; borrowed, as everything else. *ret_why: NULL, or why it is no
 * program, a line for the build log (static). With naming JAVA variables->main becomes the class
 * to start: of those with a main() the public one, else the one named like the stem of
 * source_name (Main), else the first in the source. */
NODISCARD int artefact_inspect(const struct language *language, int fd, const struct bytes *source,
                               struct language_variables *variables, const char **ret_why,
                               struct err *e);

/* Whether those bytes may be an artefact of this language, for one that no agent has collected: a
 * program by its head, or an archive that an agent unpacks. */
bool artefact_is_sound(const struct language *language, const struct bytes *artefact);
