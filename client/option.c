#include "client/option.h"

#include "client/body.h"
#include "schema/base/err.h"

const char *const option_checkers[] = { "lines", "exact", "tokens", "float", "none", NULL };

int option_take(json_t *submission, int key, const char *argument, struct err *e)
{
    switch (key) {
    case OPTION_LIMIT:
        return body_add_limit(submission, argument, e);
    case OPTION_LABEL:
        return body_add_label(submission, argument, e);
    case OPTION_CHECKER:
        return body_set_word(submission, "checker", argument, e);
    default:
        return json_object_set_new(submission, "stop_on_failure", json_false()) < 0
                   ? err_set(e, ERR_NOMEM, "make a submission")
                   : 0;
    }
}
