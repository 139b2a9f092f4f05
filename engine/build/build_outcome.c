#include "engine/build/build_outcome.h"

#include "schema/base/err.h"
#include "schema/base/text.h"

void build_outcome_clear(struct build_outcome *outcome)
{
    closep(&outcome->artefact_fd);
    buf_clear(&outcome->log);
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
