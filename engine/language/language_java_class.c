#include "engine/language/language_java_class.h"

#include <string.h>

/* Java SE Platform, JVM Specification, chapter 4. */
#define MAGIC 0xcafebabe

enum access {
    ACC_PUBLIC = 0x1,
    ACC_PRIVATE = 0x2,
    ACC_STATIC = 0x8,
    ACC_INTERFACE = 0x200,
    ACC_ABSTRACT = 0x400,
};

/* Class files of Java 25 and later may also start with `void main()` (JEP 512). */
#define MAJOR_OF_INSTANCE_MAIN 69

/* A read behind the end returns 0 and sets bad. */
struct class_reader {
    const uint8_t *at, *end;
    bool bad;
};

/* Indexes in the constant pool of the texts that we look for; 0: the text is missing. */
struct class_names {
    uint16_t main, takes_texts, takes_nothing, constructor, inner_classes;
};

static uint32_t read_unsigned(struct class_reader *r, size_t bytes)
{
    uint32_t n = 0;

    if ((size_t)(r->end - r->at) < bytes) {
        r->bad = true;
        r->at = r->end;
        return 0;
    }
    while (bytes-- > 0)
        n = n << 8 | *r->at++;
    return n;
}

static uint16_t u2(struct class_reader *r) { return (uint16_t)read_unsigned(r, 2); }

/* Returns the skipped bytes; NULL when there are fewer. */
static const uint8_t *skip_bytes(struct class_reader *r, size_t len)
{
    const uint8_t *from = r->at;

    if ((size_t)(r->end - r->at) < len) {
        r->bad = true;
        r->at = r->end;
        return NULL;
    }
    r->at += len;
    return from;
}

static void read_constant_text(struct class_reader *r, uint16_t index, struct class_names *n)
{
    const struct {
        const char *text;
        uint16_t *index;
    } wanted[] = { { "main", &n->main },
                   { "([Ljava/lang/String;)V", &n->takes_texts },
                   { "()V", &n->takes_nothing },
                   { "<init>", &n->constructor },
                   { "InnerClasses", &n->inner_classes } };
    size_t len = u2(r);
    const uint8_t *text = skip_bytes(r, len);

    for (size_t i = 0; text && i < sizeof wanted / sizeof *wanted; i++)
        if (len == strlen(wanted[i].text) && memcmp(text, wanted[i].text, len) == 0)
            *wanted[i].index = index;
}

/* False: a kind of constant that no class file has. */
static bool read_constants(struct class_reader *r, struct class_names *n)
{
    enum { UTF8 = 1, LONG = 5, DOUBLE = 6 };
    static const uint8_t sizes[] = {
        [3] = 4,  [4] = 4,  [LONG] = 8, [DOUBLE] = 8, [7] = 2,  [8] = 2,  [9] = 4,  [10] = 4,
        [11] = 4, [12] = 4, [15] = 3,   [16] = 2,     [17] = 4, [18] = 4, [19] = 2, [20] = 2
    };
    unsigned count = u2(r);

    for (unsigned i = 1; i < count && !r->bad; i++) {
        uint32_t kind = read_unsigned(r, 1);
        if (kind == UTF8) {
            read_constant_text(r, (uint16_t)i, n);
            continue;
        }
        if (kind >= sizeof sizes || sizes[kind] == 0)
            return false;
        (void)skip_bytes(r, sizes[kind]);
        i += kind == LONG || kind == DOUBLE; /* these take two indexes */
    }
    return true;
}

/* Skips the attributes; calls read, unless NULL, for those of this name. True when one returned
 * true. */
static bool read_attributes(struct class_reader *r, uint16_t name, uint16_t this_class,
                            bool (*read)(struct class_reader, uint16_t))
{
    bool found = false;

    for (unsigned count = u2(r); count > 0 && !r->bad; count--) {
        uint16_t of = u2(r);
        size_t len = read_unsigned(r, 4);
        const uint8_t *data = skip_bytes(r, len);
        if (read && data && name != 0 && of == name)
            found =
                read((struct class_reader){ .at = data, .end = data + len }, this_class) || found;
    }
    return found;
}

static bool lists_class(struct class_reader r, uint16_t this_class)
{
    bool found = false;

    for (unsigned count = u2(&r); count > 0 && !r.bad; count--) {
        found = u2(&r) == this_class || found;
        (void)skip_bytes(&r, 6); /* the outer class, the name, the flags */
    }
    return found;
}

/* What we need to know of the methods. */
struct class_methods {
    bool main;          /* public static void main(String[]) */
    bool static_main;   /* static, of either form, and not private */
    bool instance_main; /* the same, not static */
    bool constructor;   /* without parameters, and not private */
};

static void read_method(struct class_reader *r, const struct class_names *n,
                        struct class_methods *m)
{
    unsigned access = u2(r), name = u2(r), type = u2(r);

    (void)read_attributes(r, 0, 0, NULL);
    if (r->bad || name == 0 || type == 0)
        return;
    bool visible = !(access & ACC_PRIVATE), is_static = access & ACC_STATIC;
    bool main = name == n->main && (type == n->takes_texts || type == n->takes_nothing);
    m->main |= main && type == n->takes_texts && (access & ACC_PUBLIC) && is_static;
    m->static_main |= main && visible && is_static;
    m->instance_main |= main && visible && !is_static;
    m->constructor |= visible && name == n->constructor && type == n->takes_nothing;
}

static void read_members(struct class_reader *r, const struct class_names *n,
                         struct class_methods *ret_methods)
{
    struct class_methods fields = { false }, methods = { false };

    for (unsigned count = u2(r); count > 0 && !r->bad; count--)
        read_method(r, n, &fields); /* the same form */
    for (unsigned count = u2(r); count > 0 && !r->bad; count--)
        read_method(r, n, &methods);
    *ret_methods = methods;
}

static bool has_main_method(const struct class_methods *m, unsigned major, unsigned access)
{
    if (m->main || major < MAJOR_OF_INSTANCE_MAIN)
        return m->main;
    return m->static_main ||
           (m->instance_main && m->constructor && !(access & (ACC_INTERFACE | ACC_ABSTRACT)));
}

bool language_java_class_read(const uint8_t *data, size_t len,
                              struct language_java_class *ret_class)
{
    struct class_reader r = { .at = data, .end = data + len };
    struct class_names names = { 0 };
    struct class_methods methods;

    if (read_unsigned(&r, 4) != MAGIC)
        return false;
    (void)u2(&r); /* minor version */
    unsigned major = u2(&r);
    if (!read_constants(&r, &names))
        return false;
    unsigned access = u2(&r);
    uint16_t this_class = u2(&r);
    (void)u2(&r);                             /* super class */
    (void)skip_bytes(&r, 2 * (size_t)u2(&r)); /* interfaces */
    read_members(&r, &names, &methods);
    bool nested = read_attributes(&r, names.inner_classes, this_class, lists_class);
    if (r.bad)
        return false;
    *ret_class =
        (struct language_java_class){ .is_public = access & ACC_PUBLIC,
                                      .is_nested = nested,
                                      .has_main = has_main_method(&methods, major, access) };
    return true;
}
