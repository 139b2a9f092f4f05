/* Who connects to a cell's socket: the agent, nobody, or another user of the host. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/cell/cell.h"
#include "engine/cell/cell_dir.h"
#include "schema/base/clock.h"
#include "tests/support/assert_err.h"
#include "tests/support/fixture.h"

/* The name of the one cell in dir, once it is there; "" when done comes before it. */
static void await_cell(const char *dir, const atomic_bool *done, char name[CELL_DIR_NAME_SIZE])
{
    for (name[0] = '\0'; !name[0] && !atomic_load(done); (void)usleep(500)) {
        DIR *d = opendir(dir);
        assert_non_null(d);
        for (const struct dirent *x; (x = readdir(d));)
            if (strncmp(x->d_name, "scrc-", 5) == 0)
                (void)snprintf(name, CELL_DIR_NAME_SIZE, "%.*s", CELL_DIR_NAME_SIZE - 1, x->d_name);
        (void)closedir(d);
    }
}

struct watcher {
    const char *from, *to; /* directories */
    atomic_bool done;
    pthread_t thread;
};

static void write_script(const char *path)
{
    static const char script[] = "#!/bin/sh\nexit 7\n";
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

    if (fd < 0 || write(fd, script, strlen(script)) < 0)
        perror(path);
    closep(&fd);
}

/* Puts an agent that ends at once where Docker will look for that of the cell in `from`. */
static void *place_script(void *arg)
{
    struct watcher *w = arg;
    char name[CELL_DIR_NAME_SIZE], made[160], path[160], file[170];

    (void)snprintf(made, sizeof made, "%s/made", w->to);
    (void)snprintf(file, sizeof file, "%s/agent", made);
    if (mkdir(made, 0755) < 0)
        perror(made);
    write_script(file);
    await_cell(w->from, &w->done, name);
    (void)snprintf(path, sizeof path, "%s/%s", w->to, name[0] ? name : "late");
    if (rename(made, path) < 0)
        perror(path);
    while (!atomic_load(&w->done))
        (void)usleep(500);
    (void)snprintf(file, sizeof file, "%s/agent", path);
    (void)unlink(file);
    (void)rmdir(path);
    return NULL;
}

/* Opens a cell whose agent is the script. False when the script came too late for Docker. */
static bool open_with_script(const char *other, int64_t *ret_took_ns, struct err *ret_why)
{
    struct watcher w = { .from = fixture.dir, .to = other };
    struct cell_spec spec = fixture_spec();
    struct cell_host odd = fixture.host;
    struct cell *c = NULL;

    odd.host_dir = other; /* where Docker will find another agent */
    assert_int_equal(pthread_create(&w.thread, NULL, place_script, &w), 0);
    int64_t began = clock_mono_ns();
    int rc = cell_open(fixture.docker, &odd, &spec, &c, ret_why);
    *ret_took_ns = clock_mono_ns() - began;
    atomic_store(&w.done, true);
    (void)pthread_join(w.thread, NULL);
    assert_int_equal(rc, -1);
    return !strstr(ret_why->msg, "source path does not exist");
}

/* A container that ends at once is noticed at once, not when the agent's time is over. */
static void agent_ends_at_once(void **state)
{
    (void)state;
    char other[] = "/var/tmp/scrc-test-XXXXXX";
    struct err why = { .kind = ERR_NONE };
    int64_t took_ns = 0;
    bool tried = false;

    assert_non_null(mkdtemp(other));
    for (int i = 0; i < 50 && !tried; i++)
        tried = open_with_script(other, &took_ns, &why);
    if (why.kind != ERR_CELL || !strstr(why.msg, "status 7"))
        fail_msg("%s", why.msg);
    assert_in_range(took_ns, 0, 15 * NS_PER_S);
    assert_int_equal(rmdir(other), 0);
}

#define STRANGER 65534

/* Another user of this host, with the directory open to him: connects before the agent does, in one
 * process after the other, and says what an agent says. Exits with how often it got in. */
_Noreturn static void be_stranger(const char *dir)
{
    const struct agent_hello hello = { .head = { AGENT_MAGIC, AGENT_HELLO, 0 },
                                       .version = AGENT_VERSION,
                                       .box = AGENT_BOX_NAMESPACES };
    const atomic_bool never = false;
    char name[CELL_DIR_NAME_SIZE];
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int connected = 0;

    if (setgid(STRANGER) < 0 || setuid(STRANGER) < 0)
        _exit(0);
    await_cell(dir, &never, name);
    (void)snprintf(to.sun_path, sizeof to.sun_path, "%.20s/%.79s/socket", dir, name);
    for (int tries = 0; tries < 10000 && connected < 3; tries++) {
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
            (void)send(fd, &hello, sizeof hello, MSG_NOSIGNAL);
            connected++;
        } else {
            (void)close(fd);
            (void)usleep(200);
        }
    }
    _exit(connected);
}

static void stranger_is_no_agent(void **state)
{
    (void)state;
    char open_dir[] = "/tmp/scrc-XXXXXX"; /* fits into sun_path with a cell's name */
    struct cell_host open_host = fixture.host;
    struct cell_spec spec = fixture_spec();
    struct cell *c = NULL;
    int status = 0;

    if (geteuid() != 0)
        skip(); /* cannot be another user */
    assert_non_null(mkdtemp(open_dir));
    assert_int_equal(chmod(open_dir, 0755), 0);
    open_host.dir = open_host.host_dir = open_dir;
    pid_t pid = fork();
    if (pid == 0)
        be_stranger(open_dir);
    ASSERT_OK(cell_open(fixture.docker, &open_host, &spec, &c, e));
    fixture_expect(c, "echo here", "here\n");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) > 0); /* he was there first */
    (void)cell_free(c, fixture.docker);
    assert_int_equal(rmdir(open_dir), 0);
}

/* Nobody can tell the next name from those he has seen. */
static void names(void **state)
{
    (void)state;
    char first[CELL_DIR_NAME_SIZE], second[CELL_DIR_NAME_SIZE];

    cell_dir_name(fixture.table, fixture.instance, first);
    cell_dir_name(fixture.table, fixture.instance, second);
    const char *one = strrchr(first, '-'), *two = strrchr(second, '-');
    assert_int_equal(strlen(one), 17);
    assert_int_equal(strlen(two), 17);
    assert_string_not_equal(one, two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(agent_ends_at_once),
        FIXTURE_TEST(stranger_is_no_agent),
        FIXTURE_TEST(names),
    };
    return fixture_run_in_boxes(tests, ARRAY_LEN(tests));
}
