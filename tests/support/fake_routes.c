#include "tests/support/fake_parts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct fake_container *fake_find_locked(const char *path)
{
    for (size_t i = 0; i < fake.containers_len; i++) {
        const char *at = strstr(path, fake.containers[i].name);
        size_t len = strlen(fake.containers[i].name);
        if (at && (at[len] == '/' || at[len] == '?' || at[len] == '\0') &&
            !fake.containers[i].removed)
            return &fake.containers[i];
    }
    return NULL;
}

static struct fake_answer fake_create_locked(const char *path, const char *body)
{
    struct fake_container *c = &fake.containers[fake.containers_len];
    if (fake.containers_len == FAKE_CONTAINERS)
        return (struct fake_answer){ 500, NULL };
    (void)snprintf(c->name, sizeof c->name, "%s", strstr(path, "name=") + 5);
    c->body = json_loads(body, 0, NULL);
    fake.containers_len++;
    fake.created++;
    return (struct fake_answer){ 201, json_pack("{s:s}", "Id", c->name) };
}

static struct fake_answer fake_start_locked(struct fake_container *c)
{
    c->running = true;
    c->has_agent = pthread_create(&c->agent, NULL, fake_agent_main, c) == 0;
    return (struct fake_answer){ 204, NULL };
}

static struct fake_answer fake_inspect_locked(const struct fake_container *c)
{
    fake.inspected++;
    return (struct fake_answer){ 200, json_pack("{s:s, s:O, s:O, s:{s:b, s:i}}", "Id", c->name,
                                                "Config", c->body, "HostConfig",
                                                json_object_get(c->body, "HostConfig"), "State",
                                                "Running", c->running, "Pid", (int)getpid()) };
}

static struct fake_answer fake_image_locked(const char *path)
{
    char name[200];
    const char *at = strstr(path, "/images/") + 8;
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "/"), at);
    const char *id = strncmp(name, "sha256:", 7) == 0 ? name : fake.image_id ? fake.image_id : NULL;
    json_t *own = id ? json_string(id) : json_sprintf("sha256:%s", name);
    return (struct fake_answer){ 200, json_pack("{s:o, s:{s:[s]}}", "Id", own, "Config", "Env",
                                                "PATH=/bin") };
}

struct fake_answer fake_route_locked(const char *method, const char *path, const char *body)
{
    bool get = strcmp(method, "GET") == 0;
    struct fake_container *c = strstr(path, "/containers/") ? fake_find_locked(path) : NULL;

    if (strcmp(path, "/_ping") == 0) {
        fake.pinged++;
        return (struct fake_answer){ 200, json_pack("{}") };
    }
    if (strcmp(path, "/version") == 0)
        return (struct fake_answer){ 200, json_pack("{s:s, s:s}", "ApiVersion", "1.41",
                                                    "MinAPIVersion", "1.12") };
    if (get && strstr(path, "/info"))
        return (struct fake_answer){ 200, json_pack("{s:b, s:b, s:b}", "MemoryLimit", 1,
                                                    "PidsLimit", 1, "CpuCfsQuota", 1) };
    if (get && strstr(path, "/images/"))
        return fake_image_locked(path);
    if (get && strstr(path, "/containers/json"))
        return (struct fake_answer){ 200, json_array() };
    if (strstr(path, "/volumes/create"))
        return (struct fake_answer){ 201, json_pack("{}") };
    if (strstr(path, "/containers/create"))
        return fake_create_locked(path, body);
    if (!c)
        return (struct fake_answer){ 404, NULL };
    if (strstr(path, "/start"))
        return fake_start_locked(c);
    if (strstr(path, "/update"))
        return fake.updated++, (struct fake_answer){ 200, json_pack("{}") };
    if (strcmp(method, "DELETE") == 0)
        return fake.removed++, c->removed = true, (struct fake_answer){ 204, NULL };
    return get ? fake_inspect_locked(c) : (struct fake_answer){ 204, NULL };
}
