/* tests/support/http_client.h - a client of a site that speaks bytes. */
#pragma once

#include <jansson.h>

#include "schema/base/base.h"
#include "schema/base/buf.h"
#include "tests/support/site.h"

#define HELLO "{\"language\":\"python\",\"source\":\"print('hi')\"}"

struct http_answer {
    int status;      /* 0: the connection ended without an answer */
    struct buf text; /* owned; head and body */
    const char *body;
    bool closed; /* the connection ended behind it */
};

/* A connection, which the caller closes; -1: refused. It waits 20 s for anything. */
int http_dial(const struct site *f);

/* False when the other side has closed. */
bool http_push(int fd, const void *data, size_t len);
void http_push_post(int fd, const char *target, const char *json);

/* Reads one answer. head_only: to HEAD, whose length is of a body that does not come. */
struct http_answer http_receive(int fd, bool head_only);

/* True when nothing but the end comes. */
bool http_at_end(int fd);

/* One request on a connection of its own. */
struct http_answer http_send(const struct site *f, const void *data, size_t len);
PRINTF(3, 4)
struct http_answer http_get(const struct site *f, const char *method, const char *fmt, ...);
struct http_answer http_post(const struct site *f, const char *target, const char *json);

/* What its head says of the length of the body. */
size_t http_length(const struct http_answer *a);
bool http_has_header(const struct http_answer *a, const char *line);

/* Asserts the status, returns the body as JSON (NULL when it is none), frees the answer. */
json_t *http_expect(struct http_answer a, int status);
void http_expect_status(struct http_answer a, int status);

/* A member that is a text, or "(none)". */
const char *http_field(const json_t *json, const char *name);
