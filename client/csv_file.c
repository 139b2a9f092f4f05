#include "client/csv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "schema/base/err.h"

int csv_open(const char *path, struct csv *ret_csv, struct err *e)
{
    struct csv c = { .path = strdup(path) };
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
        csv_abort(&c);
        return err_set(e, ERR_NOMEM, "write %s", path);
    }
    *ret_csv = c;
    return 0;
}

static void begin_field(struct csv *c)
{
    if (c->has_field)
        (void)fputc(',', c->out);
    c->has_field = true;
}

void csv_text(struct csv *c, const char *text)
{
    begin_field(c);
    if (!text || !strpbrk(text, ",\"\r\n")) {
        (void)fputs(text ? text : "", c->out);
        return;
    }
    (void)fputc('"', c->out);
    for (; *text; text++) {
        if (*text == '"')
            (void)fputc('"', c->out);
        (void)fputc(*text, c->out);
    }
    (void)fputc('"', c->out);
}

void csv_number(struct csv *c, int64_t number)
{
    begin_field(c);
    (void)fprintf(c->out, "%lld", (long long)number);
}

void csv_end_line(struct csv *c)
{
    (void)fputs("\r\n", c->out);
    c->has_field = false;
}

static void forget(struct csv *c)
{
    free(c->path);
    free(c->temporary);
    *c = (struct csv){ .out = NULL };
}

int csv_close(struct csv *c, struct err *e)
{
    bool failed = fflush(c->out) != 0 || ferror(c->out) || fsync(fileno(c->out)) < 0;
    int number = errno;

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
        csv_abort(c);
        return -1;
    }
    forget(c);
    return 0;
}

void csv_abort(struct csv *c)
{
    if (c->out)
        (void)fclose(c->out);
    if (c->temporary)
        (void)unlink(c->temporary);
    forget(c);
}
