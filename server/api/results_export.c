#include "server/api/results_export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "server/api/context.h"
#include "server/api/results_csv.h"
#include "server/api/results_list.h"

#define PAGE_ROWS 500

struct results_export {
    struct results_list_filter filter;
    bool csv;
    char cursor[100];
    struct buf page; /* what is being sent */
    size_t sent;
    bool ended;  /* the page is the last one */
    bool broken; /* the next page could not be read */
};

static void free_export(void *own)
{
    struct results_export *x = own;

    results_list_clear_filter(&x->filter);
    buf_clear(&x->page);
    free(x);
}

/* ---- pages ---- */

static int add_line(struct results_export *x, const json_t *item)
{
    if (x->csv)
        return results_csv_row(&x->page, item);
    CLEANUP(freep) char *line = json_dumps(item, JSON_COMPACT);
    return line ? buf_printf(&x->page, "%s\n", line) : -1;
}

static int write_page(struct results_export *x, const json_t *page, struct err *e)
{
    const char *next = json_string_value(json_object_get(page, "next_cursor"));
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(page, "results"), i, item)
    {
        if (add_line(x, item) < 0)
            return err_set(e, ERR_NOMEM, "an export");
    }
    x->ended = !next;
    (void)snprintf(x->cursor, sizeof x->cursor, "%s", next ? next : "");
    return 0;
}

/* Behind the last page, or the first one. */
static int read_page(struct request *r, struct err *e)
{
    struct results_export *x = call_of(r)->own;
    json_auto_t *page = NULL;

    x->filter.f.cursor = x->cursor[0] ? x->cursor : NULL;
    if (jobs_list(context_of(r)->jobs, &x->filter.f, &page, e) < 0)
        return -1;
    return write_page(x, page, e);
}

/* On the thread of the lists. */
static void fill_page(struct request *r)
{
    struct results_export *x = call_of(r)->own;
    struct err e;

    x->page.len = x->sent = 0;
    x->broken = read_page(r, &e) < 0;
    if (x->broken)
        log_warning("export_broken", log_s("error", e.msg));
}

static ssize_t read_export(struct request *r, char *out, size_t size)
{
    struct results_export *x = call_of(r)->own;
    size_t left = x->page.len - x->sent, n = left < size ? left : size;

    if (x->broken)
        return REQUEST_BROKEN;
    if (n > 0) {
        memcpy(out, x->page.data + x->sent, n);
        x->sent += n;
        return (ssize_t)n;
    }
    if (x->ended)
        return REQUEST_ENDED;
    return request_refill(r, fill_page) ? 0 : REQUEST_BROKEN;
}

/* ---- the request ---- */

/* Rows that are submitted from now on are left out. */
static void end_now(struct jobs_filter *f)
{
    int64_t until = clock_shared_ms() + 1;

    if (f->until_ms == 0 || f->until_ms > until)
        f->until_ms = until;
}

static enum next begin_export(struct request *r)
{
    struct results_export *x = call_of(r)->own;
    const char *type = x->csv ? "text/csv; charset=utf-8" : "application/x-ndjson";
    struct err e;

    if (!results_list_read_filter(r, &x->filter))
        return NEXT_REPLY;
    x->filter.f.limit = PAGE_ROWS;
    end_now(&x->filter.f);
    if (x->csv && results_csv_head(&x->page) < 0)
        return request_fail(r, &(struct err){ .kind = ERR_NOMEM, .msg = "an export" });
    if (read_page(r, &e) < 0)
        return e.kind == ERR_INPUT ? request_refuse_param(r, "id_prefix", "%s", e.msg)
                                   : request_fail(r, &e);
    enum next next = request_download(r, type, read_export);
    if (r->reply.status == 200)
        request_add_header(r, "Content-Disposition",
                           x->csv ? "attachment; filename=\"results.csv\""
                                  : "attachment; filename=\"results.ndjson\"");
    return next;
}

static enum next export_rows(struct request *r, bool csv)
{
    struct results_export *x = calloc(1, sizeof *x);

    if (!x)
        return request_fail(r, &(struct err){ .kind = ERR_NOMEM, .msg = "an export" });
    x->csv = csv;
    call_of(r)->own = x;
    call_of(r)->free_own = free_export;
    r->executor = context_of(r)->list_executor;
    r->step = begin_export;
    return NEXT_OFFLOAD;
}

enum next results_csv(struct request *r) { return export_rows(r, true); }

enum next results_ndjson(struct request *r) { return export_rows(r, false); }
