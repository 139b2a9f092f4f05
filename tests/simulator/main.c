/* tests/simulator/main.c - 25 scripts of known outcome through Kafka, and every result compared.
 *
 *     send an iteration every SCRIPT_INTERVAL_SECONDS, reading results meanwhile
 *     --> all are sent, or a signal: wait for what is out, but not for ever
 *     --> all are answered: stay until it is quiet, so that a second answer is seen
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "tests/simulator/display.h"
#include "tests/simulator/ledger.h"
#include "tests/simulator/options.h"
#include "tests/simulator/scenario.h"
#include "tests/simulator/traffic.h"

#define TICK_MS  100 /* signals and progress are looked at this often */
#define SAID_MAX 40  /* differences that get a line of their own; the log has all */

enum exit_code { EXIT_SAME, EXIT_DIFFERENT, EXIT_SETTING };

struct simulator {
    struct options options;
    struct ledger *ledger;   /* owned */
    struct traffic *traffic; /* owned */
    FILE *log;               /* owned */
    struct display display;
    int64_t iterations; /* sent */
    int64_t next_ns;    /* when the next one is due */
    int64_t last_ns;    /* when something was sent or came */
    int64_t said;
};

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
    (void)number;
    signals = signals + 1;
}

static void watch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* ---- results ---- */

static void say_difference(struct simulator *s, const char *what, const char *id, const char *why)
{
    if (s->said++ < SAID_MAX)
        display_say(&s->display, "%s: %s: %s", what, *id ? id : "(no id)", why);
}

static void on_result(void *ctx, const struct traffic_message *m)
{
    static const char *const words[] = { [LEDGER_RIGHT] = "right",
                                         [LEDGER_WRONG] = "wrong",
                                         [LEDGER_DOUBLED] = "doubled",
                                         [LEDGER_FOREIGN] = "not asked for" };
    struct simulator *s = ctx;
    struct ledger_result r;
    char at[CLOCK_RFC3339_SIZE];

    s->last_ns = clock_mono_ns();
    ledger_result(s->ledger, s->last_ns, m->key, m->key_len, m->value, m->value_len, &r);
    clock_rfc3339(clock_wall_ms(), at);
    (void)fprintf(s->log, "%s partition=%d offset=%lld id=%s status=%s latency_ms=%lld %s%s%s\n",
                  at, (int)m->partition, (long long)m->offset, r.id, r.status,
                  (long long)(r.latency_ns / NS_PER_MS), words[r.word], *r.why ? ": " : "", r.why);
    if (r.word != LEDGER_RIGHT)
        say_difference(s, words[r.word], r.id, r.why);
}

/* ---- the run ---- */

static int send_one(struct simulator *s, unsigned scenario, struct err *e)
{
    char id[SCENARIO_ID_SIZE];

    scenario_id(s->options.run, scenario, s->iterations + 1, id);
    CLEANUP(freep) char *text = scenario_message(id, scenario);
    if (!text)
        return err_set(e, ERR_NOMEM, "%s (or SCRIPT_RUN is not UTF-8)", id);
    s->last_ns = clock_mono_ns();
    if (ledger_sent(s->ledger, s->last_ns, e) < 0)
        return -1;
    return traffic_send(s->traffic, id, text, e);
}

static int send_iteration(struct simulator *s, struct err *e)
{
    for (unsigned i = 0; i < SCENARIO_COUNT; i++)
        if (send_one(s, i, e) < 0)
            return -1;
    s->iterations++;
    s->next_ns = clock_mono_ns() + s->options.interval_ms * NS_PER_MS;
    return 0;
}

static bool more_to_send(const struct simulator *s)
{
    return !signals && (s->options.iterations == 0 || s->iterations < s->options.iterations);
}

