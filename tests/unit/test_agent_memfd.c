/* tests/unit/test_agent_memfd.c - files in memory: who may do what with them, under the settings of
 * a kernel that would rather have none executed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "engine/agent/memfd.h"
#include "schema/base/base.h"

#define SETTING "/proc/sys/vm/memfd_noexec"

/* A sealed copy of /bin/true, or of nothing. -1 with errno. */
static int sealed(enum memfd_use use)
{
    char chunk[65536];
    CLEANUP(closep) int fd = memfd_new("x", use), from = open("/bin/true", O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0 || from < 0)
        return -1;
    while ((n = read(from, chunk, sizeof chunk)) > 0)
        if (write(fd, chunk, (size_t)n) != n)
            return -1;
    return memfd_seal(fd);
}

static int status_of(pid_t pid)
{
    int status;

    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

/* Exit status of the memfd run as a program, or errno when it could not be. */
static int run(int fd)
{
    char *const none[] = { NULL };
    pid_t pid = fork();

    if (pid == 0) {
        (void)syscall(SYS_execveat, fd, "", none, none, AT_EMPTY_PATH);
        _exit(errno);
    }
    return status_of(pid);
}

static void nobody_changes_what_is_sealed(void **state)
{
    static const struct {
        enum memfd_use use;
        mode_t mode;
    } cases[] = { { MEMFD_DATA, 0444 }, { MEMFD_PROGRAM, 0555 } };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
        int fd = sealed(cases[i].use);
        struct stat st;

        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_mode & 07777, cases[i].mode);
        assert_int_equal(fcntl(fd, F_GET_SEALS) & seals, seals);
        assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
        assert_int_equal(write(fd, "x", 1), -1);
        closep(&fd);
    }
}

/* Holds the first page of fd, as the kernel's memory reclaim may, for longer than the kernel waits
 * for it. The child that does so, or -1. */
static pid_t hold_page(int fd)
{
    enum { HELD_MS = 400 };
    loff_t at = 0;
    int ends[2];
    char byte;

    if (pipe(ends) < 0 || splice(fd, &at, ends[1], NULL, 4096, 0) <= 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[1]);
        (void)poll(NULL, 0, HELD_MS);
        while (read(ends[0], &byte, 1) > 0)
            continue;
        _exit(0);
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
    return pid;
}

static void a_page_that_is_held_is_waited_for(void **state)
{
    static char page[4096];
    CLEANUP(closep) int fd = memfd_new("x", MEMFD_DATA);
    (void)state;

    assert_int_equal(write(fd, page, sizeof page), sizeof page);
    pid_t holder = hold_page(fd);
    assert_true(holder > 0);
    CLEANUP(closep) int own = memfd_seal(fd);
    assert_true(own >= 0);
    assert_int_equal(status_of(holder), 0);
}

static void a_program_runs_and_data_do_not(void **state)
{
    int program = sealed(MEMFD_PROGRAM), data = sealed(MEMFD_DATA);
    (void)state;

    assert_int_equal(run(program), 0);
    assert_int_equal(run(data), EACCES);
    closep(&program);
    closep(&data);
}

/* 0: both kinds can be made and the program runs; else what went wrong, 77: it cannot be tried. */
static int try_under(char value)
{
    CLEANUP(closep) int setting = open(SETTING, O_WRONLY | O_CLOEXEC);

    if (setting < 0 || write(setting, &value, 1) != 1)
        return 77;
    CLEANUP(closep) int program = sealed(MEMFD_PROGRAM);
    CLEANUP(closep) int data = sealed(MEMFD_DATA);
    return program < 0 || data < 0 ? errno : run(program);
}

/* In a pid namespace of its own, where the setting is our own too. */
static void a_program_says_that_it_is_one(void **state)
{
    (void)state;
    pid_t pid = fork();

    if (pid == 0) {
        if (unshare(CLONE_NEWPID) < 0)
            _exit(77);
        pid = fork();
        _exit(pid == 0 ? try_under('1') : status_of(pid));
    }
    int status = status_of(pid);
    if (status == 77)
        skip();
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_changes_what_is_sealed),
        cmocka_unit_test(a_page_that_is_held_is_waited_for),
        cmocka_unit_test(a_program_runs_and_data_do_not),
        cmocka_unit_test(a_program_says_that_it_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
