/* Any bytes as an archive: never a crash, and nothing is written anywhere but below its directory.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "engine/agent/archive.h"
#include "engine/agent/fault.h"
#include "tests/fuzz/fuzz.h"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

/* Packed again, what was unpacked has its place: names and sizes are then the same. */
static void must_pack(int dir, uint64_t max)
{
    CLEANUP(closep) int out = memfd_create("packed", MFD_CLOEXEC);
    enum agent_collected what;
    struct fault f;

    MUST(out >= 0 && archive_pack(dir, out, max, &what, &f) == 0 && what == AGENT_COLLECTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char parent[] = "/dev/shm/scrc-fuzz-XXXXXX";
    CLEANUP(closep) int in = memfd_create("archive", MFD_CLOEXEC);
    struct fault f;
    struct stat st;

    MUST(in >= 0 && write(in, data, size) == (ssize_t)size && mkdtemp(parent));
    CLEANUP(closep) int up = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    MUST(mkdirat(up, "to", 0755) == 0);
    CLEANUP(closep) int to = openat(up, "to", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (archive_unpack(in, to, &f) == 0)
        must_pack(to, size);
    MUST(fstat(up, &st) == 0 && st.st_nlink == 3 && st.st_size == 60); /* only "to" */
    MUST(nftw(parent, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
    return 0;
}
