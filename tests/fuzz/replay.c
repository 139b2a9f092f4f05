/* tests/fuzz/replay.c - runs a fuzzer's program without a fuzzer, so that it is seen to hold in
 * every run of the tests: replay_x FILE... is each file whole, each beginning of it, and each of
 * its bytes changed. What it finds ends it as it would end the fuzzer.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "schema/base/base.h"
#include "tests/fuzz/fuzz.h"

#pragma weak LLVMFuzzerInitialize /* not every fuzzer has one */

/* From a copy of just that size, where a sanitizer sees one byte too far. */
static void run(const uint8_t *data, size_t size)
{
    CLEANUP(freep) uint8_t *copy = malloc(size + (size == 0));

    if (!copy)
        err(1, "input");
    if (size > 0)
        memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
}

static void run_changed(uint8_t *data, size_t size)
{
    static const uint8_t others[] = { 0, '"', '{', '9', 0xff };

    for (size_t i = 0; i < size; i++) {
        uint8_t own = data[i];
        data[i] = others[i % ARRAY_LEN(others)];
        run(data, size);
        data[i] = own;
    }
}

static size_t read_file(const char *path, uint8_t **ret_data)
{
    struct stat st;
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) < 0)
        err(1, "%s", path);
    *ret_data = malloc((size_t)st.st_size + 1);
    if (!*ret_data || read(fd, *ret_data, (size_t)st.st_size) != st.st_size)
        err(1, "%s", path);
    return (size_t)st.st_size;
}

int main(int argc, char *argv[])
{
    size_t inputs = 0;

    if (LLVMFuzzerInitialize && LLVMFuzzerInitialize(&argc, &argv) != 0)
        errx(1, "not initialized");
    for (int i = 1; i < argc; i++) {
        CLEANUP(freep) uint8_t *data = NULL;
        size_t size = read_file(argv[i], &data);
        for (size_t len = 0; len <= size; len++)
            run(data, len);
        run_changed(data, size);
        inputs += 2 * size + 1;
    }
    printf("%zu inputs of %d files\n", inputs, argc - 1);
    return inputs > 0 ? 0 : 1;
}
