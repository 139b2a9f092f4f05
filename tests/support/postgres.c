#include "tests/support/postgres.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/assert_err.h"
#include "tests/support/servant.h"

#define DATABASES_MAX 64
#define URL_MAX       SERVANT_LINE

static struct servant own; /* the keeper of the server that is only ours */
static pid_t owner;        /* who started it: a forked child ends nothing */

static struct database {
    char url[URL_MAX], name[32]; /* url "": free */
    bool is_own;
} databases[DATABASES_MAX];

static char shared[URL_MAX]; /* the URL of the server that is not this process's, or "" */

/* A function of the script; true with the last line that it prints, if it was a success. */
static bool call(const char *function, const struct database *d, const char *options,
                 char line[SERVANT_LINE])
{
    const char *server = d->is_own ? own.ready : shared;
    return servant_run((const char *const[]){ "bash", "-c", ". \"$0\"; \"$@\"", POSTGRES_SH,
                                              function, server, d->name, options, NULL },
                       line) == 0;
}

static void drop(struct database *d)
{
    char line[SERVANT_LINE];
    (void)call("postgres_drop", d, NULL, line); /* the server may be down */
    *d = (struct database){ 0 };
}

static void at_exit(void)
{
    if (owner != getpid())
        return;
    for (size_t i = 0; i < DATABASES_MAX; i++)
        if (databases[i].url[0] && !databases[i].is_own)
            drop(&databases[i]);
    servant_close(&own);
}

static void prepare(void)
{
    if (owner == getpid())
        return;
    owner = getpid();
    assert_int_equal(atexit(at_exit), 0);
}

/* ---- the server of our own ---- */

void postgres_own_start(const char *word)
{
    prepare();
    assert_null(own.commands);
    servant_open(&own, (const char *const[]){ "bash", "-c", ". \"$0\"; postgres_keep \"$@\"",
                                              POSTGRES_SH, word, NULL });
}

void postgres_own_end(void)
{
    for (size_t i = 0; i < DATABASES_MAX; i++)
        if (databases[i].is_own)
            databases[i] = (struct database){ 0 };
    servant_close(&own);
}

void postgres_stop_hard(void) { servant_tell(&own, "quit"); }
void postgres_kill(void) { servant_tell(&own, "kill"); }
void postgres_start_again(void) { servant_tell(&own, "start"); }
void postgres_pause(void) { servant_tell(&own, "pause"); }
void postgres_resume(void) { servant_tell(&own, "resume"); }

/* ---- databases ---- */

/* ctest is our parent, and has the fixture's keeper write to a file of its number. */
static void find_shared(void)
{
    char path[64], found[URL_MAX];
    const char *set = getenv("SCRC_TEST_POSTGRES");

    if (shared[0])
        return;
    if (set && *set) {
        (void)snprintf(shared, sizeof shared, "%s", set);
        return;
    }
    (void)snprintf(path, sizeof path, "/tmp/scrc-p.%d/said", (int)getppid());
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    if (fscanf(f, "ready %511s", found) == 1)
        memcpy(shared, found, sizeof shared);
    (void)fclose(f);
}

static const char *create(bool is_own, const char *options)
{
    static unsigned made;
    char line[SERVANT_LINE];
    struct database *d = databases;

    while (d < databases + DATABASES_MAX && d->url[0])
        d++;
    if (d == databases + DATABASES_MAX)
        fail_msg("more than %d databases at once: drop some", DATABASES_MAX);
    *d = (struct database){ .is_own = is_own };
    (void)snprintf(d->name, sizeof d->name, "scrc_%d_%u", (int)getpid(), ++made);
    if (!call("postgres_create", d, options, line))
        fail_msg("no database from PostgreSQL");
    memcpy(d->url, line, sizeof d->url);
    return d->url;
}

const char *postgres_url_with(const char *options)
{
    prepare();
    find_shared();
    if (!shared[0] && !own.commands)
        postgres_own_start(NULL);
    return create(!shared[0], options);
}

const char *postgres_url(void) { return postgres_url_with(getenv("SCRC_TEST_POSTGRES_OPTIONS")); }

const char *postgres_own_url(void)
{
    if (!own.commands)
        postgres_own_start(NULL);
    return create(true, NULL);
}

void postgres_drop(const char *url)
{
    for (size_t i = 0; i < DATABASES_MAX; i++)
        if (databases[i].url == url) {
            drop(&databases[i]);
            return;
        }
    fail_msg("not a database from here: %s", url);
}
