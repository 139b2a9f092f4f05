/* tests/simulator/pipe.c - Kafka as a pipe, for a load that is made elsewhere (tests/bench/suite).
 *
 *     stdin:   an id, a tab, a submission, a newline -> KAFKA_TOPIC, at once
 *     stdout:  "ready" when results can be read; then each of KAFKA_RESULTS_TOPIC on a line
 *
 * The end of stdin ends it. Settings are those of the simulator. kcat cannot take its place: it
 * sends nothing of a pipe before a block of it is full.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/err.h"
#include "tests/simulator/options.h"
#include "tests/simulator/traffic.h"

#define POLL_MS 100

enum exit_code { EXIT_ENDED, EXIT_BROKEN, EXIT_SETTING };

static atomic_bool ending;

static void on_result(void *ctx, const struct traffic_message *m)
{
    (void)ctx;
    if (!m->value)
        return;
    (void)fwrite(m->value, 1, m->value_len, stdout);
    (void)putchar('\n');
    (void)fflush(stdout);
}

static int broken(const struct err *e)
{
    (void)fprintf(stderr, "pipe: %s\n", e->msg);
    return e->kind == ERR_SETTING ? EXIT_SETTING : EXIT_BROKEN;
}

/* The other thread waits for stdin and would not hear of it, so a failure ends the process here. */
static void *poll_main(void *arg)
{
    struct traffic *t = arg;
    struct err e = { 0 };

    while (!ending)
        if (traffic_poll(t, POLL_MS, on_result, NULL, &e) < 0)
            _exit(broken(&e));
    return NULL;
}

static int send_lines(struct traffic *t, struct err *e)
{
    CLEANUP(freep) char *line = NULL;
    size_t size = 0;
    ssize_t len;

    while ((len = getline(&line, &size, stdin)) > 0) {
        if (line[len - 1] == '\n')
            line[len - 1] = '\0';
        char *text = strchr(line, '\t');
        if (!text)
            return err_set(e, ERR_SETTING, "no tab in '%.80s'", line);
        *text++ = '\0';
        if (traffic_send(t, line, text, e) < 0)
            return -1;
    }
    return 0;
}

int main(void)
{
    struct options options;
    struct err e = { 0 };
    pthread_t poller;
    CLEANUP(traffic_closep) struct traffic *t = NULL;

    if (options_read(&options, &e) < 0 || traffic_open(&options, &t, &e) < 0)
        return broken(&e);
    if (pthread_create(&poller, NULL, poll_main, t) != 0)
        return EXIT_BROKEN;
    (void)puts("ready");
    (void)fflush(stdout);
    int sent = send_lines(t, &e);
    ending = true;
    (void)pthread_join(poller, NULL);
    return sent < 0 ? broken(&e) : EXIT_ENDED;
}
