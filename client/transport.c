#include "client/transport.h"

#include <curl/curl.h>
#include <string.h>

#include "schema/base/err.h"

#define NORMAL_URL  "http://127.0.0.1:8080"
#define CONNECT_MS  10000L
#define ANSWER_MOST ((size_t)GIB)

struct transport {
    CURL *curl;                 /* owned */
    struct curl_slist *headers; /* owned */
    char *url;                  /* owned; without a slash at its end */
    char *shown;                /* owned; the same without user and password */
    bool is_loopback;
    char text[CURL_ERROR_SIZE];
};

struct receiving {
    struct transport *transport;
    const struct transport_request *request;
    struct transport_answer *answer;
    bool too_large;
};

int transport_start(struct err *e)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
               ? 0
               : err_set(e, ERR_NOMEM, "libcurl cannot be started");
}

static bool names_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "[::1]") == 0;
}

static bool is_web_scheme(CURLU *u)
{
    char *scheme = NULL;

    (void)curl_url_get(u, CURLUPART_SCHEME, &scheme, 0);
    bool is_web = scheme && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    return is_web;
}

static char *take_url(CURLU *u)
{
    char *text = NULL, *copy = NULL;

    if (curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK) {
        copy = strdup(text);
        if (copy && *copy && copy[strlen(copy) - 1] == '/')
            copy[strlen(copy) - 1] = '\0';
    }
    curl_free(text);
    return copy;
}

/* The address in two forms: to be used, and to be shown. */
static int read_url(struct transport *t, const char *url, struct err *e)
{
    CURLU *u = curl_url();
    char *host = NULL;
    int rc = -1;

    if (!u)
        return err_set(e, ERR_NOMEM, "SCRC_URL");
    if (curl_url_set(u, CURLUPART_URL, url, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) ||
        !is_web_scheme(u) || curl_url_get(u, CURLUPART_HOST, &host, 0)) {
        (void)err_set(e, ERR_SETTING,
                      "SCRC_URL is no address of a server: it must be as " NORMAL_URL);
    } else {
        t->is_loopback = names_loopback(host);
        t->url = take_url(u);
        (void)curl_url_set(u, CURLUPART_USER, NULL, 0);
        (void)curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
        t->shown = take_url(u);
        rc = t->url && t->shown ? 0 : err_set(e, ERR_NOMEM, "SCRC_URL");
    }
    curl_free(host);
    curl_url_cleanup(u);
    return rc;
}

int transport_open(const char *url, struct transport **ret_transport, struct err *e)
{
    CLEANUP(transport_freep) struct transport *t = calloc(1, sizeof *t);

    if (!t)
        return err_set(e, ERR_NOMEM, "open a connection");
    if (read_url(t, url && *url ? url : NORMAL_URL, e) < 0)
        return -1;
    t->curl = curl_easy_init();
    t->headers = curl_slist_append(NULL, "Content-Type: application/json");
    /* An empty Expect: else libcurl waits for "100 Continue" before a large body. */
    if (!t->curl || !t->headers || !curl_slist_append(t->headers, "Expect:"))
        return err_set(e, ERR_NOMEM, "open a connection");
    *ret_transport = TAKE(t);
    return 0;
}

struct transport *transport_free(struct transport *t)
{
    if (!t)
        return NULL;
    if (t->curl)
        curl_easy_cleanup(t->curl);
    curl_slist_free_all(t->headers);
    free(t->url);
    free(t->shown);
    free(t);
    return NULL;
}

static size_t take_piece(char *data, size_t size, size_t count, void *ctx)
{
    struct receiving *r = ctx;
    size_t len = size * count;
    long status = 0;

    (void)curl_easy_getinfo(r->transport->curl, CURLINFO_RESPONSE_CODE, &status);
    if (r->request->piece && status == 200) {
        r->answer->stopped = !r->request->piece(r->request->ctx, data, len);
        return r->answer->stopped ? 0 : len;
    }
    r->too_large = len > ANSWER_MOST - r->answer->body.len;
    return !r->too_large && buf_add(&r->answer->body, data, len) == 0 ? len : 0;
}

/* Sets every option on every call, so that no call inherits one from the call before. */
static CURLcode set_request(struct transport *t, const struct transport_request *q,
                            struct receiving *r, const char *url)
{
    CURL *c = t->curl;
    CURLcode rc = CURLE_OK;

    curl_easy_reset(c); /* keeps the connection */
    t->text[0] = '\0';
#define SET(option, value) (rc = rc ? rc : curl_easy_setopt(c, option, value))
    SET(CURLOPT_URL, url);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_USERAGENT, "scrc/" SCRC_VERSION);
    SET(CURLOPT_HTTPHEADER, t->headers);
    SET(CURLOPT_ERRORBUFFER, t->text);
    SET(CURLOPT_WRITEFUNCTION, take_piece);
    SET(CURLOPT_WRITEDATA, r);
    SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)(q->silence_ms / 1000 + 1));
    if (t->is_loopback)
        SET(CURLOPT_NOPROXY, "*");
    if (q->body) {
        SET(CURLOPT_POSTFIELDS, q->body); /* borrowed by libcurl until it returns */
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len);
    }
#undef SET
    return rc;
}

int transport_send(struct transport *t, const struct transport_request *q,
                   struct transport_answer *ret_answer, struct err *e)
{
    struct receiving r = { .transport = t, .request = q, .answer = ret_answer };
    CLEANUP(freep) char *url = NULL;
    curl_off_t retry = 0;

    *ret_answer = (struct transport_answer){ .status = 0 };
    if (asprintf(&url, "%s%s", t->url, q->path) < 0) {
        url = NULL;
        return err_set(e, ERR_NOMEM, "send a request");
    }
    CURLcode rc = set_request(t, q, &r, url);
    if (rc == CURLE_OK)
        rc = curl_easy_perform(t->curl);
    (void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &ret_answer->status);
    (void)curl_easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &retry);
    ret_answer->retry_after_s = retry;
    if (rc == CURLE_OK || ret_answer->stopped)
        return 0;
    if (r.too_large || rc == CURLE_OUT_OF_MEMORY)
        return err_set(e, ERR_NOMEM, "the answer of %s is too large", t->shown);
    return err_set(e, ERR_UNAVAILABLE, "%s at %s: %s",
                   rc == CURLE_COULDNT_CONNECT || rc == CURLE_COULDNT_RESOLVE_HOST
                       ? "there is no server"
                       : "no answer of the server",
                   t->shown, t->text[0] ? t->text : curl_easy_strerror(rc));
}

void transport_answer_clear(struct transport_answer *a) { buf_clear(&a->body); }

char *transport_escape(const struct transport *t, const char *text)
{
    char *escaped = curl_easy_escape(t->curl, text, 0), *copy = NULL;

    if (escaped)
        copy = strdup(escaped);
    curl_free(escaped);
    return copy;
}
