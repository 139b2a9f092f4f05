#include "tests/simulator/options.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "schema/base/err.h"

#define RUN_MAX     100 /* an id has at most 255 bytes */
#define SECONDS_MAX 86400.0
#define POLL_MS_MAX 60000
#define MS_PER_S    1000.0

enum option_kind { TEXT, COUNT, SECONDS, MILLISECONDS };

static const struct option_row {
    const char *name, *normal;
    enum option_kind kind;
    size_t offset;
    const char *help;
} rows[] = {
#define AT(field) offsetof(struct options, field)
    { "KAFKA_BROKER", "localhost:9092", TEXT, AT(broker), "host:port,..." },
    { "KAFKA_TOPIC", "scripts", TEXT, AT(topic), "where the scripts go" },
    { "KAFKA_RESULTS_TOPIC", "script-results", TEXT, AT(results_topic),
      "where the results come from, all that are published after the start" },
    { "KAFKA_CONSUMER_GROUP", "scrc-simulator", TEXT, AT(group),
      "for which it is noted how far the results were read" },
    { "CONSUMER_POLL_TIMEOUT_MS", "1000", MILLISECONDS, AT(poll_ms),
      "how long it must be quiet after the last result, so that a second one is seen" },
    { "SCRIPT_ITERATIONS", "1", COUNT, AT(iterations),
      "how many times each of the 25 scripts is sent; 0 or less: until SIGINT or SIGTERM" },
    { "SCRIPT_INTERVAL_SECONDS", "1.0", SECONDS, AT(interval_ms),
      "from one iteration to the next" },
    { "RESULT_WAIT_TIMEOUT_SECONDS", "60", SECONDS, AT(wait_ms),
      "how long to wait without a result, once all are sent; also for the broker, at the start" },
    { "RESULT_CONSUMER_LOG_PATH", "consumer.log", TEXT, AT(log_path),
      "a file that gets a line for each result" },
    { "SCRIPT_RUN", "", TEXT, AT(run),
      "put before each id (RUN-python-ok-1): an id that a server knows is not judged again" },
#undef AT
};

/* Fewer than none is none: there is no end then. */
static int read_count(const char *text, int64_t *ret_count)
{
    char *end;

    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (end == text || *end || errno)
        return -1;
    *ret_count = n < 0 ? 0 : n;
    return 0;
}

static int read_real(const char *text, double max, double unit, int64_t *ret_ms)
{
    char *end;
    double x = strtod(text, &end);

    if (end == text || *end || !isfinite(x) || x < 0 || x > max)
        return -1;
    *ret_ms = (int64_t)(x * unit);
    return 0;
}

static int read_row(const struct option_row *row, const char *text, struct options *o)
{
    char *at = (char *)o + row->offset;

    switch (row->kind) {
    case COUNT:
        return read_count(text, (int64_t *)(void *)at);
    case SECONDS:
        return read_real(text, SECONDS_MAX, MS_PER_S, (int64_t *)(void *)at);
    case MILLISECONDS:
        return read_real(text, POLL_MS_MAX, 1, (int64_t *)(void *)at);
    case TEXT:
    default:
        *(const char **)(void *)at = text;
        return 0;
    }
}

int options_read(struct options *ret_options, struct err *e)
{
    struct options o = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *said = getenv(rows[i].name);
        const char *text = said && *said ? said : rows[i].normal;
        if (read_row(&rows[i], text, &o) < 0)
            return err_set(e, ERR_SETTING, "%s: '%s' is not what is wanted (%s)", rows[i].name,
                           text, rows[i].help);
    }
    if (strlen(o.run) > RUN_MAX)
        return err_set(e, ERR_SETTING, "SCRIPT_RUN: more than %d bytes", RUN_MAX);
    *ret_options = o;
    return 0;
}

void options_help(FILE *f)
{
    (void)fputs(
        "usage: simulator [--help]\n\n"
        "Sends 25 scripts of known outcome (five languages; ok, wa, tl, ml, bf) to a Kafka\n"
        "topic and compares every result with what it should be. Exit code 0 when all are\n"
        "right, 1 when one is wrong, missing, doubled or not asked for, 2 for a setting.\n"
        "SIGINT or SIGTERM sends no more and waits for what is out; a second one ends it.\n"
        "\nSettings, from the environment:\n",
        f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        (void)fprintf(f, "  %-28s %s\n  %-28s   default %s\n", rows[i].name, rows[i].help, "",
                      *rows[i].normal ? rows[i].normal : "none");
}
