#include "engine/build/artefact.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "engine/language/language_java.h"
#include "engine/language/language_java_class.h"
#include "schema/base/bytes.h"
#include "schema/base/err.h"

/* ---- one file ---- */

/* By its first bytes. A script has an interpreter, which may be in the run image; whatever else is
 * no program is none to the kernel, too. */
static const char *find_fault(const char *head, size_t len)
{
    Elf64_Ehdr elf; /* of 32 bits, too: what we look at is in the same place */

    if (len >= strlen("!<arch>\n") && memcmp(head, "!<arch>\n", strlen("!<arch>\n")) == 0)
        return "scrc: the build left a library, not a program (in Go: the package is not main)";
    if (len >= 2 && memcmp(head, "#!", 2) == 0)
        return NULL;
    if (len >= sizeof elf && memcmp(head, ELFMAG, SELFMAG) == 0) {
        memcpy(&elf, head, sizeof elf);
        if (elf.e_type == ET_EXEC || elf.e_type == ET_DYN)
            return NULL;
    }
    return "scrc: what the build left is no program";
}

static int inspect_file(int fd, const char **ret_why, struct err *e)
{
    char head[sizeof(Elf64_Ehdr)];
    ssize_t n = pread(fd, head, sizeof head, 0);

    if (n < 0)
        return err_errno(e, ERR_CELL, errno, "read what was built");
    *ret_why = find_fault(head, (size_t)n);
    return 0;
}

/* ---- a tree of classes ---- */

/* A class with a main(). Its path is as in the bundle: "a/b/Main", without ".class". */
struct entry {
    const char *path;
    size_t path_len;
    const char *name; /* of path, the part behind the package */
    size_t name_len;
    bool is_public;
};

struct entries {
    struct entry *list; /* owned; AGENT_ARCHIVE_FILES_MAX of them */
    size_t len;
};

static void clear_entries(struct entries *all) { free(all->list); }

static void add_class(struct entries *all, const char *path, size_t len, const uint8_t *data,
                      size_t size)
{
    static const char suffix[] = ".class";
    size_t suffix_len = strlen(suffix);
    struct language_java_class class;

    if (len <= suffix_len || memcmp(path + len - suffix_len, suffix, suffix_len) != 0 ||
        !language_java_class_read(data, size, &class) || class.is_nested || !class.has_main)
        return;
    len -= suffix_len;
    const char *slash = memrchr(path, '/', len), *name = slash ? slash + 1 : path;
    all->list[all->len++] = (struct entry){ .path = path,
                                            .path_len = len,
                                            .name = name,
                                            .name_len = len - (size_t)(name - path),
                                            .is_public = class.is_public };
}

/* A bundle is what protocol.h says. */
static int read_bundle(const uint8_t *at, size_t len, struct entries *all, struct err *e)
{
    const uint8_t *end = at + len;

    for (size_t files = 0; at < end; files++) {
        uint32_t head[2]; /* the lengths of path and data */
        if ((size_t)(end - at) < sizeof head || files == AGENT_ARCHIVE_FILES_MAX)
            return err_set(e, ERR_CELL, "what was built is no bundle");
        memcpy(head, at, sizeof head);
        at += sizeof head;
        if (head[0] > AGENT_ARCHIVE_NAME_MAX || head[0] > (size_t)(end - at) ||
            head[1] > (size_t)(end - at) - head[0])
            return err_set(e, ERR_CELL, "what was built is no bundle");
        add_class(all, (const char *)at, head[0], at + head[0], head[1]);
        at += head[0] + head[1];
    }
    return 0;
}

static int compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int by_name(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return compare_bytes(x->name, x->name_len, y->name, y->name_len);
}

/* NULL when there is none of this name. The list is sorted. */
static const struct entry *find_named(const struct entries *all, const char *name, size_t len)
{
    const struct entry key = { .name = name, .name_len = len };
    return bsearch(&key, all->list, all->len, sizeof key, by_name);
}

/* NULL: there is none. */
static int choose(const struct language *row, const struct entries *all, const struct bytes *source,
                  const struct entry **ret_entry, struct err *e)
{
    CLEANUP(language_java_close) struct language_java_source s = { .decoded = NULL };
    const struct entry *found = NULL;
    struct language_java_type type;

    for (size_t i = 0; i < all->len && !found; i++)
        found = all->list[i].is_public ? &all->list[i] : NULL;
    if (!found)
        found = find_named(all, row->source_name, language_stem(row));
    if (!found && all->len > 1) {
        if (language_java_open(source->data, source->len, &s, e) < 0)
            return -1;
        while (!found && language_java_next(&s, &type))
            found = find_named(all, type.name, type.name_len);
    }
    *ret_entry = found || all->len == 0 ? found : &all->list[0];
    return 0;
}

/* "a/b/Main" is class a.b.Main. */
static void name_main(const struct entry *x, struct language_variables *words)
{
    memcpy(words->main, x->path, x->path_len);
    words->main[x->path_len] = '\0';
    for (char *c = words->main; (c = strchr(c, '/'));)
        *c = '.';
}

static int inspect_classes(const struct language *row, const struct bytes *bundle,
                           const struct bytes *source, struct language_variables *words,
                           const char **ret_why, struct err *e)
{
    CLEANUP(clear_entries)
    struct entries all = { .list = calloc(AGENT_ARCHIVE_FILES_MAX, sizeof *all.list) };
    const struct entry *entry;

    if (!all.list)
        return err_set(e, ERR_NOMEM, "what was built");
    if (read_bundle((const uint8_t *)bundle->data, bundle->len, &all, e) < 0)
        return -1;
    qsort(all.list, all.len, sizeof *all.list, by_name);
    if (choose(row, &all, source, &entry, e) < 0)
        return -1;
    if (entry)
        name_main(entry, words);
    *ret_why = entry ? NULL : "scrc: no class has a public static void main(String[])";
    return 0;
}

static int inspect_tree(const struct language *row, int fd, const struct bytes *source,
                        struct language_variables *words, const char **ret_why, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_errno(e, ERR_CELL, errno, "read what was built");
    static char nothing[] = "";
    struct bytes bundle = { .data = nothing, .len = (size_t)st.st_size };
    if (bundle.len == 0)
        return inspect_classes(row, &bundle, source, words, ret_why, e);
    void *data = mmap(NULL, bundle.len, PROT_READ, MAP_PRIVATE, fd, 0); /* sealed: it stays */
    if (data == MAP_FAILED)
        return err_errno(e, ERR_NOMEM, errno, "read what was built");
    bundle.data = data;
    int rc = inspect_classes(row, &bundle, source, words, ret_why, e);
    (void)munmap(data, bundle.len);
    return rc;
}

int artefact_inspect(const struct language *row, int fd, const struct bytes *source,
                     struct language_variables *words, const char **ret_why, struct err *e)
{
    *ret_why = NULL;
    if (row->collect == AGENT_COLLECT_FILE)
        return inspect_file(fd, ret_why, e);
    if (row->naming == LANGUAGE_NAMING_JAVA)
        return inspect_tree(row, fd, source, words, ret_why, e);
    return 0;
}
