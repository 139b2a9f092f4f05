/* Any bytes as a text that another server has sent: what is read of it can be shown. */
#include <string.h>

#include "server/live/hub_remote.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct engine_event events[HUB_REMOTE_EVENTS];
    char *text = malloc(size + 1);

    MUST(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    size_t len = hub_remote_parse(text, events);
    MUST(len <= HUB_REMOTE_EVENTS && (len == 0 || text[0] == 'e'));
    for (size_t i = 0; i < len; i++) {
        const struct engine_event *e = &events[i];
        MUST(e->seq > 0 && e->kind <= ENGINE_TESTED && e->number >= 0 &&
             e->verdict < VERDICT_COUNT);
        MUST(verdict_name(e->verdict) && (!e->signal || strncmp(e->signal, "SIG", 3) == 0));
    }
    free(text);
    return 0;
}
