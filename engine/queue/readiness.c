#include "engine/queue/readiness.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/text.h"

static const char *const state_names[] = { "pending", "ok", "failed" };

struct language_state {
    const struct toolchain *toolchain; /* only of READINESS_OK; owned by `toolchains` below */
    enum readiness_state state;
    bool images;
    char why[sizeof((struct err *)NULL)->msg];
};

struct readiness {
    const struct language_table *languages; /* borrowed */
    pthread_mutex_t lock;
    pthread_cond_t work;  /* workers */
    pthread_cond_t timed; /* self-test and supervisor; CLOCK_MONOTONIC */
    /* guarded by lock */
    struct language_state states[LANGUAGES_MAX];
    uint64_t changes, wakes;
    bool paused, stopping;
    char why[sizeof((struct err *)NULL)->msg];
    struct toolchain *
        *toolchains; /* owned, with its elements: every toolchain that was ever available */
    size_t toolchains_len;
};

int readiness_open(const struct language_table *l, struct readiness **ret_readiness, struct err *e)
{
    struct readiness *r = calloc(1, sizeof *r);
    if (!r)
        return err_set(e, ERR_NOMEM, "languages");

    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->work, NULL);
    clock_cond_init(&r->timed);
    r->languages = l;
    for (size_t i = 0; i < l->len; i++)
        (void)snprintf(r->states[i].why, sizeof r->states[i].why, "the self-test has not run yet");
    *ret_readiness = r;
    return 0;
}

struct readiness *readiness_free(struct readiness *r)
{
    if (!r)
        return NULL;
    for (size_t i = 0; i < r->toolchains_len; i++)
        (void)toolchain_free(r->toolchains[i]);
    free(r->toolchains);
    (void)pthread_cond_destroy(&r->work);
    (void)pthread_cond_destroy(&r->timed);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
    return NULL;
}

static void changed_locked(struct readiness *r)
{
    r->changes++;
    (void)pthread_cond_broadcast(&r->work);
}

/* ---- languages ---- */

/* False: out of memory, and it still belongs to the caller. */
static bool keep_toolchain_locked(struct readiness *r, struct toolchain *toolchain)
{
    struct toolchain **more =
        realloc(r->toolchains, (r->toolchains_len + 1) * sizeof(struct toolchain *));
    if (!more)
        return false;
    r->toolchains = more;
    r->toolchains[r->toolchains_len++] = toolchain;
    return true;
}

bool readiness_available(struct readiness *r, size_t index, struct toolchain *toolchain)
{
    (void)pthread_mutex_lock(&r->lock);
    bool owned = keep_toolchain_locked(r, toolchain);
    if (owned) {
        r->states[index] = (struct language_state){ .toolchain = toolchain,
                                                    .state = READINESS_OK,
                                                    .images = true };
        changed_locked(r);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return owned;
}

void readiness_unavailable(struct readiness *r, size_t index, enum readiness_state state,
                           bool images, const char *why)
{
    (void)pthread_mutex_lock(&r->lock);
    struct language_state *s = &r->states[index];
    *s = (struct language_state){ .state = state, .images = images };
    (void)snprintf(s->why, sizeof s->why, "%s", why);
    (void)pthread_mutex_unlock(&r->lock);
}

bool readiness_retest(struct readiness *r, size_t index, const struct toolchain *toolchain,
                      bool images, const char *why)
{
    (void)pthread_mutex_lock(&r->lock);
    struct language_state *state = &r->states[index];
    bool current = state->toolchain == toolchain;
    if (current) {
        *state = (struct language_state){ .state = READINESS_PENDING, .images = images };
        (void)snprintf(state->why, sizeof state->why, "%s", why);
        r->wakes++;
        (void)pthread_cond_broadcast(&r->timed);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return current;
}

enum readiness_state readiness_state(struct readiness *r, size_t index)
{
    (void)pthread_mutex_lock(&r->lock);
    enum readiness_state state = r->states[index].state;
    (void)pthread_mutex_unlock(&r->lock);
    return state;
}

static size_t language_index(const struct readiness *r, const char *language)
{
    size_t i = 0;
    while (i < r->languages->len && strcmp(r->languages->rows[i].name, language) != 0)
        i++;
    return i;
}

const struct toolchain *readiness_toolchain(struct readiness *r, const char *language,
                                            size_t *ret_index)
{
    size_t i = language_index(r, language);
    if (i == r->languages->len)
        return NULL;
    (void)pthread_mutex_lock(&r->lock);
    const struct toolchain *toolchain = r->states[i].toolchain;
    (void)pthread_mutex_unlock(&r->lock);
    *ret_index = i;
    return toolchain;
}

bool readiness_has_images(struct readiness *r)
{
    bool any = false;

    (void)pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->languages->len; i++)
        any = any || r->states[i].images;
    (void)pthread_mutex_unlock(&r->lock);
    return any;
}

/* ---- the whole host ---- */

bool readiness_pause(struct readiness *r, const char *why)
{
    (void)pthread_mutex_lock(&r->lock);
    bool first = !r->paused;
    r->paused = true;
    (void)snprintf(r->why, sizeof r->why, "%s", why);
    (void)pthread_cond_broadcast(&r->timed);
    (void)pthread_mutex_unlock(&r->lock);
    return first;
}

bool readiness_resume(struct readiness *r)
{
    (void)pthread_mutex_lock(&r->lock);
    bool was = r->paused;
    r->paused = false;
    if (was)
        changed_locked(r);
    (void)pthread_mutex_unlock(&r->lock);
    return was;
}

/* ---- waiting ---- */

void readiness_signal(struct readiness *r, size_t workers)
{
    (void)pthread_mutex_lock(&r->lock);
    r->changes++;
    (void)pthread_mutex_unlock(&r->lock);
    if (workers == 1) /* without the lock, for which the worker would only wait again */
        (void)pthread_cond_signal(&r->work);
    else
        (void)pthread_cond_broadcast(&r->work);
}

uint64_t readiness_claimable(struct readiness *r, const char *ret_names[LANGUAGES_MAX + 1])
{
    size_t n = 0;

    (void)pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->languages->len && !r->paused && !r->stopping; i++)
        if (r->states[i].state == READINESS_OK)
            ret_names[n++] = r->languages->rows[i].name;
    ret_names[n] = NULL;
    uint64_t version = r->changes;
    (void)pthread_mutex_unlock(&r->lock);
    return version;
}

