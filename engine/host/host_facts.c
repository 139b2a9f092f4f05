#include "engine/host/host_facts.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/buf.h"

bool host_facts_read(const char *path, char *out, size_t size)
{
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = -1;
    while (fd >= 0 && len < size - 1 && (n = read(fd, out + len, size - 1 - len)) > 0)
        len += (size_t)n;
    if (n < 0)
        return false;
    while (len > 0 && out[len - 1] == '\n')
        len--;
    out[len] = '\0';
    return true;
}

/* The id in ".../containers/<64 hex digits>/hostname". */
static bool id_in(const char *root, char out[HOST_FACTS_ID_SIZE])
{
    static const char before[] = "/containers/", behind[] = "/hostname";
    const char *at = strstr(root, before);
    if (!at)
        return false;
    at += strlen(before);
    if (strspn(at, "0123456789abcdef") != HOST_FACTS_ID_SIZE - 1 ||
        strcmp(at + HOST_FACTS_ID_SIZE - 1, behind) != 0)
        return false;
    memcpy(out, at, HOST_FACTS_ID_SIZE - 1);
    out[HOST_FACTS_ID_SIZE - 1] = '\0';
    return true;
}

bool host_facts_container(const char *mountinfo, char out[HOST_FACTS_ID_SIZE])
{
    for (const char *line = mountinfo; line;) {
        char root[512], target[512];
        /* id, parent, device, root within the file system, mount point, ... */
        if (sscanf(line, "%*s %*s %*s %511s %511s", root, target) == 2 &&
            strcmp(target, "/etc/hostname") == 0 && id_in(root, out))
            return true;
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return false;
}

/* Length of the part of dir that the mount point covers; 0: dir is not below it. */
static size_t mount_covers(const char *point, const char *dir)
{
    size_t len = strlen(point);
    while (len > 1 && point[len - 1] == '/')
        len--;
    bool within = strncmp(point, dir, len) == 0 && (dir[len] == '/' || dir[len] == '\0');
    return within && len > 1 ? len : 0;
}

/* The name in ".../volumes/<64 hex digits>/_data". */
static bool is_anonymous(const char *root)
{
    static const char before[] = "/volumes/";
    const char *at = strstr(root, before);
    return at && strspn(at + strlen(before), "0123456789abcdef") == HOST_FACTS_ID_SIZE - 1;
}

bool host_facts_keeps(const char *mountinfo, const char *dir)
{
    size_t longest = 0;
    bool keeps = false;

    for (const char *line = mountinfo; line;) {
        char root[512], target[512];
        size_t len = 0;
        if (sscanf(line, "%*s %*s %*s %511s %511s", root, target) == 2)
            len = mount_covers(target, dir);
        if (len > 0 && len >= longest) {
            longest = len;
            keeps = !is_anonymous(root);
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return keeps;
}

int64_t host_facts_swap(const char *swaps)
{
    int64_t sum = 0;
    for (const char *line = strchr(swaps, '\n'); line; line = strchr(line + 1, '\n')) {
        char size[24]; /* name, type, size, used, priority */
        if (sscanf(line, " %*s %*s %23s", size) == 1)
            sum += strtoll(size, NULL, 10);
    }
    return sum;
}

bool host_facts_core_helper(const char *core_pattern) { return core_pattern[0] == '|'; }

struct host_facts_version host_facts_version(const char *text)
{
    long part[3] = { 0, 0, 0 };
    while (*text && !isdigit((unsigned char)*text)) /* "v1.2" */
        text++;
    for (size_t i = 0; i < ARRAY_LEN(part) && isdigit((unsigned char)*text); i++) {
        char *end;
        part[i] = strtol(text, &end, 10) % 1000000;
        text = *end == '.' ? end + 1 : "";
    }
    return (struct host_facts_version){ (int)part[0], (int)part[1], (int)part[2] };
}

int host_facts_compare(struct host_facts_version a, struct host_facts_version b)
{
    int diff = a.major - b.major;
    diff = diff ? diff : a.minor - b.minor;
    return diff ? diff : a.patch - b.patch;
}

char *host_facts_source(json_t *container, const char *dir)
{
    json_t *mounts = json_object_get(container, "Mounts");
    const char *source = NULL;
    size_t longest = 0;

    for (size_t i = 0; i < json_array_size(mounts); i++) {
        json_t *m = json_array_get(mounts, i);
        const char *point = json_string_value(json_object_get(m, "Destination"));
        const char *from = json_string_value(json_object_get(m, "Source"));
        size_t len = point && from && from[0] == '/' ? mount_covers(point, dir) : 0;
        if (len > longest) {
            longest = len;
            source = from;
        }
    }
    struct buf path = { 0 };
    if (!source || buf_printf(&path, "%s%s", source, dir + longest) < 0)
        return NULL;
    return buf_take(&path);
}
