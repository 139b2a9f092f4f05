#include "tests/support/cut_proxy.h"

#include <stddef.h>

void cut_proxy_open(struct servant *proxy, const char *url)
{
    servant_open(proxy, (const char *const[]){ "/usr/bin/python3", CUT_PROXY_PY, url, NULL });
}
