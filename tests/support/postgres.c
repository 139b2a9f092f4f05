#include "tests/support/postgres.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/base.h"
#include "tests/support/assert_err.h"

#define DATABASES_MAX 64
#define LINE_MAX_     512

static struct {
    pid_t owner; /* who started it: a forked child ends nothing */
    FILE *commands, *answers;
    char url[LINE_MAX_]; /* "": there is none */
} own;

static struct database {
    char url[LINE_MAX_], name[32]; /* "": free */
    bool is_own;
} databases[DATABASES_MAX];

static char shared[LINE_MAX_]; /* the URL of the server that is not this process's, or "" */

/* Runs a command with these ends of pipes; -1: as we have it. Its answer is a pid. */
static pid_t spawn(char *const argv[], int in, int out)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;

    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    if (in >= 0)
        assert_int_equal(posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO), 0);
    int failed = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (failed)
        fail_msg("cannot run %s: %s", argv[0], strerror(failed));
    return pid;
}

static bool succeeded(pid_t pid)
{
    int status = 0;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Without the end of the line; false at the end of the file. */
static bool read_line(FILE *f, char line[LINE_MAX_])
{
    if (!fgets(line, LINE_MAX_, f))
        return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

/* A keeper's first words: ready URL DIR. */
static bool take_url(char url[LINE_MAX_], const char *line)
{
    if (strncmp(line, "ready ", 6) != 0)
        return false;
    (void)snprintf(url, LINE_MAX_, "%.*s", (int)strcspn(line + 6, " "), line + 6);
    return true;
}

#define MUTABLE(text) ((char[]){ text }) /* posix_spawn() has no const */

/* Calls a function of the script; true with its last line, if it was a success. */
static bool call(const char *function, const char *const arguments[3], char line[LINE_MAX_])
{
    char words[4][LINE_MAX_], *argv[] = { MUTABLE("bash"),
                                          MUTABLE("-c"),
                                          MUTABLE(". \"$0\"; \"$@\""),
                                          MUTABLE(POSTGRES_SH),
                                          words[0],
                                          words[1],
                                          words[2],
                                          words[3],
                                          NULL };
    int ends[2];

    (void)snprintf(words[0], LINE_MAX_, "%s", function);
    for (size_t i = 0; i < 3; i++)
        (void)snprintf(words[i + 1], LINE_MAX_, "%s", arguments[i] ? arguments[i] : "");
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = spawn(argv, -1, ends[1]);
    (void)close(ends[1]);
    FILE *f = fdopen(ends[0], "r");
    assert_non_null(f);
    while (read_line(f, line))
        ;
    (void)fclose(f);
    return succeeded(pid);
}

/* ---- the server of our own ---- */

static void tell(const char *command)
{
    char answer[LINE_MAX_] = "";
    assert_non_null(own.commands);
    if (fprintf(own.commands, "%s\n", command) < 0 || fflush(own.commands) != 0 ||
        !read_line(own.answers, answer) || strcmp(answer, "ok") != 0)
        fail_msg("PostgreSQL does not obey '%s': %s", command, answer);
}

/* The keeper closes its answers when it has removed everything. */
static void end_own(void)
{
    char line[LINE_MAX_];
    if (!own.commands || own.owner != getpid())
        return;
    (void)fclose(own.commands);
    while (read_line(own.answers, line))
        ;
    (void)fclose(own.answers);
    own.commands = own.answers = NULL;
    own.url[0] = '\0';
}

static void drop(struct database *d)
{
    char line[LINE_MAX_];
    const char *arguments[3] = { d->is_own ? own.url : shared, d->name };
    (void)call("postgres_drop", arguments, line); /* it may be down */
    *d = (struct database){ 0 };
}

static void at_exit(void)
{
    if (own.owner != getpid())
        return;
    for (size_t i = 0; i < DATABASES_MAX; i++)
        if (databases[i].url[0] && !databases[i].is_own)
            drop(&databases[i]);
    end_own();
}

static void prepare(void)
{
    if (own.owner == getpid())
        return;
    own.owner = getpid();
    assert_int_equal(atexit(at_exit), 0);
}

void postgres_own_start(const char *word)
{
    char words[LINE_MAX_], line[LINE_MAX_] = "";
    char *argv[] = { MUTABLE("setsid"),
                     MUTABLE("-f"),
                     MUTABLE("bash"),
                     MUTABLE("-c"),
                     MUTABLE(". \"$0\"; postgres_keep \"\" $1"),
                     MUTABLE(POSTGRES_SH),
                     words,
                     NULL };
    int in[2], out[2];

    prepare();
    assert_null(own.commands);
    (void)snprintf(words, sizeof words, "%s", word ? word : "");
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t pid = spawn(argv, in[0], out[1]);
    (void)close(in[0]);
    (void)close(out[1]);
    own.commands = fdopen(in[1], "w");
    own.answers = fdopen(out[0], "r");
    if (!succeeded(pid) || !read_line(own.answers, line) || !take_url(own.url, line)) {
        end_own();
        fail_msg("PostgreSQL does not start (package postgresql): %s", line);
    }
}

void postgres_own_end(void)
{
    for (size_t i = 0; i < DATABASES_MAX; i++)
        if (databases[i].is_own)
            databases[i] = (struct database){ 0 };
    end_own();
}

void postgres_stop_hard(void) { tell("quit"); }
void postgres_kill(void) { tell("kill"); }
void postgres_start_again(void) { tell("start"); }
void postgres_pause(void) { tell("pause"); }
void postgres_resume(void) { tell("resume"); }

/* ---- databases ---- */

/* ctest is our parent, and has the fixture's keeper write to a file of its number. */
static void find_shared(void)
{
    char path[64], line[LINE_MAX_] = "";
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
    if (read_line(f, line))
        (void)take_url(shared, line);
    (void)fclose(f);
}

static const char *create(bool is_own, const char *options)
{
    static unsigned made;
    struct database *d = databases;

    while (d < databases + DATABASES_MAX && d->url[0])
        d++;
    if (d == databases + DATABASES_MAX)
        fail_msg("more than %d databases at once: drop some", DATABASES_MAX);
    *d = (struct database){ .is_own = is_own };
    (void)snprintf(d->name, sizeof d->name, "scrc_%d_%u", (int)getpid(), ++made);
    const char *arguments[3] = { is_own ? own.url : shared, d->name, options };
    if (!call("postgres_create", arguments, d->url)) {
        *d = (struct database){ 0 };
        fail_msg("no database from PostgreSQL");
    }
    return d->url;
}

const char *postgres_url_with(const char *options)
{
    prepare();
    find_shared();
    if (!shared[0] && !own.url[0])
        postgres_own_start(NULL);
    return create(!shared[0], options);
}

const char *postgres_url(void) { return postgres_url_with(NULL); }

const char *postgres_own_url(void)
{
    if (!own.url[0])
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
