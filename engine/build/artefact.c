#include "engine/build/artefact.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "engine/language/language_java.h"
#include "engine/language/language_java_class.h"
#include "schema/base/bytes.h"
#include "schema/base/err.h"

/* ---- one file ---- */

/* Checks the first bytes. A script needs an interpreter, which may be in the run image; the
 * kernel executes nothing else. */
static const char *check_file_head(const char *head, size_t len)
{
    Elf64_Ehdr elf; /* e_type is at the same place in a 32 bit file */

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
    *ret_why = check_file_head(head, (size_t)n);
    return 0;
}

/* ---- an archive; its format is in protocol.h ---- */

struct archived_file {
    const char *name;
    size_t name_len;
    const uint8_t *data;
    size_t size;
};

/* Moves *at behind the next file. */
static bool next_archived(const uint8_t **at, const uint8_t *end, struct archived_file *ret_file)
{
    uint32_t head[2]; /* lengths of name and data */
    size_t left = (size_t)(end - *at);

    if (left < sizeof head)
        return false;
    memcpy(head, *at, sizeof head);
    left -= sizeof head;
    if (head[0] > AGENT_ARCHIVE_NAME_MAX || head[0] > left || head[1] > left - head[0])
        return false;
    const uint8_t *name = *at + sizeof head, *data = name + head[0];
    *ret_file = (struct archived_file){ (const char *)name, head[0], data, head[1] };
    *at = data + head[1];
    return true;
}

/* The agent unpacks no other. */
static bool is_plain_path(const char *path, size_t len)
{
    const char *end = path + len, *slash;

    if (memchr(path, '\0', len))
        return false;
    do {
        slash = memchr(path, '/', (size_t)(end - path));
        size_t part = (size_t)((slash ? slash : end) - path);
        if (part == 0 || part > NAME_MAX || (part <= 2 && memcmp("..", path, part) == 0))
            return false;
        path += part + 1;
    } while (slash);
    return true;
}

/* ---- a tree of classes ---- */

/* A class with a main(). path as in the archive: "a/b/Main", without ".class". */
struct main_class {
    const char *path;
    size_t path_len;
    const char *name; /* the part of path behind the package */
    size_t name_len;
    bool is_public;
};

struct main_classes {
    struct main_class *list; /* owned; AGENT_ARCHIVE_FILES_MAX of them */
    size_t len;
};

static void free_main_classes(struct main_classes *all) { free(all->list); }

static void add_class(struct main_classes *all, const struct archived_file *file)
{
    static const char suffix[] = ".class";
    size_t len = file->name_len, suffix_len = strlen(suffix);
    const char *path = file->name;
    struct language_java_class class;

    if (len <= suffix_len || memcmp(path + len - suffix_len, suffix, suffix_len) != 0 ||
        !language_java_class_read(file->data, file->size, &class) || class.is_nested ||
        !class.has_main)
        return;
    len -= suffix_len;
    const char *slash = memrchr(path, '/', len), *name = slash ? slash + 1 : path;
    all->list[all->len++] = (struct main_class){ .path = path,
                                                 .path_len = len,
                                                 .name = name,
                                                 .name_len = len - (size_t)(name - path),
                                                 .is_public = class.is_public };
}

static int read_class_archive(const uint8_t *at, size_t len, struct main_classes *all,
                              struct err *e)
{
    const uint8_t *end = at + len;
    struct archived_file file;

    for (size_t files = 0; at < end; files++) {
        if (files == AGENT_ARCHIVE_FILES_MAX || !next_archived(&at, end, &file))
            return err_set(e, ERR_CELL, "what was built is no archive");
        add_class(all, &file);
    }
    return 0;
}

static int compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_class_names(const void *a, const void *b)
{
    const struct main_class *x = a, *y = b;
    return compare_bytes(x->name, x->name_len, y->name, y->name_len);
}

/* NULL when there is no class of this name. The list is sorted. */
static const struct main_class *find_class_named(const struct main_classes *all, const char *name,
                                                 size_t len)
{
    const struct main_class key = { .name = name, .name_len = len };
    return bsearch(&key, all->list, all->len, sizeof key, compare_class_names);
}

/* *ret_class NULL: no class has a main(). */
static int choose_main_class(const struct language *language, const struct main_classes *all,
                             const struct bytes *source, const struct main_class **ret_class,
                             struct err *e)
{
    CLEANUP(language_java_close) struct language_java_source s = { .decoded = NULL };
    const struct main_class *found = NULL;
    struct language_java_type type;

