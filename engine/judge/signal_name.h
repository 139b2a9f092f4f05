/* engine/judge/signal_name.h - "SIGSEGV" for 11.
 *
 * Room     engine/judge.
 * Threads  any.
 */
#pragma once

/* Static. "SIGRT" for real-time signals without a name; "SIGUNKNOWN" for what is no signal. */
const char *signal_name(int number);
