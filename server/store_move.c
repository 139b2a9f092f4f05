#include "server/store_move.h"

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/store/move/move.h"
#include "server/config.h"

#define TELL_NS (2 * NS_PER_S)

struct told {
    int64_t next_ns;
};

static void tell_progress(void *ctx, const char *what, int64_t rows, bool checked)
{
    struct told *t = ctx;

    if (clock_mono_ns() < t->next_ns)
        return;
    log_info(checked ? "checked" : "moving", log_s("what", what), log_i("rows", rows));
    t->next_ns = clock_mono_ns() + TELL_NS;
}

int store_move(const struct config *c, const char *source, const char *target, FILE *out,
               struct err *e)
{
    int64_t from = clock_mono_ns();
    struct told told = { .next_ns = from + TELL_NS };
    const struct move_config config = { .source = source,
                                        .target = target,
                                        .lease_timeout_ms = c->lease_timeout_ms,
                                        .progress = tell_progress,
                                        .progress_ctx = &told };
    struct move_result r;

    if (move_run(&config, &r, e) < 0) {
        if (e->kind == ERR_CONFLICT)
            e->kind = ERR_SETTING;
        return err_wrap(e, "--move");
    }
    (void)fprintf(out,
                  "moved %lld submissions, %lld reports, %lld texts and %lld messages read from %s "
                  "to %s in %.1f s\n",
                  (long long)r.submissions, (long long)r.reports, (long long)r.texts,
                  (long long)r.messages, r.source, r.target,
                  (double)(clock_mono_ns() - from) / (double)NS_PER_S);
    return 0;
}
