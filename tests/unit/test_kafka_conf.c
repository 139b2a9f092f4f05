/* Settings to librdkafka configurations: what is set, what is refused; no secret is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/bridge.h"
#include "bridge/kafka/kafka_conf.h"
#include "schema/base/err.h"

static struct bridge_config config_with(char **environment)
{
    return (struct bridge_config){ .brokers = "127.0.0.1:1",
                                   .topic = "scripts",
                                   .group_id = "g",
                                   .results_topic = "results",
                                   .environment = environment };
}

static int check(const char *a, const char *b, struct err *e)
{
    char *environment[] = { (char *)(uintptr_t)a, (char *)(uintptr_t)b, NULL };
    struct bridge_config c = config_with(environment);

    *e = (struct err){ 0 };
    return kafka_conf_check(&c, e);
}

static void assert_property(const char *variable, enum kafka_conf_for what, const char *name,
                            const char *want)
{
    char *environment[] = { (char *)(uintptr_t)variable, NULL };
    struct bridge_config c = config_with(environment);
    rd_kafka_conf_t *conf = NULL;
    char value[200] = "";
    size_t size = sizeof value;
    struct err e = { 0 };

    if (kafka_conf_make(&c, what, &conf, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, want);
    rd_kafka_conf_destroy(conf);
}

static void both_spellings_are_set(void **state)
{
    (void)state;
    assert_property("KAFKA_PROP_SECURITY_PROTOCOL=ssl", KAFKA_CONF_CONSUMER, "security.protocol",
                    "ssl");
    assert_property("KAFKA_PROP_security.protocol=ssl", KAFKA_CONF_PRODUCER, "security.protocol",
                    "ssl");
    assert_property("KAFKA_PROP_COMPRESSION_TYPE=zstd", KAFKA_CONF_PRODUCER, "compression.codec",
                    "zstd");
    /* The topic's own limit counts, unless the user sets a lower one. */
    assert_property("KAFKA_PROP_LINGER_MS=1", KAFKA_CONF_PRODUCER, "message.max.bytes",
                    "1000000000");
    assert_property("KAFKA_PROP_MESSAGE_MAX_BYTES=5000", KAFKA_CONF_PRODUCER, "message.max.bytes",
                    "5000");
    assert_property("KAFKA_PROP_MAX_POLL_INTERVAL_MS=46000", KAFKA_CONF_CONSUMER,
                    "max.poll.interval.ms", "46000");
    assert_property("KAFKA_PROP_CLIENT_ID=", KAFKA_CONF_CONSUMER, "client.id", "scrc");
    assert_property("OTHER=1", KAFKA_CONF_CONSUMER, "group.id", "g");
}

/* Handles that only query have fixed properties, whatever is set for the consumer. */
static void scan_properties_are_fixed(void **state)
{
    struct err e;

    (void)state;
    assert_property("OTHER=1", KAFKA_CONF_SCAN, "auto.offset.reset", "smallest");
    assert_property("OTHER=1", KAFKA_CONF_CONSUMER, "auto.offset.reset", "error");
    assert_int_equal(check("KAFKA_PROP_AUTO_OFFSET_RESET=latest", NULL, &e), -1);
    assert_non_null(strstr(e.msg, "KAFKA_PROP_AUTO_OFFSET_RESET"));
}

static void errors_name_the_variable(void **state)
{
    static const struct {
        const char *variable, *message;
    } cases[] = {
        { "KAFKA_PROP_NO_SUCH=1", "KAFKA_PROP_NO_SUCH: librdkafka has no property 'no.such'" },
        { "KAFKA_PROP_no.such=1", "KAFKA_PROP_no.such" },
        { "KAFKA_PROP_SECURITY_PROTOCOL=telnet", "KAFKA_PROP_SECURITY_PROTOCOL" },
        { "KAFKA_PROP_SOCKET_TIMEOUT_MS=soon", "KAFKA_PROP_SOCKET_TIMEOUT_MS" },
        { "KAFKA_PROP_ENABLE_AUTO_COMMIT=false", "set by the server itself" },
        { "KAFKA_PROP_GROUP_ID=x", "set by the server itself" },
        { "KAFKA_PROP_ACKS=0", "set by the server itself" },
        { "KAFKA_PROP_PLUGIN_LIBRARY_PATHS=x", "not to be set" },
        { "KAFKA_PROP_SASL_KERBEROS_KINIT_CMD=x", "not to be set" },
        { "KAFKA_PROP_INTERNAL_TERMINATION_SIGNAL=9", "not to be set" },
        { "KAFKA_PROP_TEST_MOCK_NUM_BROKERS=1", "not to be set" },
        { "KAFKA_PROP_error_cb=1", "KAFKA_PROP_error_cb" },
        { "KAFKA_PROP_PARTITION_ASSIGNMENT_STRATEGY=cooperative-sticky", "cooperative" },
    };
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].variable);
        assert_int_equal(check(cases[i].variable, NULL, &e), -1);
        assert_int_equal(e.kind, ERR_SETTING);
        assert_non_null(strstr(e.msg, cases[i].message));
    }
    assert_int_equal(check("KAFKA_PROP_CLIENT_ID=a", "KAFKA_PROP_client.id=b", &e), -1);
    assert_non_null(strstr(e.msg, "set twice"));
    assert_int_equal(check("KAFKA_PROP_CLIENT_ID=a", "KAFKA_PROP_client.id=a", &e), 0);
}

