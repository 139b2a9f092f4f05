/* What the host's files say: recorded samples, taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "engine/docker/docker.h"
#include "engine/host/host_check.h"
#include "engine/host/host_dir.h"
#include "engine/host/host_facts.h"
#include "engine/host/host_runtime.h"
#include "schema/base/err.h"

#define ID "3f4e6b8a9c0d1e2f3f4e6b8a9c0d1e2f3f4e6b8a9c0d1e2f3f4e6b8a9c0d1e2f"
#define ROOT_LINE                                                                                  \
    "601 502 0:52 / / rw,relatime master:211 - overlay overlay rw,lowerdir=/var/lib/docker\n"

static void own_container(void **state)
{
    (void)state;
    static const struct {
        const char *mountinfo;
        const char *id; /* NULL: not in one */
    } cases[] = {
        { "", NULL },
        { ROOT_LINE, NULL },
        { ROOT_LINE "612 601 254:1 /var/lib/docker/containers/" ID "/resolv.conf /etc/resolv.conf "
                    "rw,relatime - ext4 /dev/vda1 rw\n"
                    "613 601 254:1 /var/lib/docker/containers/" ID "/hostname /etc/hostname "
                    "rw,relatime - ext4 /dev/vda1 rw\n",
          ID },
        /* /var/lib on a file system of its own, options between, no newline at the end */
        { ROOT_LINE "613 601 254:1 /docker/containers/" ID "/hostname /etc/hostname "
                    "rw,relatime shared:3 - ext4 /dev/vdb rw",
          ID },
        /* the host of a container that shares its mounts */
        { "613 601 254:1 /var/lib/docker/containers/" ID "/hostname /mnt/x/etc/hostname "
          "rw - ext4 /dev/vda1 rw\n",
          NULL },
        { "613 601 0:5 /var/lib/containers/storage/overlay-containers/" ID
          "/userdata/hostname /etc/hostname rw - ext4 /dev/vda1 rw\n",
          NULL },
        { "613 601 0:5 /containers/3f4e/hostname /etc/hostname rw - ext4 /dev/vda1 rw\n", NULL },
        { "613 601 0:5 /containers/" ID "0/hostname /etc/hostname rw - ext4 /dev/vda1 rw\n", NULL },
        { "613", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char id[HOST_FACTS_ID_SIZE] = "";
        assert_true(host_facts_container(cases[i].mountinfo, id) == (cases[i].id != NULL));
        assert_string_equal(id, cases[i].id ? cases[i].id : "");
    }
}

