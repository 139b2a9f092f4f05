#include "tests/support/fake_parts.h"

#include <string.h>
#include <sys/socket.h>

void fake_changed_locked(void) { (void)pthread_cond_broadcast(&fake.changed); }

int64_t fake_count(const int64_t *number)
{
    (void)pthread_mutex_lock(&fake.lock);
    int64_t n = *number;
    (void)pthread_mutex_unlock(&fake.lock);
    return n;
}

void fake_add(int64_t *number)
{
    (void)pthread_mutex_lock(&fake.lock);
    ++*number;
    fake_changed_locked();
    (void)pthread_mutex_unlock(&fake.lock);
}

void fake_release(void)
{
    (void)pthread_mutex_lock(&fake.lock);
    fake.released = 1;
    fake_changed_locked();
    (void)pthread_mutex_unlock(&fake.lock);
}

void fake_hold_again(void)
{
    (void)pthread_mutex_lock(&fake.lock);
    fake.released = 0;
    (void)pthread_mutex_unlock(&fake.lock);
}

void fake_refuse(const char *method, const char *part, int status, int times, const char *message)
{
    (void)pthread_mutex_lock(&fake.lock);
    struct fake_rule *at = NULL;
    for (size_t i = 0; i < FAKE_RULES; i++)
        if (fake.rules[i].part && strcmp(fake.rules[i].part, part) == 0 &&
            strcmp(fake.rules[i].method, method) == 0)
            at = &fake.rules[i];
    for (size_t i = 0; i < FAKE_RULES && !at; i++)
        if (!fake.rules[i].part || fake.rules[i].times == 0)
            at = &fake.rules[i];
    if (at)
        *at = (struct fake_rule){ method, part, status, times, message };
    fake_changed_locked();
    (void)pthread_mutex_unlock(&fake.lock);
    assert_non_null(at);
}

struct fake_answer fake_fault_locked(const char *method, const char *path)
{
    struct fake_answer a = { -1, NULL };

    for (size_t i = 0; i < FAKE_RULES && a.status < 0; i++) {
        struct fake_rule *r = &fake.rules[i];
        if (!r->part || r->times == 0 || strcmp(r->method, method) != 0 || !strstr(path, r->part))
            continue;
        r->times -= r->times > 0;
        a.status = r->status;
        a.body = r->message ? json_pack("{s:s}", "message", r->message) : NULL;
    }
    return a;
}

bool fake_hold(int fd)
{
    bool there = true, released = false;
    fake_add(&fake.held);
    while (there && !released) {
        struct pollfd p = { .fd = fd, .events = POLLIN | POLLRDHUP };
        there = poll(&p, 1, 5) == 0 || !(p.revents & (POLLRDHUP | POLLHUP));
        (void)pthread_mutex_lock(&fake.lock);
        released = fake.released;
        (void)pthread_mutex_unlock(&fake.lock);
    }
    return there;
}