/* Once nothing more is sent: everything is answered and it is quiet, or it takes too long. */
static bool over(const struct simulator *s)
{
    struct ledger_counts c;
    int64_t quiet_ns = clock_mono_ns() - s->last_ns;

    ledger_counts(s->ledger, &c);
    return quiet_ns >= (c.out ? s->options.wait_ms : s->options.poll_ms) * NS_PER_MS;
}

static int wait_ms(const struct simulator *s)
{
    int64_t due_ms = (s->next_ns - clock_mono_ns()) / NS_PER_MS;
    int64_t ms = more_to_send(s) && due_ms < TICK_MS ? due_ms : TICK_MS;
    return ms > 0 ? (int)ms : 0;
}

static int run(struct simulator *s, struct err *e)
{
    s->last_ns = clock_mono_ns();
    while (signals < 2 && (more_to_send(s) || !over(s))) {
        if (more_to_send(s) && clock_mono_ns() >= s->next_ns && send_iteration(s, e) < 0)
            return -1;
        if (traffic_poll(s->traffic, wait_ms(s), on_result, s, e) < 0)
            return -1;
        display_progress(&s->display, &s->options, s->ledger, traffic_trouble(s->traffic));
    }
    return 0;
}

/* ---- the end ---- */

static void on_missing(void *ctx, const char *id)
{
    struct simulator *s = ctx;
    (void)fprintf(s->log, "missing id=%s\n", id);
    say_difference(s, "missing", id, "no result");
}

/* True when everything was as it should be. */
static bool sum_up(struct simulator *s, struct err *e)
{
    struct ledger_counts c;

    display_end(&s->display);
    ledger_missing(s->ledger, on_missing, s);
    if (s->said > SAID_MAX)
        display_say(&s->display, "... and %lld more (%s has all)", (long long)(s->said - SAID_MAX),
                    s->options.log_path);
    ledger_counts(s->ledger, &c);
    return display_table(s->ledger, e) == 0 && fflush(stdout) == 0 && fflush(s->log) == 0 &&
           c.sent > 0 && c.right == c.sent && c.doubled == 0 && c.foreign == 0;
}

static int start(struct simulator *s, struct err *e)
{
    s->log = fopen(s->options.log_path, "ae");
    if (!s->log)
        return err_errno(e, ERR_SETTING, errno, "RESULT_CONSUMER_LOG_PATH: cannot write %s",
                         s->options.log_path);
    (void)setvbuf(s->log, NULL, _IOLBF, 0);
    s->ledger = ledger_new(s->options.run);
    if (!s->ledger)
        return err_set(e, ERR_NOMEM, "simulator");
    display_say(&s->display, "simulator: Kafka at %s, %s -> %s", s->options.broker,
                s->options.topic, s->options.results_topic);
    return traffic_open(&s->options, &s->traffic, e);
}

static enum exit_code simulate(struct simulator *s)
{
    struct err e = { 0 };

    if (options_read(&s->options, &e) < 0 || start(s, &e) < 0) {
        display_say(&s->display, "simulator: %s", e.msg);
        return e.kind == ERR_SETTING ? EXIT_SETTING : EXIT_DIFFERENT;
    }
    watch_signals(); /* until here there was nothing to wait for: a signal simply ended it */
    int failed = run(s, &e);
    bool same = sum_up(s, &e);
    if (*e.msg)
        display_say(&s->display, "simulator: %s", e.msg);
    return failed || !same ? EXIT_DIFFERENT : EXIT_SAME;
}

int main(int argc, char **argv)
{
    struct simulator s = { 0 };

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        options_help(stdout);
        return EXIT_SAME;
    }
    if (argc != 1) {
        options_help(stderr);
        return EXIT_SETTING;
    }
    display_begin(&s.display);
    enum exit_code code = simulate(&s);
    s.traffic = traffic_close(s.traffic);
    s.ledger = ledger_free(s.ledger);
    if (s.log && fclose(s.log) != 0 && code == EXIT_SAME)
        code = EXIT_DIFFERENT;
    return code;
}
