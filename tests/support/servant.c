#include "tests/support/servant.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/base.h"
#include "tests/support/assert_err.h"

#define ARGV_MAX 12

/* Runs a program with these ends of pipes; in -1: with our own input. */
static pid_t spawn(const char *const argv[], int in, int out)
{
    posix_spawn_file_actions_t actions;
    char *words[ARGV_MAX] = { NULL }; /* posix_spawn() has no const */
    pid_t pid = -1;

    for (size_t i = 0; argv[i]; i++) {
        assert_true(i + 1 < ARGV_MAX);
        assert_non_null(words[i] = strdup(argv[i]));
    }
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    if (in >= 0)
        assert_int_equal(posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO), 0);
    int failed = posix_spawnp(&pid, words[0], &actions, NULL, words, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    for (size_t i = 0; words[i]; i++)
        free(words[i]);
    if (failed)
        fail_msg("cannot run %s: %s", argv[0], strerror(failed));
    return pid;
}

static int exit_code(pid_t pid)
{
    int status = 0;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool read_line(FILE *f, char line[SERVANT_LINE])
{
    if (!fgets(line, SERVANT_LINE, f))
        return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

void servant_open(struct servant *s, const char *const argv[])
{
    const char *words[ARGV_MAX] = { "setsid", "-f" };
    char line[SERVANT_LINE] = "";
    int in[2], out[2];

    for (size_t i = 0; argv[i]; i++) {
        assert_true(i + 3 < ARGV_MAX);
        words[i + 2] = argv[i];
    }
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t pid = spawn(words, in[0], out[1]);
    (void)close(in[0]);
    (void)close(out[1]);
    s->commands = fdopen(in[1], "w");
    s->answers = fdopen(out[0], "r");
    if (exit_code(pid) != 0 || !read_line(s->answers, line) || strncmp(line, "ready ", 6) != 0) {
        servant_close(s);
        fail_msg("%s does not start: %s", argv[0], line);
    }
    (void)snprintf(s->ready, sizeof s->ready, "%.*s", (int)strcspn(line + 6, " "), line + 6);
}

void servant_tell(struct servant *s, const char *command)
{
    char answer[SERVANT_LINE] = "";
    assert_non_null(s->commands);
    if (fprintf(s->commands, "%s\n", command) < 0 || fflush(s->commands) != 0 ||
        !read_line(s->answers, answer) || strcmp(answer, "ok") != 0)
        fail_msg("'%s' is answered with '%s'", command, answer);
}

void servant_close(struct servant *s)
{
    char line[SERVANT_LINE];
    if (s->commands) {
        (void)fclose(s->commands);
        while (read_line(s->answers, line))
            ;
        (void)fclose(s->answers);
    }
    *s = (struct servant){ 0 };
}

int servant_run(const char *const argv[], char line[SERVANT_LINE])
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = spawn(argv, -1, ends[1]);
    (void)close(ends[1]);
    FILE *f = fdopen(ends[0], "r");
    assert_non_null(f);
    line[0] = '\0';
    while (read_line(f, line))
        ;
    (void)fclose(f);
    return exit_code(pid);
}