    for (size_t i = 0; i < all->len && !found; i++)
        found = all->list[i].is_public ? &all->list[i] : NULL;
    if (!found)
        found = find_class_named(all, language->source_name, language_stem(language));
    if (!found && all->len > 1) {
        if (language_java_open(source->data, source->len, &s, e) < 0)
            return -1;
        while (!found && language_java_next(&s, &type))
            found = find_class_named(all, type.name, type.name_len);
    }
    *ret_class = found || all->len == 0 ? found : &all->list[0];
    return 0;
}

/* "a/b/Main" is class a.b.Main. */
static void name_main(const struct main_class *x, struct language_variables *variables)
{
    memcpy(variables->main, x->path, x->path_len);
    variables->main[x->path_len] = '\0';
    for (char *c = variables->main; (c = strchr(c, '/'));)
        *c = '.';
}

static int inspect_classes(const struct language *language, const struct bytes *archive,
                           const struct bytes *source, struct language_variables *variables,
                           const char **ret_why, struct err *e)
{
    CLEANUP(free_main_classes)
    struct main_classes all = { .list = calloc(AGENT_ARCHIVE_FILES_MAX, sizeof *all.list) };
    const struct main_class *class;

    if (!all.list)
        return err_set(e, ERR_NOMEM, "what was built");
    if (read_class_archive((const uint8_t *)archive->data, archive->len, &all, e) < 0)
        return -1;
    qsort(all.list, all.len, sizeof *all.list, compare_class_names);
    if (choose_main_class(language, &all, source, &class, e) < 0)
        return -1;
    if (class)
        name_main(class, variables);
    *ret_why = class ? NULL : "scrc: no class has a public static void main(String[])";
    return 0;
}

static int inspect_tree(const struct language *language, int fd, const struct bytes *source,
                        struct language_variables *variables, const char **ret_why, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_errno(e, ERR_CELL, errno, "read what was built");
    static char nothing[] = "";
    struct bytes archive = { .data = nothing, .len = (size_t)st.st_size };
    if (archive.len == 0)
        return inspect_classes(language, &archive, source, variables, ret_why, e);
    void *data =
        mmap(NULL, archive.len, PROT_READ, MAP_PRIVATE, fd, 0); /* sealed: it cannot change */
    if (data == MAP_FAILED)
        return err_errno(e, ERR_NOMEM, errno, "read what was built");
    archive.data = data;
    int rc = inspect_classes(language, &archive, source, variables, ret_why, e);
    (void)munmap(data, archive.len);
    return rc;
}

int artefact_inspect(const struct language *language, int fd, const struct bytes *source,
                     struct language_variables *variables, const char **ret_why, struct err *e)
{
    *ret_why = NULL;
    if (language->collect == AGENT_COLLECT_FILE)
        return inspect_file(fd, ret_why, e);
    if (language->naming == LANGUAGE_NAMING_JAVA)
        return inspect_tree(language, fd, source, variables, ret_why, e);
    return 0;
}

/* By their bytes, '/' before all others: so what is in a folder follows the folder's own name. */
static int compare_archived(const void *a, const void *b)
{
    const struct archived_file *x = a, *y = b;
    size_t len = x->name_len < y->name_len ? x->name_len : y->name_len, i = 0;

    while (i < len && x->name[i] == y->name[i])
        i++;
    int left = i == x->name_len ? -1 : x->name[i] == '/' ? 0 : (unsigned char)x->name[i];
    int right = i == y->name_len ? -1 : y->name[i] == '/' ? 0 : (unsigned char)y->name[i];
    return left - right;
}

/* b is the same, or is in a folder of that name; a comes first by compare_archived(). */
static bool are_in_conflict(const struct archived_file *a, const struct archived_file *b)
{
    return b->name_len >= a->name_len && memcmp(a->name, b->name, a->name_len) == 0 &&
           (b->name_len == a->name_len || b->name[a->name_len] == '/');
}

/* An agent unpacks it: no name comes twice, nor both as a file and as a folder. */
static bool is_archive(const struct bytes *bytes)
{
    CLEANUP(freep) struct archived_file *files = calloc(AGENT_ARCHIVE_FILES_MAX, sizeof *files);
    const uint8_t *at = (const uint8_t *)bytes->data, *end = at + bytes->len;
    size_t len = 0;

    for (; files && at < end; len++)
        if (len == AGENT_ARCHIVE_FILES_MAX || !next_archived(&at, end, &files[len]) ||
            !is_plain_path(files[len].name, files[len].name_len))
            return false;
    if (!files)
        return false;
    qsort(files, len, sizeof *files, compare_archived);
    for (size_t i = 1; i < len; i++)
        if (are_in_conflict(&files[i - 1], &files[i]))
            return false;
    return true;
}

bool artefact_is_sound(const struct language *language, const struct bytes *artefact)
{
    if (language->collect == AGENT_COLLECT_FILE)
        return !check_file_head(artefact->data, artefact->len);
    return is_archive(artefact);
}
