/* What all together and each client may hold. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/budget.h"

static struct budget_client client(const char *text)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return budget_client_of((const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return budget_client_of((const struct sockaddr *)&v6);
}

static void test_limit_and_share(void **state)
{
    struct budget_client a = client("192.0.2.1"), b = client("192.0.2.2"), c = client("192.0.2.3");
    struct budget x;

    (void)state;
    budget_init(&x, 10, 6);
    assert_false(budget_take(&x, &a, 7)); /* above its share, though there is room */
    assert_true(budget_take(&x, &a, 6));
    assert_false(budget_take(&x, &a, 1));
    assert_true(budget_take(&x, &b, 3));
    assert_false(budget_take(&x, &c, 2)); /* within its share, above the limit */
    assert_true(budget_take(&x, &c, 1));
    budget_return(&x, &a, 2);
    assert_true(budget_take(&x, &c, 2));
    budget_return(&x, &a, 4);
    budget_return(&x, &b, 3);
    budget_return(&x, &c, 3);
    assert_true(budget_take(&x, &b, 6));
    budget_return(&x, &b, 6);
    assert_null(x.records);
    assert_int_equal(x.held, 0);
    budget_destroy(&x);
}

static void test_who_is_one_client(void **state)
{
    struct budget_client a = client("192.0.2.1"), b = client("192.0.2.2"),
                         mapped = client("::ffff:192.0.2.1"), net = client("2001:db8:1:2::3"),
                         same_net = client("2001:db8:1:2:ffff::4"),
                         other_net = client("2001:db8:1:3::3"), none = budget_client_of(NULL);

    (void)state;
    assert_memory_equal(&a, &mapped, sizeof a);
    assert_memory_not_equal(&a, &b, sizeof a);
    assert_memory_equal(&net, &same_net, sizeof net);
    assert_memory_not_equal(&net, &other_net, sizeof net);
    assert_memory_not_equal(&none, &a, sizeof none);
}

static void *take_and_return(void *ctx)
{
    struct budget *x = ctx;
    struct budget_client a = client("192.0.2.1");

    for (int i = 0; i < 10000; i++) {
        if (budget_take(x, &a, 3))
            budget_return(x, &a, 3);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    struct budget x;

    (void)state;
    budget_init(&x, 6, 6);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_return, &x), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(x.held, 0);
    assert_null(x.records);
    budget_destroy(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_and_share),
        cmocka_unit_test(test_who_is_one_client),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
