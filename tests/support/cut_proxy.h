/* tests/support/cut_proxy.h - a way to a database that can break: cut_proxy.py, which says what it
 * can be told, as a program beside the test.
 *
 *     struct servant proxy = { 0 };
 *     cut_proxy_open(&proxy, url);              proxy.ready is the URL through it
 *     servant_tell(&proxy, "cut answer 1");     the next COMMIT is done, and nobody hears of it
 *     ...
 *     servant_tell(&proxy, "wait");
 *     servant_close(&proxy);
 */
#pragma once

#include "tests/support/servant.h"

void cut_proxy_open(struct servant *proxy, const char *url);
