#include "engine/host/host_check.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "engine/docker/docker.h"
#include "engine/engine_config.h"
#include "engine/host/host_facts.h"
#include "engine/host/host_load.h"
#include "engine/host/host_runtime.h"
#include "engine/host/host_trial.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"

#define DISK_LOW (1 * GIB)

/* What the checks have in common. */
struct probe {
    const struct engine_config *config; /* borrowed, as is languages */
    const struct language_table *languages;
    struct docker *docker;              /* owned; NULL when even DOCKER_HOST is wrong */
    json_t *version, *info;             /* owned; NULL while Docker is away */
    struct err away;                    /* why */
    const char *some_image;             /* borrowed; an image that is there, or NULL */
    const struct language *interpreted; /* borrowed; not built, with that image; or NULL */
    struct host_capacity capacity;
    int64_t asked_ms; /* how long Docker took to answer /version and /info */
};

static const char *json_text(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool security_option(const struct probe *p, const char *name)
{
    json_t *options = json_object_get(p->info, "SecurityOptions");
    char want[64];
    int len = snprintf(want, sizeof want, "name=%s", name);

    for (size_t i = 0; i < json_array_size(options); i++) {
        const char *option = json_string_value(json_array_get(options, i));
        if (option && strncmp(option, want, (size_t)len) == 0 &&
            (option[len] == ',' || option[len] == '\0'))
            return true;
    }
    return false;
}

static const char *component(const struct probe *p, const char *name)
{
    json_t *all = json_object_get(p->version, "Components");
    for (size_t i = 0; i < json_array_size(all); i++)
        if (strcmp(json_text(json_array_get(all, i), "Name"), name) == 0)
            return json_text(json_array_get(all, i), "Version");
    return "";
}

static void check_docker(struct probe *p, struct host_diagnostic *f)
{
    if (!p->info) {
        host_diagnostic_add(f, HOST_UNFIT, "%.190s", p->away.msg);
        host_diagnostic_advise(
            f, "nothing is judged until Docker answers; submissions wait",
            "start Docker (docker ps must work for this user); in a container mount its socket: "
            "-v /var/run/docker.sock:/var/run/docker.sock; elsewhere set DOCKER_HOST");
        return;
    }
    const char *podman = component(p, "Podman Engine");
    host_diagnostic_add(f, podman[0] ? HOST_WARNING : HOST_OK, "%s %.40s, API %.10s",
                        podman[0] ? "Podman" : "Docker",
                        podman[0] ? podman : json_text(p->version, "Version"),
                        json_text(p->version, "ApiVersion"));
    if (podman[0])
        host_diagnostic_advise(f, "scrc is made for Docker and not tried with Podman",
                               "use Docker");
}

static void check_runtime(struct probe *p, struct host_diagnostic *f)
{
    host_runtime_check(f, p->info, p->config->runtime);
}

static void check_runc(struct probe *p, struct host_diagnostic *f)
{
    host_runtime_runc(f, component(p, "runc"));
}

static void check_cgroup(struct probe *p, struct host_diagnostic *f)
{
    host_diagnostic_add(f, HOST_OK, "version %.8s, driver %.30s",
                        json_text(p->info, "CgroupVersion"), json_text(p->info, "CgroupDriver"));
}

/* Limits that Docker can or cannot set here. */
static const struct {
    const char *name, *key;
    enum host_level without;
    const char *impact, *remedy;
} controllers[] = {
    { "memory", "MemoryLimit", HOST_UNFIT, "no memory limit can be kept",
      "boot with cgroup_enable=memory" },
    { "pids", "PidsLimit", HOST_UNFIT, "a fork bomb could take every process of this host",
      "enable the pids controller" },
    { "cpu", "CpuCfsQuota", HOST_WARNING,
      "a run may use more than one core, so times vary with the load",
      "a kernel with CONFIG_CFS_BANDWIDTH" },
};

static void check_cgroup_limits(struct probe *p, struct host_diagnostic *f)
{
    char missing[100] = "";
    enum host_level worst = HOST_OK;

    for (size_t i = 0; i < ARRAY_LEN(controllers); i++) {
        if (json_is_true(json_object_get(p->info, controllers[i].key)))
            continue;
        size_t len = strlen(missing);
        (void)snprintf(missing + len, sizeof missing - len, " %s", controllers[i].name);
        if (controllers[i].without > worst) {
            worst = controllers[i].without;
            host_diagnostic_advise(f, controllers[i].impact, controllers[i].remedy);
        }
    }
    host_diagnostic_add(f, worst, missing[0] ? "missing:%s" : "memory, pids and cpu limits%s",
                        missing[0] ? missing : "");
}

static void check_swap(struct probe *p, struct host_diagnostic *f)
{
    char text[4096];
    int64_t kib = host_facts_read("/proc/swaps", text, sizeof text) ? host_facts_swap(text) : 0;
    bool limit = json_is_true(json_object_get(p->info, "SwapLimit"));

    host_diagnostic_add(f, kib > 0 && !limit ? HOST_UNFIT : HOST_OK, "%lld MiB on, %s",
                        (long long)(kib / 1024),
                        limit ? "limited for each cell" : "no limit for cells");
    if (kib > 0 && !limit)
        host_diagnostic_advise(f, "a program could use swap beyond its memory limit",
                               "swapoff -a, or boot with swapaccount=1");
}

static void check_seccomp(struct probe *p, struct host_diagnostic *f)
{
    bool on = security_option(p, "seccomp");
    host_diagnostic_add(f, on ? HOST_OK : HOST_UNFIT, "%s",
                        on ? "on, with a profile of our own" : "off");
    if (!on)
        host_diagnostic_advise(
            f, "programs could call every part of the kernel",
            "a kernel with CONFIG_SECCOMP_FILTER and a Docker built with seccomp");
}

/* Features of the Docker engine that change which host uid a cell's uid 0 is, or what it may reach.
 */
static const struct {
    const char *name;
    enum host_level level;
    const char *message, *impact, *remedy;
} features[] = {
    { "apparmor", HOST_OK, "docker-default applies to cells",
      "it refuses the mounts of a box of namespaces: boxes are cleaned in place", "" },
    { "selinux", HOST_WARNING, "SELinux labels containers",
      "cells may not be allowed to reach the socket of their agent",
      "when no cell opens: a policy that lets container_t connect to it" },
    { "userns", HOST_OK, "user namespaces are remapped", "root of a cell is nobody on this host",
      "" },
    { "rootless", HOST_WARNING, "Docker runs without root",
      "limits hold only for controllers that were delegated to its user",
      "delegate memory, pids and cpu, or run Docker as root" },
};

static void check_feature(struct probe *p, struct host_diagnostic *f)
{
    for (size_t i = 0; i < ARRAY_LEN(features); i++) {
        if (strcmp(features[i].name, f->name) != 0)
            continue;
        bool on = security_option(p, f->name);
        host_diagnostic_add(f, on ? features[i].level : HOST_OK, "%s",
                            on ? features[i].message : "not in use");
        if (on)
            host_diagnostic_advise(f, features[i].impact, features[i].remedy);
    }
}

static void check_kernel(struct probe *p, struct host_diagnostic *f)
{
    static const struct host_facts_version smooth = { 6, 3, 0 };
    struct utsname name;
    (void)p;
    if (uname(&name) < 0) {
        host_diagnostic_add(f, HOST_WARNING, "unknown");
        return;
    }
    bool old = host_facts_compare(host_facts_version(name.release), smooth) < 0;
    host_diagnostic_add(f, old ? HOST_WARNING : HOST_OK, "Linux %.64s on %.32s", name.release,
                        name.machine);
    if (old)
        host_diagnostic_advise(
            f, "before 6.3 the making of cells stalls when many come and go at once",
            "a newer kernel, where throughput matters");
}

static void check_core_pattern(struct probe *p, struct host_diagnostic *f)
{
    char text[256];
    (void)p;
    if (!host_facts_read("/proc/sys/kernel/core_pattern", text, sizeof text)) {
        host_diagnostic_add(f, HOST_WARNING, "unknown");
        return;
    }
    bool helper = host_facts_core_helper(text);
    host_diagnostic_add(f, helper ? HOST_WARNING : HOST_OK, "%.100s", text);
    if (helper)
        host_diagnostic_advise(f, "each crash of a program may start that helper on this host",
                               "sysctl kernel.core_pattern=core");
}

/* 2: the kernel refuses to make a memfd that may be executed. */
static void check_memfd(struct probe *p, struct host_diagnostic *f)
{
    char text[16];
    (void)p;

    if (!host_facts_read("/proc/sys/vm/memfd_noexec", text, sizeof text)) {
        host_diagnostic_add(f, HOST_OK, "may be executed: this kernel has no vm.memfd_noexec");
        return;
    }
    bool refused = text[0] == '2';
    host_diagnostic_add(f, refused ? HOST_UNFIT : HOST_OK, "vm.memfd_noexec is %.8s", text);
    if (refused)
        host_diagnostic_advise(f, "what was built cannot be executed: c, cpp and go are not judged",
                               "sysctl vm.memfd_noexec=1, or 0");
}

static void check_clock(struct probe *p, struct host_diagnostic *f)
{
    static const char path[] = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    static const char *const slow[] = { "hpet", "acpi_pm", "jiffies", "pit" };
    char text[64];
    (void)p;
    if (!host_facts_read(path, text, sizeof text))
        (void)snprintf(text, sizeof text, "not told");
    host_diagnostic_add(f, HOST_OK, "clock source %s", text);
    for (size_t i = 0; i < ARRAY_LEN(slow); i++)
        if (strcmp(text, slow[i]) == 0) {
            f->level = HOST_WARNING;
            host_diagnostic_advise(
                f, "asking for the time is slow, so short runs measure long",
                "boot with tsc=reliable, if the processor's counter can be trusted");
        }
}

/* Of those that are there, the first of a language that is not built is tried later. */
static void note_image(struct probe *p, const struct language *l, const char *image)
{
    if (p->interpreted)
        return;
    p->some_image = image;
    if (!l->build[0])
        p->interpreted = l;
}

static void check_images(struct probe *p, struct host_diagnostic *f)
{
    char missing[160] = "";
    size_t there = 0;

    for (size_t i = 0; i < p->languages->len; i++) {
        const struct language *l = &p->languages->rows[i];
        const char *refs[] = { l->image, l->run_image };
        size_t seen = 0, wanted = 0;
        for (size_t j = 0; j < ARRAY_LEN(refs); j++) {
            json_auto_t *image = NULL;
            struct err e;
            wanted += refs[j] != NULL;
            if (!refs[j] || docker_image(p->docker, refs[j], &image, &e) < 0)
                continue;
            seen++;
            note_image(p, l, refs[j]);
        }
        size_t len = strlen(missing);
        if (seen < wanted)
            (void)snprintf(missing + len, sizeof missing - len, " %.20s", l->name);
        there += seen == wanted;
    }
    host_diagnostic_add(f, missing[0] ? HOST_WARNING : HOST_OK, "%zu of %zu languages%s%s", there,
                        p->languages->len, missing[0] ? ", missing:" : "", missing);
    if (missing[0])
        host_diagnostic_advise(
            f, "these languages wait until their images are there",
            "docker pull them, or set {LANGUAGE}_IMAGE and {LANGUAGE}_RUN_IMAGE");
}

static void check_free_disk(struct probe *p, struct host_diagnostic *f)
{
    const char *root = json_text(p->info, "DockerRootDir");
    struct statvfs fs;

    if (!root[0] || statvfs(root, &fs) < 0) {
        host_diagnostic_add(f, HOST_OK, "%.120s cannot be seen from here",
                            root[0] ? root : "Docker's root");
        return;
    }
    int64_t free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    host_diagnostic_add(f, free_bytes < DISK_LOW ? HOST_WARNING : HOST_OK,
                        "%lld MiB free under %.120s", (long long)(free_bytes / MIB), root);
    if (free_bytes < DISK_LOW)
        host_diagnostic_advise(f, "images and containers may find no room",
                               "docker system prune, or a larger disk");
}

static void check_containers(struct probe *p, struct host_diagnostic *f)
{
    host_load_containers(f, json_integer_value(json_object_get(p->info, "ContainersRunning")),
                         json_integer_value(json_object_get(p->info, "ContainersStopped")),
                         p->asked_ms);
}

static void check_parallel(struct probe *p, struct host_diagnostic *f)
{
    host_load_parallel(f, p->config->parallel, sysconf(_SC_NPROCESSORS_ONLN));
}

static void check_memory(struct probe *p, struct host_diagnostic *f)
{
    char text[4096];
    const struct engine_config *c = p->config;

    if (!host_facts_read("/proc/meminfo", text, sizeof text))
        text[0] = '\0';
    host_load_memory(f, text, c->parallel, c->default_memory_bytes, c->build_memory_bytes);
}

static void check_load(struct probe *p, struct host_diagnostic *f)
{
    char text[64];
    (void)p;

    if (!host_facts_read("/proc/loadavg", text, sizeof text))
        text[0] = '\0';
    host_load_busy(f, text, sysconf(_SC_NPROCESSORS_ONLN));
}

static void check_box(struct probe *p, struct host_diagnostic *f)
{
    const struct host_trial trial = { .config = p->config,
                                      .docker = p->docker,
                                      .image = p->some_image,
                                      .interpreted = p->interpreted };
    struct host_capacity measured;

    host_trial_cell(&trial, f, &measured);
    p->capacity = host_capacity_keep(&measured);
}

static void check_capacity(struct probe *p, struct host_diagnostic *f)
{
    host_capacity_say(f, &p->capacity, sysconf(_SC_NPROCESSORS_ONLN), p->config->cell_uses);
}

static const struct {
    const char *name;
    void (*check)(struct probe *p, struct host_diagnostic *f);
    bool without_docker; /* can be checked while Docker is away */
} checks[] = {
    { "docker", check_docker, true },
    { "runtime", check_runtime, false },
    { "runc", check_runc, false },
    { "cgroup", check_cgroup, false },
    { "controllers", check_cgroup_limits, false },
    { "swap", check_swap, false },
    { "seccomp", check_seccomp, false },
    { "apparmor", check_feature, false },
    { "selinux", check_feature, false },
    { "userns", check_feature, false },
    { "rootless", check_feature, false },
    { "kernel", check_kernel, true },
    { "core_pattern", check_core_pattern, true },
    { "memfd", check_memfd, true },
    { "clock", check_clock, true },
    { "disk", check_free_disk, false },
    { "parallel", check_parallel, true },
    { "memory", check_memory, true },
    { "load", check_load, true },
    { "containers", check_containers, false },
    { "images", check_images, false },
    { "box", check_box, false },           /* after images: uses one of them */
    { "capacity", check_capacity, false }, /* after box, which measures it */
};
_Static_assert(ARRAY_LEN(checks) <= HOST_DIAGNOSTICS_MAX, "room for every diagnostic");

size_t host_check(const struct engine_config *c, const struct language_table *l,
                  struct host_diagnostic out[HOST_DIAGNOSTICS_MAX])
{
    struct probe p = { .config = c, .languages = l };
    size_t len = 0;
    int64_t began = clock_mono_ns();

    if (docker_open(c->docker_host, &p.docker, &p.away) == 0 &&
        docker_version(p.docker, &p.version, &p.away) == 0 &&
        docker_info(p.docker, &p.info, &p.away) < 0)
        p.info = NULL;
    p.asked_ms = (clock_mono_ns() - began) / NS_PER_MS;
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        if (!p.info && !checks[i].without_docker)
            continue;
        out[len] = (struct host_diagnostic){ .name = checks[i].name, .level = HOST_OK };
        checks[i].check(&p, &out[len++]);
    }
    json_decref(p.version);
    json_decref(p.info);
    p.docker = docker_free(p.docker);
    return len;
}
