#include "schema/store/postgres/sql_dialect.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "schema/base/err.h"

/* What is read and what is written. Only `offset` grows, and by less than its own length. */
struct rewriting {
    const char *from; /* the rest of the statement */
    char *to;         /* the next byte of the result */
    int params;
};

static void copy_sql(struct rewriting *w, size_t len)
{
    memcpy(w->to, w->from, len);
    w->from += len;
    w->to += len;
}

static bool is_word_byte(char c) { return isalnum((unsigned char)c) || c == '_'; }

static size_t word_length(const char *text)
{
    size_t n = 0;

    while (is_word_byte(text[n]))
        n++;
    return n;
}

/* Length of the white space at text and of the word behind it; 0 when that is another word. */
static size_t next_is(const char *text, const char *word)
{
    size_t space = strspn(text, " \n\t"), len = strlen(word);

    if (word_length(text + space) != len || strncmp(text + space, word, len) != 0)
        return 0;
    return space + len;
}

/* Length of a hint about indexes at text; 0 when there is none. */
static size_t hint_length(const char *text)
{
    size_t first = next_is(text, "INDEXED"), second;

    if (first > 0 && (second = next_is(text + first, "BY")) > 0) {
        size_t name = first + second + strspn(text + first + second, " \n\t");
        return name + word_length(text + name);
    }
    first = next_is(text, "NOT");
    second = first > 0 ? next_is(text + first, "INDEXED") : 0;
    return second > 0 ? first + second : 0;
}

static void rewrite_word(struct rewriting *w)
{
    static const char offset[] = "\"offset\"";
    size_t hint = hint_length(w->from);

    if (hint > 0) {
        w->from += hint;
    } else if (next_is(w->from, "offset")) {
        memcpy(w->to, offset, sizeof offset - 1);
        w->to += sizeof offset - 1;
        w->from += strlen("offset");
    } else {
        copy_sql(w, word_length(w->from));
    }
}

/* A string or a quoted name; a quote inside is doubled, and both halves are copied alike. */
static void copy_quoted(struct rewriting *w)
{
    const char *end = strchr(w->from + 1, *w->from);

    copy_sql(w, end ? (size_t)(end - w->from) + 1 : strlen(w->from));
}

/* The text of a comment for PostgreSQL is rewritten as all else: only its brackets go. */
static void rewrite_comment(struct rewriting *w)
{
    const char *end = strstr(w->from, "*/");

    if (strncmp(w->from, "/*pg ", 5) == 0)
        w->from += 5;
    else
        copy_sql(w, end ? (size_t)(end - w->from) + 2 : strlen(w->from));
}

static int rewrite_parameter(struct rewriting *w, struct err *e)
{
    int n = 0;
    const char *digit = w->from + 1;

    for (; isdigit((unsigned char)*digit) && n <= SQL_DIALECT_PARAMS; digit++)
        n = n * 10 + (*digit - '0');
    if (n < 1 || n > SQL_DIALECT_PARAMS)
        return err_set(e, ERR_BUG, "SQL: a parameter without a number, or too many: %.40s",
                       w->from);
    if (n > w->params)
        w->params = n;
    *w->to++ = '$';
    w->from++;
    copy_sql(w, (size_t)(digit - w->from));
    return 0;
}

static int rewrite_next(struct rewriting *w, struct err *e)
{
    if (*w->from == '?')
        return rewrite_parameter(w, e);
    if (strncmp(w->from, "/*", 2) == 0)
        rewrite_comment(w);
    else if (strncmp(w->from, "*/", 2) == 0)
        w->from += 2; /* the end of a comment for PostgreSQL */
    else if (strncmp(w->from, "--", 2) == 0)
        copy_sql(w, strcspn(w->from, "\n"));
    else if (*w->from == '\'' || *w->from == '"')
        copy_quoted(w);
    else if (is_word_byte(*w->from))
        rewrite_word(w);
    else
        copy_sql(w, 1);
    return 0;
}

int sql_dialect(const char *sql, char **ret_text, int *ret_params, struct err *e)
{
    CLEANUP(freep) char *text = malloc(2 * strlen(sql) + 1);
    if (!text)
        return err_set(e, ERR_NOMEM, "SQL statement");

    struct rewriting w = { .from = sql, .to = text };
    while (*w.from)
        if (rewrite_next(&w, e) < 0)
            return -1;
    *w.to = '\0';
    *ret_params = w.params;
    *ret_text = TAKE(text);
    return 0;
}
