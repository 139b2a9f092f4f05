#include "client/csv_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "schema/base/buf.h"
#include "schema/base/csv.h"
#include "schema/base/err.h"

int csv_file_open(const char *path, struct csv_file *ret_file, struct err *e)
{
    struct csv_file c = { .path = strdup(path) };
    mode_t mask = umask(0);

    (void)umask(mask);
    if (!c.path || asprintf(&c.temporary, "%s.XXXXXX", path) < 0) {
        free(c.path);
        return err_set(e, ERR_NOMEM, "write %s", path);
    }
    int fd = mkostemp(c.temporary, O_CLOEXEC);
    if (fd < 0) {
        int number = errno;
        free(c.path);
        free(c.temporary);
        return err_errno(e, ERR_INPUT, number, "%s cannot be written", path);
    }
    (void)fchmod(fd, 0666 & ~mask); /* as any file that is made, not as a temporary one */
    c.out = fdopen(fd, "w");
    if (!c.out) {
        (void)close(fd);
        csv_file_abort(&c);
        return err_set(e, ERR_NOMEM, "write %s", path);
    }
    *ret_file = c;
    return 0;
}

static void begin_field(struct csv_file *c)
{
    if (c->has_field)
        (void)fputc(',', c->out);
    c->has_field = true;
}

void csv_file_text(struct csv_file *c, const char *text)
{
    CLEANUP(buf_clear) struct buf cell = { .data = NULL };

    begin_field(c);
    if (csv_text(&cell, text ? text : "") < 0)
        c->failed = true;
    else if (cell.len > 0)
        (void)fwrite(cell.data, 1, cell.len, c->out);
}

void csv_file_number(struct csv_file *c, int64_t number)
{
    begin_field(c);
    (void)fprintf(c->out, "%lld", (long long)number);
}

void csv_file_end_line(struct csv_file *c)
{
    (void)fputs("\r\n", c->out);
    c->has_field = false;
}

static void forget(struct csv_file *c)
{
    free(c->path);
    free(c->temporary);
    *c = (struct csv_file){ .out = NULL };
}

int csv_file_close(struct csv_file *c, struct err *e)
{
    bool failed = c->failed || fflush(c->out) != 0 || ferror(c->out) || fsync(fileno(c->out)) < 0;
    int number = c->failed ? ENOMEM : errno;

    if (fclose(c->out) != 0 && !failed) {
        failed = true;
        number = errno;
    }
    c->out = NULL;
    if (!failed && rename(c->temporary, c->path) < 0) {
        failed = true;
        number = errno;
    }
    if (failed) {
        (void)err_errno(e, ERR_INPUT, number, "%s cannot be written", c->path);
        csv_file_abort(c);
        return -1;
    }
    forget(c);
    return 0;
}

void csv_file_abort(struct csv_file *c)
{
    if (c->out)
        (void)fclose(c->out);
    if (c->temporary)
        (void)unlink(c->temporary);
    forget(c);
}
