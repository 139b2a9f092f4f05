/* schema/model/submission.h - what somebody wants judged, and its JSON codec (Submission of
 * openapi.yaml).
 *
 * Room     schema/model: what is judged and what is answered: submission, report, verdict, checker.
 *          May know schema/base and schema/json.
 * Owns     everything below a struct submission, until submission_free().
 * Threads  none of its own: one owner at a time, or many readers.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/bytes.h"
#include "schema/json/field_errors.h"
#include "schema/model/checker.h"

struct err;

#define SUBMISSION_ID_MAX        255   /* bytes of UTF-8 */
#define SUBMISSION_WALL_EXTRA_MS 60000 /* a wall limit may pass the time ceiling by this */

struct limits {
    int64_t time_ms, wall_ms, memory_bytes; /* 0: absent, the server's default */
};

struct test {
    int64_t number; /* assigned from 1 where absent */
    struct bytes input, expected;
};

struct submission {
    char *id;       /* NULL when absent */
    char *language; /* a name in the language table */
    struct bytes source;
    struct limits limits; /* as sent, before defaults */
    bool checker_given;   /* false: `checker` holds the server's default */
    struct checker checker;
    bool stop_on_failure; /* default true */
    struct test *tests;   /* owned, in the order they run; NULL when there are none */
    size_t tests_len;
    /* Over the known fields in canonical form, before defaults. Zeros without an id: what has none
     * is never sent again as the same, and the hash is the dearest part of a small submission. */
    uint8_t hash[32];
};

/* What the server allows. Borrowed for the call. */
struct submission_rules {
    int64_t max_tests, max_source_bytes, max_depth;
    int64_t max_time_ms, max_memory_bytes, default_time_ms; /* effective limits and ceilings */
    struct checker default_checker;
    bool (*knows_language)(const void *ctx, const char *name);
    const void *ctx;
    bool refuse_unknown; /* true over HTTP; from Kafka unknown fields are counted and ignored */
};

/* 1 to SUBMISSION_ID_MAX bytes of UTF-8 without control characters. */
bool submission_id_is_legal(const char *id, size_t len);

/* Reads one submission from len bytes of JSON. On success the caller owns *ret_submission.
 * ERR_SYNTAX: not JSON, too deep, duplicate keys, trailing bytes (e->msg says where).
 * ERR_INPUT: JSON, but not a submission; *p (which may not be NULL) lists the fields.
 * *p is overwritten in every case; release it with field_errors_clear(). Its ignored_fields is set
 * on success too. */
NODISCARD int submission_parse(const char *json, size_t len, const struct submission_rules *rules,
                               struct submission **ret_submission, struct field_errors *p,
                               struct err *e);

/* The hash of s as it stands (s->hash itself is not looked at): equal for equal fields as sent. */
void submission_hash(const struct submission *s, uint8_t out[32]);

/* Whether this is s->hash, or what an earlier version of ours stored for the same fields. */
bool submission_hash_is(const struct submission *s, const void *hash, size_t len);

/* The limits that hold: those sent, else the defaults, never above the ceilings; a default of 0
 * means the ceiling. wall_ms stays 0 when it was not sent (then it is derived while running). */
struct limits submission_limits(const struct submission *s, int64_t default_time_ms,
                                int64_t default_memory_bytes, int64_t max_time_ms,
                                int64_t max_memory_bytes);

/* As sent, for GET /submissions/{id}: a new JSON object (texts that are not UTF-8 as *_base64), or
 * NULL out of memory. */
json_t *submission_to_json(const struct submission *s);

/* ---- the stored form: one JSON text, with texts of SUBMISSION_INLINE_MAX bytes and more left out
 * of it and named by their hash, so that tests shared by thousands of submissions are kept once. */

#define SUBMISSION_INLINE_MAX 4096

struct blob_ref {
    uint8_t hash[32];
    const char *data; /* borrowed from the submission */
    size_t len;
};

struct submission_packed {
    char *json; /* owned */
    size_t json_len;
    struct blob_ref *blobs; /* owned array; may name one hash twice */
    size_t blobs_len;
};

/* Borrows s as long as ret_packed->blobs is in use. Release with submission_packed_clear(). */
NODISCARD int submission_pack(const struct submission *s, struct submission_packed *ret_packed,
                              struct err *e);
void submission_packed_clear(struct submission_packed *p);

/* Finds a text by its hash; fills *ret_text (caller owns). -1 with *e filled when it is gone. */
typedef int submission_blob_fn(void *ctx, const uint8_t hash[32], struct bytes *ret_text,
                               struct err *e);

/* The inverse of submission_pack(); checks no rule again. caller owns *ret_submission. */
NODISCARD int submission_unpack(const char *json, size_t len, submission_blob_fn *text, void *ctx,
                                struct submission **ret_submission, struct err *e);

/* Takes NULL and half-built ones, returns NULL. */
struct submission *submission_free(struct submission *s);
DEFINE_CLEANUP(struct submission, submission_free)
