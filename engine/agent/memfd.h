/* engine/agent/memfd.h - files in memory that nobody can change any more, for server and agent.
 *
 *     memfd_new() --> written by its maker --> memfd_seal(): read-only, for everybody to see
 *
 * Owns     nothing: descriptors are the caller's, close-on-exec.
 * Errors   -1 with errno.
 */
#pragma once

enum memfd_use {
    MEMFD_DATA,    /* never executed; no kernel setting (vm.memfd_noexec) minds it */
    MEMFD_PROGRAM, /* may be executed, also where that must be asked for */
};

/* Empty and writable through this descriptor alone: its mode lets nobody write to it by its name in
 * /proc, nor set its times. The owner is the effective user. */
int memfd_new(const char *name, enum memfd_use use);

/* Seals fd, which stays the caller's. Returns another description of the same file, at offset 0 and
 * read-only: one that can write would keep a program from being executed. */
int memfd_seal(int fd);
