/* engine/agent/memfd.h - files in memory that cannot be changed once sealed, for server and agent.
 *
 *     memfd_new() --> the caller writes --> memfd_seal(): read-only, everybody may read it
 *
 * Owns     nothing: descriptors are the caller's, close-on-exec.
 * Errors   -1 with errno.
 */
#pragma once

enum memfd_use {
    MEMFD_DATA,    /* never executed; allowed whatever vm.memfd_noexec is */
    MEMFD_PROGRAM, /* may be executed, also where vm.memfd_noexec forbids it by default */
};

/* Empty and writable through this descriptor alone: its mode allows nobody to open it for writing
 * by its name in /proc, nor to set its times. The effective user owns it. */
int memfd_new(const char *name, enum memfd_use use);

/* Seals fd, which stays the caller's; a page that the kernel holds for itself may cost 1.5 s.
 * Returns another description of the same file, at offset 0 and read-only, which the caller owns: a
 * file that is open for writing cannot be executed. */
int memfd_seal(int fd);
