#include "engine/build/build_outcome.h"

#include <fcntl.h>

#include "schema/base/err.h"
#include "schema/base/text.h"

void build_outcome_clear(struct build_outcome *outcome)
{
    closep(&outcome->artefact_fd);
    buf_clear(&outcome->log);
}

bool build_outcome_copy(const struct build_outcome *from, struct build_outcome *ret_copy)
{
    struct build_outcome copy = { .artefact_fd = -1,
                                  .exit_code = from->exit_code,
                                  .repeatable = from->repeatable };

    if (from->log.len > 0 && buf_add(&copy.log, from->log.data, from->log.len) < 0)
        return false;
    if (from->artefact_fd >= 0 &&
        (copy.artefact_fd = fcntl(from->artefact_fd, F_DUPFD_CLOEXEC, 3)) < 0) {
        build_outcome_clear(&copy);
        return false;
    }
    *ret_copy = copy;
    return true;
}

int build_log_cut(struct buf *log, bool truncated, struct err *e)
{
    if (log->len > BUILD_LOG_MAX) {
        log->len = text_cut(log->data, log->len, BUILD_LOG_MAX);
        truncated = true;
    }
    if (truncated && buf_printf(log, "\nscrc: the rest of the log is cut off\n") < 0)
        return err_set(e, ERR_NOMEM, "a build log");
    return 0;
}
