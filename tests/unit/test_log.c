#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "schema/base/base.h"
#include "schema/base/log.h"

static char captured[70000];

/* stderr is what systemd says it is. */
static bool in_journal;

/* Runs one log_event() with stderr in a file; the bytes are in `captured` after. */
static void log_to_memory(enum log_level level, const char *event, const struct log_field *fields)
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    struct stat st;
    char stream[48];

    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &st), 0);
    (void)snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino + !in_journal);
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
    assert_true(saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
    log_event(level, event, fields);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    rewind(file);
    size_t n = fread(captured, 1, sizeof captured - 1, file);
    captured[n] = '\0';
    (void)fclose(file);
}

static void assert_one_plain_line(void)
{
    size_t len = strlen(captured);

    assert_true(len > 0 && captured[len - 1] == '\n');
    for (size_t i = 0; i + 1 < len; i++)
        assert_true(captured[i] >= 0x20 && captured[i] < 0x7F);
}

/* The line behind its time=... part. */
static const char *after_time(void)
{
    assert_memory_equal(captured, "time=2", 6);
    return captured + strlen("time=2025-01-15T10:30:00.123Z ");
}

static void text_form(void **state)
{
    (void)state;
    log_init(LOG_INFO, false);
    log_to_memory(LOG_INFO, "listening",
                  (const struct log_field[]){
                      log_s("address", "127.0.0.1:8080"), log_i("pid", -12), { .key = NULL } });
    assert_string_equal(after_time(),
                        "level=info event=listening address=127.0.0.1:8080 pid=-12\n");
}

static void the_journal_gets_priorities(void **state)
{
    static const struct log_field none[] = { { .key = NULL } };
    (void)state;

    in_journal = true;
    log_init(LOG_DEBUG, false);
    log_to_memory(LOG_ERROR, "fault", none);
    assert_memory_equal(captured, "<3>time=2", 9);
    assert_non_null(strstr(captured, "Z level=error event=fault\n"));
    log_to_memory(LOG_WARNING, "a", none);
    assert_memory_equal(captured, "<4>time=2", 9);
    log_to_memory(LOG_DEBUG, "a", none);
    assert_memory_equal(captured, "<7>time=2", 9);
    log_init(LOG_INFO, true);
    log_to_memory(LOG_INFO, "a", none);
    assert_memory_equal(captured, "<6>{\"time\":\"2", 13);
    in_journal = false;
}

static void json_form(void **state)
{
    json_error_t why;

    (void)state;
    log_init(LOG_INFO, true);
    log_to_memory(LOG_ERROR, "cell_died",
                  (const struct log_field[]){
                      log_s("job", "a\"b"), log_i("exit_code", 137), { .key = NULL } });
    assert_one_plain_line();
    json_t *line = json_loads(captured, 0, &why);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "error");
    assert_string_equal(json_string_value(json_object_get(line, "event")), "cell_died");
    assert_string_equal(json_string_value(json_object_get(line, "job")), "a\"b");
    assert_int_equal(json_integer_value(json_object_get(line, "exit_code")), 137);
    json_decref(line);
}

/* What a client may have put into an id, and how the text form shows it. */
static const struct {
    const char *value, *shown, *json;
} hostile[] = {
    { "", "\"\"", "" },
    { "plain-1.2_3/x:y@z", "plain-1.2_3/x:y@z", "plain-1.2_3/x:y@z" },
    { "two words", "\"two words\"", "two words" },
    { "x level=error", "\"x level=error\"", "x level=error" },
    { "k=v", "\"k=v\"", "k=v" },
    { "a\r\nlevel=error event=forged", "\"a\\r\\nlevel=error event=forged\"",
      "a\r\nlevel=error event=forged" },
    { "\x1B[31mred\x1B[0m", "\"\\u001b[31mred\\u001b[0m\"", "\x1B[31mred\x1B[0m" },
    { "quote\"and\\slash", "\"quote\\\"and\\\\slash\"", "quote\"and\\slash" },
    { "\t\x7F\x01", "\"\\t\\u007f\\u0001\"", "\t\x7F\x01" },
    { "\xC2\x9B"
      "31m",
      "\"\\u009b31m\"",
      "\xC2\x9B"
      "31m" },
    { "\xE2\x80\xAE"
      "rtl",
      "\"\\u202ertl\"",
      "\xE2\x80\xAE"
      "rtl" },
    { "\xF0\x9F\x98\x80", "\"\\ud83d\\ude00\"", "\xF0\x9F\x98\x80" },
    { "bad\xFF\xC3", "\"bad\\ufffd\\ufffd\"", "bad\xEF\xBF\xBD\xEF\xBF\xBD" },
};

static void hostile_values_stay_one_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        const struct log_field fields[] = { log_s("id", hostile[i].value),
                                            log_i("n", 1),
                                            { .key = NULL } };
        char want[200];
        json_error_t why;

        log_init(LOG_INFO, false);
        log_to_memory(LOG_WARNING, "e", fields);
        assert_one_plain_line();
        (void)snprintf(want, sizeof want, "level=warning event=e id=%s n=1\n", hostile[i].shown);
        assert_string_equal(after_time(), want);

        log_init(LOG_INFO, true);
        log_to_memory(LOG_WARNING, "e", fields);
        assert_one_plain_line();
        json_t *line = json_loads(captured, 0, &why);
        assert_non_null(line);
        assert_string_equal(json_string_value(json_object_get(line, "id")), hostile[i].json);
        json_decref(line);
    }
}

static void long_values_and_many_fields_are_cut(void **state)
{
    static char value[50000];
    struct log_field fields[41] = { { .key = NULL } };
    json_error_t why;

    (void)state;
    memset(value, '\x01', sizeof value - 1);
    for (size_t i = 0; i < 40; i++)
        fields[i] = log_s("field", value);
    for (int as_json = 0; as_json <= 1; as_json++) {
        log_init(LOG_INFO, as_json);
        log_to_memory(LOG_INFO, "e", fields);
        assert_one_plain_line();
        assert_true(strlen(captured) <= 16384);
        assert_non_null(strstr(captured, "..."));
        assert_non_null(strstr(captured, as_json ? "\"cut\":true}" : " cut=true\n"));
    }
    json_t *line = json_loads(captured, 0, &why);
    assert_non_null(line);
    json_decref(line);
}

static void lower_levels_are_silent_and_errno_stays(void **state)
{
    const struct log_field none[] = { { .key = NULL } };

    (void)state;
    log_init(LOG_WARNING, false);
    log_to_memory(LOG_INFO, "quiet", none);
    assert_string_equal(captured, "");
    errno = ENOTTY;
    log_to_memory(LOG_ERROR, "loud", none);
    assert_string_equal(after_time(), "level=error event=loud\n");
    errno = ENOTTY;
    log_event(LOG_DEBUG, "quiet", none);
    assert_int_equal(errno, ENOTTY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_form),
        cmocka_unit_test(the_journal_gets_priorities),
        cmocka_unit_test(json_form),
        cmocka_unit_test(hostile_values_stay_one_line),
        cmocka_unit_test(long_values_and_many_fields_are_cut),
        cmocka_unit_test(lower_levels_are_silent_and_errno_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
