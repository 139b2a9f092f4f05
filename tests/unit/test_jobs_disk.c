/* tests/unit/test_jobs_disk.c - a disk that is full, read-only or failing: no operation is stored
 * in part, reads still work, and writes work again later. The mounts are in a namespace of this
 * process. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "schema/base/text.h"
#include "schema/model/report.h"
#include "schema/store/jobs_read.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/row.h"
#include "tests/support/scratch.h"

static bool may_mount;

static int mount_small(void **state)
{
    struct job_table *t = calloc(1, sizeof *t);

    *state = t;
    (void)snprintf(t->dir, sizeof t->dir, "/tmp/test_disk.XXXXXX");
    assert_int_equal(text_init(), 0);
    assert_non_null(mkdtemp(t->dir));
    if (may_mount)
        assert_int_equal(mount("tmpfs", t->dir, "tmpfs", 0, "size=16m"), 0);
    t->config = (struct jobs_config){
        .dir = t->dir, .instance = "one", .max_queued = 1000000, .reserve_bytes = -1
    };
    return 0;
}

static int unmount_small(void **state)
{
    struct job_table *t = *state;

    t->j = jobs_close(t->j);
    if (may_mount)
        (void)umount2(t->dir, MNT_DETACH);
    scratch_remove(t->dir);
    free(t);
    return 0;
}

#define NEED_MOUNT()                                                                               \
    do {                                                                                           \
        if (!may_mount)                                                                            \
            skip();                                                                                \
    } while (0)

static void filler_path(const struct job_table *t, char out[250])
{
    (void)snprintf(out, 250, "%s/filler", t->dir);
}

static void fill(const struct job_table *t, uint64_t leave)
{
    char path[250];
    struct statvfs fs;

    filler_path(t, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fstatvfs(fd, &fs), 0);
    uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
    assert_true(room <= 16 * MIB); /* the small disk of this test, and no other */
    if (room > leave)
        assert_int_equal(posix_fallocate(fd, 0, (off_t)(room - leave)), 0);
    (void)close(fd);
}

static void empty(const struct job_table *t)
{
    char path[250];

    filler_path(t, path);
    (void)unlink(path);
}

static void wait_writable(struct job_table *t)
{
    struct jobs_counts n;

    for (int i = 0; i < 500; i++) {
        jobs_counts(t->j, &n);
        if (n.writable)
            return;
        (void)usleep(10000);
    }
    fail_msg("still not writable: %s", n.unwritable_why);
}

static void a_full_disk_refuses_and_recovers(void **state)
{
    struct job_table *t = *state;
    CLEANUP(report_freep) struct report *r = row_report("kept", VERDICT_OK, 1);
    CLEANUP(freep) char *json = NULL;
    struct jobs_op op;
    struct jobs_counts n;
    struct err e = { 0 };
    char id[20];
    int accepted = 0, rc;
    size_t len;

    NEED_MOUNT();
    job_table_open(t);
    int64_t kept = row_accept(t->j, "kept", "c");
    assert_int_equal(row_claim_c(t->j), kept);
    (void)row_accept(t->j, "second", "c");
    fill(t, 200 * 1024);
    do {
        (void)snprintf(id, sizeof id, "f%d", accepted);
        rc = row_send(t->j, id, "c", "x", &op);
    } while (rc == 0 && ++accepted < 100000);
    print_message("    after %d more: %s\n", accepted, op.err.msg);
    assert_int_equal(op.err.kind, ERR_DISK);
    jobs_counts(t->j, &n);
    assert_false(n.writable);
    assert_int_equal(n.queued, accepted + 1);
    assert_true(strlen(n.unwritable_why) > 0);
    assert_int_equal(row_status(t->j, "kept").state, JOB_RUNNING); /* reads still work */
    assert_int_equal(row_status(t->j, "second").position, 1);

    int failures = 0;
    while (failures < 3 && row_finish(t->j, kept, r, &e) < 0) { /* as the engine does */
        assert_int_equal(e.kind, ERR_DISK);
        failures++;
    }
    empty(t);
    wait_writable(t);
    if (failures == 3)
        assert_int_equal(row_finish(t->j, kept, r, &e), 0);
    assert_int_equal(jobs_report(t->j, "kept", NULL, &json, &len, &e), 0);
    (void)row_accept(t->j, id, "c");
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job"), accepted + 3);
    job_table_assert_sound(t);
}

