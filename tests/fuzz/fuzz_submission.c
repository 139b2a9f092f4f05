/* Any bytes as a submission: never a crash, and what is accepted comes back from the stored form
 * and from its own JSON as the same submission. Beside it, our reading of a document must be
 * jansson's. */
#include <jansson.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/json/reader.h"
#include "tests/fuzz/fuzz.h"

static struct submission_rules rules = FUZZ_RULES;

static int find_text(void *ctx, const uint8_t hash[32], struct bytes *ret_text, struct err *e)
{
    const struct submission_packed *p = ctx;

    (void)e;
    for (size_t i = 0; i < p->blobs_len; i++) {
        if (memcmp(p->blobs[i].hash, hash, 32) == 0)
            return bytes_copy(p->blobs[i].data, p->blobs[i].len, ret_text);
    }
    abort();
}

/* Without an id it is never compared with another one, and was not hashed. */
static void must_have_hash(const struct submission *s)
{
    uint8_t hash[32];
    submission_hash(s, hash);
    MUST(!s->id || memcmp(s->hash, hash, sizeof hash) == 0);
}

static void must_be_same(const struct submission *a, const struct submission *b)
{
    uint8_t hash_a[32], hash_b[32];
    submission_hash(a, hash_a);
    submission_hash(b, hash_b);
    MUST(memcmp(hash_a, hash_b, sizeof hash_a) == 0);
}

static void store_and_fetch(const struct submission *s)
{
    struct submission_packed packed;
    struct submission *back;
    struct err e;

    MUST(submission_pack(s, &packed, &e) == 0);
    MUST(submission_unpack(packed.json, packed.json_len, find_text, &packed, &back, &e) == 0);
    must_be_same(back, s);
    MUST(memcmp(back->hash, s->hash, sizeof s->hash) == 0);
    submission_free(back);
    submission_packed_clear(&packed);
}

static void send_again(const struct submission *s)
{
    json_t *json = submission_to_json(s);
    char *text = json_dumps(json, 0);
    struct submission *again;
    struct field_errors p;
    struct err e;

    MUST(text);
    MUST(submission_parse(text, strlen(text), &rules, &again, &p, &e) == 0);
    must_be_same(again, s);
    submission_free(again);
    field_errors_clear(&p);
    free(text);
    json_decref(json);
}

/* ours: the same document with stand-ins where an object's long strings were. */
static void must_be_equal(struct reader *d, json_t *ours, json_t *plain)
{
    const char *key;
    json_t *v;
    size_t i;

    MUST(json_typeof(ours) == json_typeof(plain));
    MUST(json_object_size(ours) == json_object_size(plain));
    json_object_foreach(plain, key, v)
    {
        json_t *mine = json_object_get(ours, key);
        struct bytes b;
        MUST(mine);
        if (!json_is_string(v)) {
            must_be_equal(d, mine, v);
            continue;
        }
        MUST(json_is_string(mine) && reader_string(d, mine, &b) == 0);
        MUST(b.len == json_string_length(v) && !memcmp(b.data, json_string_value(v), b.len));
        bytes_clear(&b);
    }
    json_array_foreach(plain, i, v) must_be_equal(d, json_array_get(ours, i), v);
    if (!json_is_object(plain) && !json_is_array(plain))
        MUST(json_equal(ours, plain));
}

static void compare_with_jansson(const char *json, size_t size)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY;
    struct reader d;
    struct err e;
    json_error_t why;
    size_t bom = size >= 3 && memcmp(json, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    json_t *plain = json_loadb(json + bom, size - bom, flags, &why);
    int result = reader_load(json, size, 1000, INT64_MAX, &d, &e);

    if (plain) {
        MUST(result == 0);
        must_be_equal(&d, d.root, plain);
    } else {
        MUST(result < 0 || d.reals_only);
        MUST(result == 0 || text_is_utf8(e.msg, strlen(e.msg)));
    }
    reader_clear(&d);
    json_decref(plain);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return text_init();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *json = (const char *)data;
    struct submission *s = NULL;
    struct field_errors p;
    struct err e = { 0 };

    rules.refuse_unknown = size % 2;
    if (submission_parse(json, size, &rules, &s, &p, &e) == 0) {
        MUST(p.len == 0);
        must_have_hash(s);
        store_and_fetch(s);
        send_again(s);
        submission_free(s);
    } else {
        MUST(e.kind == ERR_SYNTAX || (e.kind == ERR_INPUT && p.len > 0));
        for (size_t i = 0; i < p.len; i++)
            MUST(text_is_utf8(p.list[i].pointer, strlen(p.list[i].pointer)));
    }
    field_errors_clear(&p);
    compare_with_jansson(json, size);
    return 0;
}
