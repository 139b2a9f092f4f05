/* Any bytes as what a program has printed, and as the report of any server: what is shown of it is
 * text, and commands no terminal. */
#include <stdio.h>
#include <stdlib.h>

#include "client/show.h"
#include "client/term.h"
#include "schema/base/text.h"
#include "schema/bundle/testset.h"
#include "tests/fuzz/fuzz.h"

static void show_all(const struct term *t, const char *data, size_t size)
{
    static char name[] = "1";
    struct testset_pair pair = { .name = name };
    const struct testset none = { .len = 0 }, one = { .pairs = &pair, .len = 1 };
    json_auto_t *report = json_loadb(data, size, JSON_ALLOW_NUL, NULL);

    term_lines(t, data, size);
    if (!json_is_object(report))
        return;
    show_report(t, report, &none);
    show_report(t, report, &one);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    struct term t;

    MUST(f);
    term_open(f, &t);
    t.utf8 = size % 2 == 0;
    show_all(&t, (const char *)data, size);
    MUST(fclose(f) == 0);
    MUST(text_is_utf8(text, len));
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        MUST((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t');
        MUST(t.utf8 || c < 0x80);
    }
    free(text);
    return 0;
}