/* The reserve of the disk is for rows that were accepted already. */
static void the_reserve_is_for_finishing(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;
    struct jobs_counts n;

    NEED_MOUNT();
    t->config.reserve_bytes = 4 << 20;
    job_table_open(t);
    int64_t a = row_accept(t->j, "a", "c");
    fill(t, 3 << 20);
    assert_int_equal(row_send(t->j, "b", "c", "x", &op), -1);
    assert_int_equal(op.err.kind, ERR_DISK);
    print_message("    %s\n", op.err.msg);
    jobs_counts(t->j, &n);
    assert_false(n.writable);
    assert_int_equal(row_send(t->j, "a", "c", "print(1)", &op), 0);
    assert_true(op.u.accept.existing);
    assert_int_equal(row_claim_c(t->j), a);
    row_finish_ok(t->j, a, "a", VERDICT_OK, 1);
    empty(t);
    wait_writable(t); /* without an operation */
    (void)row_accept(t->j, "b", "c");
}

static void a_read_only_directory_is_refused(void **state)
{
    struct job_table *t = *state;
    struct err e = { 0 };

    NEED_MOUNT();
    assert_int_equal(mount("tmpfs", t->dir, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=16m"), 0);
    assert_int_equal(jobs_open(&t->config, &t->j, &e), -1);
    assert_int_equal(e.kind, ERR_DISK);
    print_message("    %s\n", e.msg);
    assert_int_equal(mount("tmpfs", t->dir, "tmpfs", MS_REMOUNT, "size=16m"), 0);
    job_table_open(t);
    (void)row_accept(t->j, "a", "c");
    t->j = jobs_close(t->j);
    assert_int_equal(mount("tmpfs", t->dir, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=16m"), 0);
    assert_int_equal(jobs_open(&t->config, &t->j, &e), -1);
    assert_int_equal(e.kind, ERR_DISK);
}

/* Writes beyond the limit fail, in the WAL, its index or the table. The limit is raised step by
 * step, so that each write of a run fails once. */
static void set_file_limit(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int live(struct job_table *t, const char *id)
{
    CLEANUP(report_freep) struct report *r = row_report(id, VERDICT_OK, 1);
    struct jobs_op op;
    struct err e = { 0 };

    if (row_send(t->j, id, "c", "x", &op) < 0) {
        assert_int_equal(op.err.kind, ERR_DISK);
        return -1;
    }
    static const char *const c[] = { "c", NULL };
    struct jobs_op take = { .kind = JOBS_CLAIM, .u.claim.languages = c };
    int rc = jobs_do(t->j, &take, &e);
    *row_claim_of(take.u.claim.seq) = take.u.claim.claim;
    if (rc < 0 || row_finish(t->j, take.u.claim.seq, r, &e) < 0) {
        assert_int_equal(e.kind, ERR_DISK);
        return -1;
    }
    return 0;
}

static void every_failing_write_is_survived(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;
    struct jobs_counts n;
    struct err e = { 0 };
    int opened = 0, failed = 0, lived = 0;
    char id[20];

    (void)signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 0; limit < 300000; limit += 4120) {
        set_file_limit(limit);
        if (jobs_open(&t->config, &t->j, &e) < 0) {
            assert_int_equal(e.kind, ERR_DISK);
        } else {
            opened++;
            (void)snprintf(id, sizeof id, "l%d", (int)limit);
            if (live(t, id) < 0)
                failed++;
            else
                lived++;
        }
        set_file_limit(RLIM_INFINITY);
        if (!t->j)
            job_table_open(t);
        (void)snprintf(id, sizeof id, "l%d", (int)limit);
        assert_int_equal(row_send(t->j, id, "c", "x", &op), 0); /* at once, without a restart */
        jobs_counts(t->j, &n);
        assert_true(n.writable);
        assert_int_equal(n.queued + n.running + n.final,
                         job_table_ask(t, "SELECT count(*) FROM job"));
        assert_int_equal(n.queued, job_table_ask(t, "SELECT count(*) FROM job WHERE state = 0"));
        t->j = jobs_close(t->j);
    }
    print_message("    %d opened, %d failed on the way, %d lived\n", opened, failed, lived);
    assert_true(failed > 3 && lived > 3);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job"), (300000 + 4119) / 4120);
    job_table_assert_sound(t);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, mount_small, unmount_small)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(a_full_disk_refuses_and_recovers),
        ON_DISK(the_reserve_is_for_finishing),
        ON_DISK(a_read_only_directory_is_refused),
        ON_DISK(every_failing_write_is_survived),
    };

    may_mount = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    if (!may_mount)
        print_message("no right to mount (%s): full and read-only disks are skipped\n",
                      strerror(errno));
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
