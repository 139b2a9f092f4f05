/* Any bytes as a file of the cgroup: never a crash, and a counter is a number that the text holds.
 * The first byte says which file it is. */
#include <string.h>

#include "engine/agent/cgroup.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t value = -1;

    if (size == 0)
        return 0;
    uint32_t version = data[0] & 1 ? 2 : 1;
    enum cgroup_counter which = (enum cgroup_counter)((data[0] >> 1) % CGROUP_COUNTERS);
    char *text = malloc(size);

    MUST(text);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (cgroup_parse(version, which, text, &value))
        MUST(value >= 0 && (value == 0 || strpbrk(text, "123456789")));
    else
        MUST(value == -1);
    free(text);
    return 0;
}
