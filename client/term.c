#include "client/term.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unictype.h>
#include <unistr.h>
#include <uniwidth.h>

void term_open(FILE *out, struct term *ret_term)
{
    /* NOLINTBEGIN(concurrency-mt-unsafe): nobody changes the environment or the locale */
    const char *no_color = getenv("NO_COLOR"), *kind = getenv("TERM");
    int fd = fileno(out);
    bool is_tty = fd >= 0 && isatty(fd);
    struct winsize size = { .ws_col = 0 };

    if (is_tty)
        (void)ioctl(fd, TIOCGWINSZ, &size);
    *ret_term = (struct term){
        .out = out,
        .is_tty = is_tty,
        .colour = is_tty && !(no_color && *no_color) && !(kind && strcmp(kind, "dumb") == 0),
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .columns = size.ws_col > 0 ? size.ws_col : 80,
    };
    /* NOLINTEND(concurrency-mt-unsafe) */
}

void term_raw(const struct term *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vfprintf(t->out, fmt, ap);
    va_end(ap);
}

void term_paint(const struct term *t, enum term_paint paint, const char *fmt, ...)
{
    static const char *const codes[] = {
        [TERM_PLAIN] = "0", [TERM_GOOD] = "32", [TERM_BAD] = "31",
        [TERM_WARN] = "33", [TERM_FAINT] = "2", [TERM_STRONG] = "1",
    };
    bool painted = t->colour && paint != TERM_PLAIN;
    va_list ap;

    if (painted)
        (void)fprintf(t->out, "\033[%sm", codes[paint]);
    va_start(ap, fmt);
    (void)vfprintf(t->out, fmt, ap);
    va_end(ap);
    if (painted)
        (void)fputs("\033[0m", t->out);
}

/* Characters that change how others are shown, or that cannot be seen. */
static bool is_unsafe(ucs4_t c)
{
    return uc_is_general_category_withtable(
        c, UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf | UC_CATEGORY_MASK_Cs | UC_CATEGORY_MASK_Co |
               UC_CATEGORY_MASK_Cn | UC_CATEGORY_MASK_Zl | UC_CATEGORY_MASK_Zp);
}

static void spell_code(ucs4_t c, size_t len, char out[TERM_SPELLED])
{
    if (c == '\n' || c == '\t' || c == '\r')
        (void)snprintf(out, TERM_SPELLED, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
    else if (len == 1)
        (void)snprintf(out, TERM_SPELLED, "\\x%02x", (unsigned)c & 0xffU);
    else
        (void)snprintf(out, TERM_SPELLED, c > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)c);
}

size_t term_spell(const struct term *t, const char *data, size_t len, enum term_blanks blanks,
                  char out[TERM_SPELLED], int *ret_columns)
{
    ucs4_t c;
    int n = u8_mbtoucr(&c, (const uint8_t *)data, len);
    size_t used = n > 0 ? (size_t)n : 1;

    if (n > 0 && blanks == TERM_BLANKS_DRAWN && (c == ' ' || c == '\t')) {
        bool tab = c == '\t';
        (void)snprintf(out, TERM_SPELLED, "%s",
                       t->utf8 ? (tab ? "\xE2\x86\x92" : "\xC2\xB7") : (tab ? "\\t" : "\\s"));
        *ret_columns = t->utf8 ? 1 : 2;
        return used;
    }
    if (n <= 0 || is_unsafe(c) || (c > 0x7e && !t->utf8)) {
        spell_code(n > 0 ? c : (unsigned char)*data, used, out);
        *ret_columns = (int)strlen(out);
        return used;
    }
    memcpy(out, data, used);
    out[used] = '\0';
    *ret_columns = c < 0x7f ? 1 : uc_width(c, "UTF-8");
    return used;
}

static void write_safely(const struct term *t, const char *data, size_t len, bool lines)
{
    char out[TERM_SPELLED];
    int columns;

    for (size_t i = 0; i < len;) {
        if (lines && (data[i] == '\n' || data[i] == '\t')) {
            (void)fputc(data[i++], t->out);
            continue;
        }
        i += term_spell(t, data + i, len - i, TERM_BLANKS_PLAIN, out, &columns);
        (void)fputs(out, t->out);
    }
}

void term_text(const struct term *t, const char *data, size_t len)
{
    write_safely(t, data, len, false);
}

void term_lines(const struct term *t, const char *data, size_t len)
{
    write_safely(t, data, len, true);
}
