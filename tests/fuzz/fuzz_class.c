/* Any bytes as a class file, as a Java source and as an artefact: never a crash, and what is
 * found lies within the bytes. */
#include <string.h>

#include "engine/build/artefact.h"
#include "engine/cell/cell_memfd.h"
#include "engine/language/language_java.h"
#include "engine/language/language_java_class.h"
#include "schema/base/bytes.h"
#include "schema/base/err.h"
#include "tests/fuzz/fuzz.h"

/* As a bundle with only this file: it starts with this class if the class has a main(), and else
 * with nothing. */
static void compare_with_artefact(const uint8_t *data, size_t size, bool begins)
{
    static const char path[] = "a/B.class";
    const uint32_t head[] = { sizeof path - 1, (uint32_t)size };
    const struct language java = { .naming = LANGUAGE_NAMING_JAVA,
                                   .source_name = "Main.java",
                                   .collect = AGENT_COLLECT_TREE };
    struct bytes source = { .data = (char *)(uintptr_t)data, .len = size };
    struct language_variables variables = { .main = "guess" };
    const char *why;
    struct err e;
    size_t len = sizeof head + head[0] + size;
    char *bundle = malloc(len);

    MUST(bundle);
    memcpy(bundle, head, sizeof head);
    memcpy(bundle + sizeof head, path, head[0]);
    memcpy(bundle + sizeof head + head[0], data, size);
    CLEANUP(closep) int fd = cell_memfd("bundle", bundle, len, &e);
    free(bundle);
    MUST(fd >= 0 && artefact_inspect(&java, fd, &source, &variables, &why, &e) == 0);
    MUST((why == NULL) == begins);
    MUST(strcmp(variables.main, begins ? "a.B" : "guess") == 0);
}

static void inspect_as_artefact(const uint8_t *data, size_t size)
{
    const struct language rows[] = {
        { .collect = AGENT_COLLECT_FILE },
        { .collect = AGENT_COLLECT_TREE,
          .naming = LANGUAGE_NAMING_JAVA,
          .source_name = "Main.java" },
    };
    struct bytes source = { .data = (char *)(uintptr_t)data, .len = size };
    struct err e;
    CLEANUP(closep) int fd = cell_memfd("artefact", data, size, &e);

    MUST(fd >= 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct language_variables variables = { .main = "" };
        const char *why;
        e.kind = ERR_NONE;
        int rc = artefact_inspect(&rows[i], fd, &source, &variables, &why, &e);
        MUST(rc == 0 || (e.kind == ERR_CELL && i == 1));
        MUST(memchr(variables.main, '\0', sizeof variables.main));
    }
}

static void read_source(const uint8_t *data, size_t size)
{
    struct language_java_source s;
    struct language_java_type type;
    struct err e;

    MUST(language_java_open((const char *)data, size, &s, &e) == 0);
    const char *begin = s.at;
    for (size_t types = 0; language_java_next(&s, &type); types++) {
        MUST(types < size);
        MUST(type.name_len > 0 && type.name >= begin && type.name + type.name_len <= s.end);
        MUST(!memchr(type.name, '\0', type.name_len) && !memchr(type.name, '/', type.name_len));
    }
    MUST(s.at <= s.end);
    language_java_close(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct language_java_class class;
    bool is_class = language_java_class_read(data, size, &class);

    read_source(data, size);
    inspect_as_artefact(data, size);
    compare_with_artefact(data, size, is_class && class.has_main && !class.is_nested);
    return 0;
}
