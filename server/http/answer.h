/* server/http/answer.h - a request's reply or stream, on its way through the library.
 *
 * Room     server/http.
 * Threads  the library's; the request's.
 */
#pragma once

#include <microhttpd.h>

struct budget;
struct http_config;
struct request;

/* What all answers and streams of a server may take together. */
void answer_budgets(struct budget *answers, struct budget *streams, const struct http_config *c);

/* The headers of every answer: it is what it says it is, and for no page but ours. */
enum MHD_Result answer_defend(struct MHD_Response *response);

/* r->reply, which is then gone. MHD_NO: it cannot be sent, close the connection. */
enum MHD_Result answer_reply(struct request *r);

/* What r->read reads, to its end. */
enum MHD_Result answer_stream(struct request *r);