static void secrets_are_not_shown(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(check("KAFKA_PROP_SSL_CERTIFICATE_PEM=hunter2", NULL, &e), 0);
    assert_int_equal(check("KAFKA_PROP_SASL_OAUTHBEARER_METHOD=hunter2", NULL, &e), -1);
    /* librdkafka's error would repeat the value of a secret property. */
    assert_int_equal(
        check("KAFKA_PROP_SASL_PASSWORD=hunter2", "KAFKA_PROP_sasl.password=hunter3", &e), -1);
    assert_null(strstr(e.msg, "hunter"));
}

/* A property that is not listed as harmless is not shown, whatever its name. */
static void only_harmless_values_are_shown(void **state)
{
    static const char *const harmless[] = { "KAFKA_PROP_SECURITY_PROTOCOL=SSL",
                                            "KAFKA_PROP_security.protocol=SSL",
                                            "KAFKA_PROP_LINGER_MS=1", "KAFKA_PROP_CLIENT_ID=me" };
    static const char *const hidden[] = { "KAFKA_PROP_SASL_PASSWORD=x",
                                          "KAFKA_PROP_SASL_USERNAME=x",
                                          "KAFKA_PROP_SASL_OAUTHBEARER_CONFIG=x",
                                          "KAFKA_PROP_SASL_OAUTHBEARER_CLIENT_ID=x",
                                          "KAFKA_PROP_SSL_KEY_PEM=x",
                                          "KAFKA_PROP_SSL_KEYSTORE_LOCATION=x",
                                          "KAFKA_PROP_SASL_KERBEROS_PRINCIPAL=x",
                                          "KAFKA_PROP_A_NAME_OF_TOMORROW=x",
                                          "KAFKA_PROP_LINGER_MS=",
                                          "KAFKA_BROKERS=x" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
        assert_true(kafka_conf_shown(harmless[i]));
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
        assert_false(kafka_conf_shown(hidden[i]));
}

static void topic_names_are_checked(void **state)
{
    static const char *const bad[] = { "", ".", "..", "a b", "^all.*", "a/b", "t\n" };
    struct bridge_config c = config_with(NULL);
    char dead_letters[KAFKA_CONF_TOPIC_MAX + 1], longest[260];
    struct err e = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        c.topic = bad[i];
        assert_int_equal(kafka_conf_check(&c, &e), -1);
        assert_non_null(strstr(e.msg, "KAFKA_TOPIC"));
    }
    memset(longest, 't', sizeof longest);
    longest[249] = '\0';
    c.topic = longest;
    assert_int_equal(kafka_conf_check(&c, &e), 0);
    kafka_conf_dead_letter_topic(&c, dead_letters);
    assert_non_null(strstr(dead_letters, ".dead-letter"));

    c.topic = "results"; /* we would read our own reports */
    assert_int_equal(kafka_conf_check(&c, &e), -1);
    c.topic = "scripts";
    c.dead_letter_topic = "scripts";
    assert_int_equal(kafka_conf_check(&c, &e), -1);
    c.dead_letter_topic = "results";
    assert_int_equal(kafka_conf_check(&c, &e), -1);
    c.dead_letter_topic = "other";
    assert_int_equal(kafka_conf_check(&c, &e), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_spellings_are_set),
        cmocka_unit_test(scan_properties_are_fixed),
        cmocka_unit_test(errors_name_the_variable),
        cmocka_unit_test(secrets_are_not_shown),
        cmocka_unit_test(only_harmless_values_are_shown),
        cmocka_unit_test(topic_names_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
