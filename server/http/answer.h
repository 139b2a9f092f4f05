/* server/http/answer.h - sends a request's reply or stream through the library.
 *
 * Room     server/http.
 * Threads  the one that serves the connection.
 */
#pragma once

#include <microhttpd.h>

struct budget;
struct http_config;
struct request;

/* Initialises the budgets for all answers (bytes) and all streams (their number) of a server. */
void answer_budgets(struct budget *answers, struct budget *streams, const struct http_config *c);

/* Adds the headers of every answer: browsers must not guess its type, and pages of other sites must
 * not embed it. */
enum MHD_Result answer_defend(struct MHD_Response *response);

/* Sends r->reply, whose body then belongs to the library. MHD_NO: it cannot be sent, close the
 * connection. */
enum MHD_Result answer_reply(struct request *r);

/* Sends what r->read reads, to its end. MHD_NO as above. */
enum MHD_Result answer_stream(struct request *r);
