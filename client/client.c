#include "client/client.h"

#include <locale.h>
#include <string.h>

#include "client/grade.h"
#include "client/submit.h"
#include "client/transport.h"
#include "schema/base/err.h"
#include "schema/base/text.h"

static const struct command *const commands[] = { &submit_command, &grade_command };

const struct command *client_command(size_t i)
{
    return i < ARRAY_LEN(commands) ? commands[i] : NULL;
}

const struct command *client_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

int client_run(const struct command *c, int argc, char **argv)
{
    struct err e;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is only one thread so far */
    (void)setlocale(LC_CTYPE, "");
    if (text_init() < 0) {
        (void)err_set(&e, ERR_PLATFORM, "this host gives no random numbers");
        return (int)command_fail(&e);
    }
    return transport_start(&e) < 0 ? (int)command_fail(&e) : c->run(c, argc, argv);
}