static void what_a_container_keeps(void **state)
{
    (void)state;
    static const struct {
        const char *mountinfo;
        bool keeps;
    } cases[] = {
        { ROOT_LINE, false },
        { ROOT_LINE "614 601 254:1 /var/lib/docker/volumes/" ID "/_data /var/lib/scrc rw - ext4 "
                    "/dev/vda1 rw\n",
          false },
        { ROOT_LINE "614 601 254:1 /var/lib/docker/volumes/scrc-data/_data /var/lib/scrc rw - ext4 "
                    "/dev/vda1 rw\n",
          true },
        { ROOT_LINE "614 601 254:1 /srv/judge /var/lib rw - ext4 /dev/vda1 rw\n", true },
        { ROOT_LINE "614 601 254:1 /srv/judge /var/lib/scr rw - ext4 /dev/vda1 rw\n", false },
        /* the inner mount decides, in whatever order they are listed */
        { "614 601 254:1 /srv/judge /var/lib/scrc rw - ext4 /dev/vda1 rw\n"
          "615 601 254:1 /var/lib/docker/volumes/" ID "/_data /var/lib rw - ext4 /dev/vda1 rw\n",
          true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_true(host_facts_keeps(cases[i].mountinfo, "/var/lib/scrc") == cases[i].keeps);
}

static void swap(void **state)
{
    (void)state;
#define HEAD "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
    static const struct {
        const char *swaps;
        int64_t kib;
    } cases[] = {
        { "", 0 },
        { HEAD, 0 },
        { HEAD "/dev/vda2                               partition\t998396\t\t0\t\t-2\n", 998396 },
        { HEAD "/swapfile file 2097148 512 -2\n/dev/zram0 partition 4096 0 100\n", 2101244 },
        { HEAD "/swap\\040file file 10 0 -2", 10 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(host_facts_swap(cases[i].swaps), cases[i].kib);
}

static void core_pattern(void **state)
{
    (void)state;
    assert_false(host_facts_core_helper("core"));
    assert_false(host_facts_core_helper(""));
    assert_false(host_facts_core_helper("/var/crash/core.%p"));
    assert_true(host_facts_core_helper("|/usr/share/apport/apport -p%p -s%s"));
    assert_true(host_facts_core_helper("|/usr/lib/systemd/systemd-coredump %P %u"));
}

static void versions(void **state)
{
    (void)state;
    static const struct {
        const char *less, *more;
        int order;
    } cases[] = {
        { "6.1.0-18-amd64", "6.3.0", -1 },   { "6.18.44-fc", "6.3.0", 1 },
        { "1.1.5+ds1", "1.2.8", -1 },        { "v1.2.8", "1.2.8", 0 },
        { "1.3.0-rc.1", "1.3", 0 },          { "1.3.3", "1.2.9", 1 },
        { "5.15.153.1-microsoft", "6", -1 }, { "", "0.0.1", -1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int order = host_facts_compare(host_facts_version(cases[i].less),
                                       host_facts_version(cases[i].more));
        assert_int_equal((order > 0) - (order < 0), cases[i].order);
    }
}

static void known_runtimes(void **state)
{
    (void)state;
    json_auto_t *info = json_loads(
        "{\"DefaultRuntime\":\"runc\","
        "\"Runtimes\":{\"runc\":{\"path\":\"runc\"},\"crun\":{\"path\":\"/usr/bin/crun\"}}}",
        0, NULL);
    static const struct {
        const char *runtime, *message; /* message: NULL: Docker does not know it */
    } cases[] = {
        { NULL, "runc, Docker's default" },
        { "crun", "crun, as RUNNER_RUNTIME says" },
        { "io.containerd.runsc.v1", "io.containerd.runsc.v1, as RUNNER_RUNTIME says" },
        { "runsc", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct host_diagnostic f = { .name = "runtime" };
        struct err e = { .kind = ERR_NONE };
        bool known = cases[i].message != NULL;
        assert_int_equal(host_runtime_known(info, cases[i].runtime, &e), known ? 0 : -1);
        assert_int_equal(e.kind, known ? ERR_NONE : ERR_SETTING);
        host_runtime_check(&f, info, cases[i].runtime);
        assert_int_equal(f.level, known ? HOST_OK : HOST_UNFIT);
        assert_string_equal(f.message, known ? cases[i].message : e.msg);
        assert_true(known || (strstr(e.msg, "RUNNER_RUNTIME") && strstr(e.msg, "runc, crun")));
    }
}

static void mount_source(void **state)
{
    (void)state;
    json_auto_t *container =
        json_loads("{\"Mounts\":["
                   "{\"Type\":\"volume\",\"Source\":\"/var/lib/docker/volumes/v/_data\","
                   "\"Destination\":\"/run/scrc/\"},"
                   "{\"Type\":\"bind\",\"Source\":\"/srv/all\",\"Destination\":\"/run\"},"
                   "{\"Type\":\"tmpfs\",\"Source\":\"\",\"Destination\":\"/run/tmp\"},"
                   "{\"Type\":\"bind\",\"Destination\":\"/broken\"}]}",
                   0, NULL);
    static const struct {
        const char *dir, *source;
    } cases[] = {
        { "/run/scrc", "/var/lib/docker/volumes/v/_data" },
        { "/run/scrc/a/b", "/var/lib/docker/volumes/v/_data/a/b" },
        { "/run/scrcs", "/srv/all/scrcs" },
        { "/run", "/srv/all" },
        { "/runner", NULL },
        { "/", NULL },
        { "/broken/x", NULL },
    };
    assert_non_null(container);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(freep) char *source = host_facts_source(container, cases[i].dir);
        if (cases[i].source)
            assert_string_equal(source, cases[i].source);
        else
            assert_null(source);
    }
}

static void files(void **state)
{
    (void)state;
    char text[8] = "";
    assert_true(host_facts_read("/proc/sys/kernel/ostype", text, sizeof text));
    assert_string_equal(text, "Linux");
    assert_true(host_facts_read("/proc/sys/kernel/ostype", text, 4));
    assert_string_equal(text, "Lin");
    assert_false(host_facts_read("/nonexistent", text, sizeof text));
}

/* A directory that was there, open to others or another user's: closed, unless it holds what is not
 * ours. */
static void assert_others_out(const char *path)
{
    char cell[80], file[80];
    struct stat st;
    struct err e;
    char *dir = NULL;

    (void)snprintf(cell, sizeof cell, "%s/scrc-one", path);
    (void)snprintf(file, sizeof file, "%s/notes", path);
    assert_int_equal(mkdir(cell, 0711), 0);
    assert_int_equal(chmod(path, 0711), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(path, 65534, 65534), 0);
    assert_int_equal(host_dir_cells(path, &dir, &e), 0);
    free(dir);
    dir = NULL;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(st.st_uid, geteuid());

    assert_int_equal(mkdir(file, 0700), 0);
    assert_int_equal(host_dir_cells(path, &dir, &e), 0); /* closed already: what it holds is ours */
    free(dir);
    dir = NULL;
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(host_dir_cells(path, &dir, &e), -1);
    assert_int_equal(e.kind, ERR_PLATFORM);
    assert_non_null(strstr(e.msg, "open to other users"));
    assert_null(dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
    (void)rmdir(file);
    (void)rmdir(cell);
}

static void cell_dir(void **state)
{
    (void)state;
    char base[] = "/tmp/scrc-test-XXXXXX", path[64], real[64];
    struct stat st;
    struct err e;
    char *dir = NULL;

    assert_non_null(mkdtemp(base));
    (void)snprintf(path, sizeof path, "%s/a/../a/b", base);
    assert_int_equal(host_dir_cells("relative", &dir, &e), -1);
    assert_int_equal(e.kind, ERR_PLATFORM);
    (void)snprintf(real, sizeof real, "%s/a", base);
    assert_int_equal(mkdir(real, 0755), 0);
    assert_int_equal(host_dir_cells(path, &dir, &e), 0);
    (void)snprintf(real, sizeof real, "%s/a/b", base);
    assert_string_equal(dir, real);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    free(dir);
    dir = NULL;
    assert_others_out(real);

    if (mount("scrc-test", real, "tmpfs", MS_NOEXEC, "size=64k") == 0) {
        int rc = host_dir_cells(real, &dir, &e);
        assert_int_equal(umount(real), 0);
        assert_int_equal(rc, -1);
        assert_int_equal(e.kind, ERR_PLATFORM);
        assert_non_null(strstr(e.msg, "noexec"));
    } else {
        print_message("[  NOTE    ] noexec: not tried, mount is not allowed\n");
    }
    assert_null(dir);
    (void)rmdir(real);
    (void)snprintf(real, sizeof real, "%s/a", base);
    (void)rmdir(real);
    assert_int_equal(rmdir(base), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_container), cmocka_unit_test(what_a_container_keeps),
        cmocka_unit_test(swap),          cmocka_unit_test(core_pattern),
        cmocka_unit_test(versions),      cmocka_unit_test(known_runtimes),
        cmocka_unit_test(mount_source),  cmocka_unit_test(files),
        cmocka_unit_test(cell_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