bool readiness_wait(struct readiness *r, uint64_t version)
{
    (void)pthread_mutex_lock(&r->lock);
    while (r->changes == version && !r->stopping)
        (void)pthread_cond_wait(&r->work, &r->lock);
    bool go = !r->stopping;
    (void)pthread_mutex_unlock(&r->lock);
    return go;
}

uint64_t readiness_version(struct readiness *r)
{
    (void)pthread_mutex_lock(&r->lock);
    uint64_t wakes = r->wakes;
    (void)pthread_mutex_unlock(&r->lock);
    return wakes;
}

bool readiness_wait_ms(struct readiness *r, uint64_t version, int64_t ms)
{
    int64_t until = clock_mono_ns() + ms * NS_PER_MS;

    (void)pthread_mutex_lock(&r->lock);
    while (r->wakes == version && !r->stopping && clock_cond_wait(&r->timed, &r->lock, until))
        ;
    bool go = !r->stopping;
    (void)pthread_mutex_unlock(&r->lock);
    return go;
}

bool readiness_wait_paused(struct readiness *r, int64_t ms)
{
    int64_t until = clock_mono_ns() + ms * NS_PER_MS;

    (void)pthread_mutex_lock(&r->lock);
    while (!r->paused && !r->stopping && clock_cond_wait(&r->timed, &r->lock, until))
        ;
    bool go = !r->stopping;
    (void)pthread_mutex_unlock(&r->lock);
    return go;
}

bool readiness_paused(struct readiness *r)
{
    (void)pthread_mutex_lock(&r->lock);
    bool paused = r->paused;
    (void)pthread_mutex_unlock(&r->lock);
    return paused;
}

void readiness_stop(struct readiness *r)
{
    (void)pthread_mutex_lock(&r->lock);
    r->stopping = true;
    changed_locked(r);
    (void)pthread_cond_broadcast(&r->timed);
    (void)pthread_mutex_unlock(&r->lock);
}

bool readiness_stopping(struct readiness *r)
{
    (void)pthread_mutex_lock(&r->lock);
    bool stopping = r->stopping;
    (void)pthread_mutex_unlock(&r->lock);
    return stopping;
}

/* ---- for clients ---- */

void readiness_reason(struct readiness *r, const char *language, char *out, size_t size)
{
    size_t i = language ? language_index(r, language) : r->languages->len;
    char text[sizeof r->why + 200] = "";

    (void)pthread_mutex_lock(&r->lock);
    if (r->stopping)
        (void)snprintf(text, sizeof text, "the server is stopping");
    else if (r->paused)
        (void)snprintf(text, sizeof text, "%s", r->why);
    else if (i < r->languages->len && r->states[i].state != READINESS_OK)
        (void)snprintf(text, sizeof text, "language '%.100s' is %s: %s", language,
                       state_names[r->states[i].state], r->states[i].why);
    (void)pthread_mutex_unlock(&r->lock);
    size_t len = text_cut(text, strlen(text), size - 1);
    memcpy(out, text, len);
    out[len] = '\0';
}

static json_t *make_list(const char *const *words)
{
    json_t *list = json_array();
    for (size_t i = 0; list && words[i]; i++)
        (void)json_array_append_new(list, json_string(words[i]));
    return list;
}

static json_t *describe_language_locked(const struct language_state *state,
                                        const struct language *language)
{
    return json_pack("{s:s, s:s, s:s?, s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:I, s:b}",
                     "name", language->name, "title", language->title, "image", language->image,
                     "run_image", language->run_image, "workdir", language->workdir, "source_name",
                     language->source_name, "build", make_list(language->build), "run",
                     make_list(language->run), "state", state_names[state->state], "version",
                     state->toolchain ? state->toolchain->version : "", "accelerator",
                     state->toolchain ? state->toolchain->accelerator : "", "error", state->why,
                     "memory_allowance_bytes",
                     (json_int_t)(state->toolchain ? state->toolchain->memory_overhead
                                                   : language->memory_overhead),
                     "strict_memory", language->strict_memory ? 1 : 0);
}

json_t *readiness_languages(struct readiness *r)
{
    json_auto_t *list = json_array();

    (void)pthread_mutex_lock(&r->lock);
    for (size_t i = 0; list && i < r->languages->len; i++)
        if (json_array_append_new(
                list, describe_language_locked(&r->states[i], &r->languages->rows[i])) < 0)
            list = (json_decref(list), NULL);
    (void)pthread_mutex_unlock(&r->lock);
    return list ? json_pack("{s:O}", "languages", list) : NULL;
}
