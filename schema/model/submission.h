/* schema/model/submission.h - a program to be judged, with its tests and limits, and its JSON
 * (Submission in openapi.yaml).
 *
 * Room     schema/model: submission, source, report, verdict, checker.
 *          May know schema/base and schema/json.
 * Owns     everything below a struct submission, until submission_free().
 * Threads  any; a submission may be shared as long as nobody changes it.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/bytes.h"
#include "schema/base/traceparent.h"
#include "schema/json/field_errors.h"
#include "schema/model/checker.h"
#include "schema/model/source_tree.h"

struct err;

#define SUBMISSION_ID_MAX 255 /* bytes of UTF-8 */
#define SUBMISSION_PRIORITY_MAX                                                                    \
    10 /* the lowest is its negative; who has a higher one is judged first */
#define SUBMISSION_WALL_EXTRA_MS                                                                   \
    60000 /* a wall time limit may be larger than max_time_ms by this */

struct limits {
    int64_t time_ms, wall_ms, memory_bytes; /* 0: absent, so the server's default */
};

/* By which way a submission came. */
enum submission_door { SUBMISSION_NO_DOOR, SUBMISSION_HTTP, SUBMISSION_KAFKA };
#define SUBMISSION_DOORS 3

/* "http", "kafka"; NULL: not known, accepted by an earlier version. */
const char *submission_door_name(enum submission_door door);

struct test {
    int64_t number; /* if absent, its position, from 1 */
    struct bytes input, expected;
};

struct submission {
    char *id;         /* owned; NULL: absent */
    char *language;   /* owned; a name in the language table */
    char *owner;      /* owned; on whose behalf it was sent: owners share the queue; NULL: absent */
    int64_t priority; /* 0: absent */
    char *labels;     /* owned; a JSON object: labels.h; NULL: none */
    struct source_tree source;
    struct limits limits; /* as sent, before defaults */
    /* submission_limits() by the rules of the server that accepted it, so that it does not matter
     * with which settings another one judges it. All 0: accepted by an earlier version. */
    struct limits in_force;
    bool checker_given; /* false: `checker` is the server's default */
    struct checker checker;
    bool stop_on_failure; /* default true */
    struct test *tests;   /* owned, in the order in which they run; NULL: none */
    size_t tests_len;
    /* Of the known fields in a canonical form, before defaults. Zeros without an id: only an id can
     * be sent again, and hashing is the largest part of parsing a small submission. */
    uint8_t hash[32];
    /* How it came. Set by who takes it in; not part of what was sent. */
    enum submission_door door;
    char traceparent[TRACEPARENT_SIZE]; /* "": none */
};

/* What the server accepts. Borrowed for the call. */
struct submission_rules {
    int64_t max_tests, max_depth;
    int64_t max_source_bytes;              /* of all files of the source together */
    int64_t max_time_ms, max_memory_bytes; /* ceilings of the limits */
    int64_t min_memory_bytes;              /* of a memory limit that is sent, beside 0 */
    int64_t default_time_ms, default_memory_bytes;
    struct checker default_checker;
    bool (*knows_language)(const void *ctx, const char *name);
    /* Writes which languages there are, and which one may have been meant, as the end of a
     * sentence; NULL: nothing is said of it. */
    void (*hint_language)(const void *ctx, const char *unknown, char *out, size_t size);
    const void *ctx;
    bool refuse_unknown; /* unknown fields: true: errors (HTTP); false: counted, ignored (Kafka) */
};

/* How many JSON values the document of a submission may have. */
int64_t submission_values_max(const struct submission_rules *rules);

/* Of an id and of an owner: 1 to SUBMISSION_ID_MAX bytes of UTF-8 without control characters. */
bool submission_id_is_legal(const char *id, size_t len);

/* Parses one submission from len bytes of JSON. On success the caller owns *ret_submission.
 * ERR_SYNTAX: not JSON, too deep, duplicate keys, trailing bytes (e->msg says where).
 * ERR_INPUT: JSON, but not a submission; *p (not NULL) lists the wrong fields.
 * *p is always overwritten; release it with field_errors_clear(). Its ignored_fields is set on
 * success too. */
NODISCARD int submission_parse(const char *json, size_t len, const struct submission_rules *rules,
                               struct submission **ret_submission, struct field_errors *p,
                               struct err *e);

/* The hash of the fields of s as they were sent; s->hash is not used. */
void submission_hash(const struct submission *s, uint8_t out[32]);

/* Whether this is s->hash, or the hash that an earlier version stored for the same fields. */
bool submission_hash_is(const struct submission *s, const void *stored, size_t len);

/* The effective limits: those that were sent, else the defaults, at most the ceilings; a default of
 * 0 means the ceiling. wall_ms is 0 if it was not sent: then the engine derives it. */
struct limits submission_limits(const struct submission *s, int64_t default_time_ms,
                                int64_t default_memory_bytes, int64_t max_time_ms,
                                int64_t max_memory_bytes);

/* As sent, for GET /submissions/{id}; texts that are not UTF-8 as *_base64. A new reference; NULL:
 * out of memory. */
json_t *submission_to_json(const struct submission *s);

/* ---- the stored form: one JSON text. Texts of SUBMISSION_INLINE_MAX bytes and more are blobs
 * beside it, named by their hash, so that tests that many submissions share are stored once. */

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

/* Finds a blob by its hash; the caller owns *ret_text. -1 with *e filled: there is none. */
typedef int submission_blob_fn(void *ctx, const uint8_t hash[32], struct bytes *ret_text,
                               struct err *e);

/* The inverse of submission_pack(); does not check submission_rules. Caller owns *ret_submission.
 */
NODISCARD int submission_unpack(const char *json, size_t len, submission_blob_fn *find_blob,
                                void *ctx, struct submission **ret_submission, struct err *e);

/* Takes NULL and incomplete submissions, returns NULL. */
struct submission *submission_free(struct submission *s);
DEFINE_CLEANUP(struct submission, submission_free)
