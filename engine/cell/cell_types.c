#include "engine/cell/cell_types.h"

void cell_result_clear(struct cell_result *r)
{
    buf_clear(&r->out);
    buf_clear(&r->err);
    buf_clear(&r->err_end);
    closep(&r->artefact_fd);
    *r = (struct cell_result){ .artefact_fd = -1 };
}
