#include "tests/support/fake_docker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "schema/base/text.h"
#include "tests/support/fake_parts.h"
#include "tests/support/scratch.h"

#define CLOSE_NS (10 * NS_PER_S) /* for what was let go of to end */

struct fake fake;

void fake_image(const char *id)
{
    (void)pthread_mutex_lock(&fake.lock);
    fake.image_id = id;
    (void)pthread_mutex_unlock(&fake.lock);
}

int fake_open(void **state)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)state;
    fake = (struct fake){ .lock = PTHREAD_MUTEX_INITIALIZER };
    clock_cond_init(&fake.changed);
    (void)snprintf(fake.dir, sizeof fake.dir, "/tmp/scrc-fake-XXXXXX");
    if (text_init() < 0 || !mkdtemp(fake.dir))
        return -1;
    (void)snprintf(fake.path, sizeof fake.path, "%.63s/docker.sock", fake.dir);
    (void)snprintf(fake.host, sizeof fake.host, "unix://%.95s", fake.path);
    (void)snprintf(fake.cells, sizeof fake.cells, "%.63s/cells", fake.dir);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", fake.path);
    if (mkdir(fake.cells, 0700) < 0)
        return -1;
    fake.cell_host = (struct cell_host){ .dir = fake.cells,
                                         .host_dir = fake.cells,
                                         .instance = "0123456789abcdef0123456789abcdef",
                                         .table = "fedcba9876543210fedcba9876543210",
                                         .box = "auto" };
    fake.config = (struct engine_config){ .docker_host = fake.host,
                                          .cell_dir = fake.cells,
                                          .instance = fake.cell_host.instance,
                                          .version = "test",
                                          .parallel = 2,
                                          .default_time_ms = 1000,
                                          .max_time_ms = 10000,
                                          .default_memory_bytes = 64 * MIB,
                                          .max_memory_bytes = GIB,
                                          .output_bytes = MIB,
                                          .report_output_bytes = 64 * KIB,
                                          .build_time_ms = 1000,
                                          .build_memory_bytes = 256 * MIB,
                                          .report_bytes = 16 * MIB,
                                          .build_artefact_bytes = MIB,
                                          .pids = 32,
                                          .cell_uses = 1 };
    fake.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fake.listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(fake.listener, 64) < 0)
        return -1;
    return pthread_create(&fake.thread, NULL, fake_server_main, NULL);
}

void fake_connected(int fd)
{
    (void)pthread_mutex_lock(&fake.lock);
    if (fake.connections_len < ARRAY_LEN(fake.connections))
        fake.connections[fake.connections_len++] = fd;
    (void)pthread_mutex_unlock(&fake.lock);
}

void fake_disconnected(int fd)
{
    (void)pthread_mutex_lock(&fake.lock);
    for (size_t i = 0; i < fake.connections_len; i++) {
        if (fake.connections[i] == fd) {
            fake.connections[i] = fake.connections[--fake.connections_len];
            break;
        }
    }
    fake_changed_locked();
    (void)pthread_mutex_unlock(&fake.lock);
}

/* How many there still are, after a while. They are ended here, or whoever reads them would be
 * waited for without end. */
static int fake_hang_up(void)
{
    int64_t until = clock_mono_ns() + CLOSE_NS;
    (void)pthread_mutex_lock(&fake.lock);
    while (fake.connections_len > 0 && clock_cond_wait(&fake.changed, &fake.lock, until))
        ;
    int left = (int)fake.connections_len;
    for (size_t i = 0; i < fake.connections_len; i++)
        (void)shutdown(fake.connections[i], SHUT_RDWR);
    (void)pthread_mutex_unlock(&fake.lock);
    if (left > 0)
        print_error("%d connections left\n", left);
    return left;
}

int fake_close(void **state)
{
    (void)state;
    fake_release();
    (void)shutdown(fake.listener, SHUT_RDWR);
    (void)pthread_join(fake.thread, NULL);
    closep(&fake.listener);
    int left = fake_hang_up(), containers = 0;
    for (size_t i = 0; i < fake.clients_len; i++)
        (void)pthread_join(fake.clients[i], NULL);
    for (size_t i = 0; i < fake.containers_len; i++) {
        if (fake.containers[i].has_agent)
            (void)pthread_join(fake.containers[i].agent, NULL);
        json_decref(fake.containers[i].body);
        containers += fake.containers[i].removed ? 0 : 1;
    }
    (void)pthread_cond_destroy(&fake.changed);
    scratch_remove(fake.dir);
    if (containers > 0)
        print_error("%d containers left\n", containers);
    return left + containers == 0 ? 0 : -1;
}
