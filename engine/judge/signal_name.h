/* engine/judge/signal_name.h - "SIGSEGV" for 11. Threads: any. */
#pragma once

/* Static. "SIGRT" for the real-time ones without a name of their own; "SIGUNKNOWN" for no signal.
 */
const char *signal_name(int number);
