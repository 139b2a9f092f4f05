#include "tests/support/class_file.h"

#include <string.h>

static void class_put(struct class_file *f, uint32_t n, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        f->data[f->len++] = (uint8_t)(n >> (8 * i));
}

static void class_put_text(struct class_file *f, const char *text)
{
    class_put(f, 1, 1);
    class_put(f, (uint32_t)strlen(text), 2);
    memcpy(f->data + f->len, text, strlen(text));
    f->len += strlen(text);
}

/* Constants: 1 this class, 2 its name, 3 a long (and 4), 5 the attribute's name, then the texts of
 * the members. */
#define CLASS_TEXTS_AT 6
struct class_texts {
    const char *list[12];
    uint32_t len;
};

static uint32_t class_text(struct class_texts *t, const char *text)
{
    uint32_t i = 0;
    while (i < t->len && strcmp(t->list[i], text) != 0)
        i++;
    t->list[i] = text;
    t->len += i == t->len;
    return CLASS_TEXTS_AT + i;
}

static void class_put_members(struct class_file *f, const struct class_method *m, size_t max,
                              struct class_texts *texts)
{
    size_t len = 0;

    while (len < max && m[len].name)
        len++;
    class_put(f, (uint32_t)len, 2);
    for (size_t i = 0; i < len; i++) {
        class_put(f, m[i].access, 2);
        class_put(f, class_text(texts, m[i].name), 2);
        class_put(f, class_text(texts, m[i].type), 2);
        class_put(f, 1, 2); /* one attribute, of 3 bytes */
        class_put(f, 2, 2);
        class_put(f, 3, 4);
        class_put(f, 0xffffff, 3);
    }
}

static void class_put_constants(struct class_file *f, const struct class_texts *texts)
{
    class_put(f, CLASS_TEXTS_AT + texts->len, 2);
    class_put(f, 7, 1);
    class_put(f, 2, 2);
    class_put_text(f, "X");
    class_put(f, 5, 1);
    class_put(f, 0, 4);
    class_put(f, 1, 4);
    class_put_text(f, "InnerClasses");
    for (uint32_t i = 0; i < texts->len; i++)
        class_put_text(f, texts->list[i]);
}

void class_make(const struct class_spec *s, struct class_file *ret_file)
{
    struct class_file f = { .len = 0 }, members = { .len = 0 };
    struct class_texts texts = { .len = 0 };

    class_put_members(&members, s->fields, ARRAY_LEN(s->fields), &texts);
    class_put_members(&members, s->methods, ARRAY_LEN(s->methods), &texts);
    class_put(&f, 0xcafebabe, 4);
    class_put(&f, 0, 2);
    class_put(&f, s->major ? s->major : JAVA_17, 2);
    class_put_constants(&f, &texts);
    class_put(&f, s->access, 2);
    class_put(&f, 1, 2);
    class_put(&f, 1, 2);
    class_put(&f, 1, 2); /* an interface */
    class_put(&f, 1, 2);
    memcpy(f.data + f.len, members.data, members.len);
    f.len += members.len;
    class_put(&f, 1, 2);
    class_put(&f, 5, 2);
    class_put(&f, 2 + 8, 4);
    class_put(&f, 1, 2);
    class_put(&f, s->nested ? 1 : 2, 2);
    class_put(&f, 0, 4);
    class_put(&f, 0, 2);
    *ret_file = f;
}
