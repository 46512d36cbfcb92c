/* SPDX-License-Identifier: Apache-2.0 */
/* Cleanup attributes and the hand-over of what they guard. */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

/* TAKE_PTR(p), TAKE_FD(fd): the value, leaving NULL or -1 behind, so that a cleanup does nothing.
 * / */
#define TAKE_PTR(pointer)                                                                          \
    __extension__({                                                                                \
        __typeof__(pointer) *keg_p_ = &(pointer);                                                  \
        __typeof__(pointer) keg_v_ = *keg_p_;                                                      \
        *keg_p_ = NULL;                                                                            \
        keg_v_;                                                                                    \
    })
#define TAKE_FD(fd)                                                                                \
    __extension__({                                                                                \
        int *keg_p_ = &(fd);                                                                       \
        int keg_v_ = *keg_p_;                                                                      \
        *keg_p_ = -1;                                                                              \
        keg_v_;                                                                                    \
    })

#define KEG_ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* keg_cleanup_*: run by the attributes below when the variable leaves scope; errno is kept. */
void keg_cleanup_free(void *pointer_to_pointer);
void keg_cleanup_fd(const int *fd);
void keg_cleanup_file(FILE **file);
void keg_cleanup_dir(DIR **dir);
void keg_cleanup_pid(const pid_t *pid);
void keg_cleanup_strv(char ***strings);

#define _cleanup_free_ __attribute__((cleanup(keg_cleanup_free)))
/* Closes an fd that is not negative. */
#define _cleanup_fd_   __attribute__((cleanup(keg_cleanup_fd)))
#define _cleanup_file_ __attribute__((cleanup(keg_cleanup_file)))
#define _cleanup_dir_  __attribute__((cleanup(keg_cleanup_dir)))
/* Kills with SIGKILL and reaps a child of ours whose pid is above 0. */
#define _cleanup_pid_ __attribute__((cleanup(keg_cleanup_pid)))
/* A NULL-terminated array of strings, each on the heap. */
#define _cleanup_strv_      __attribute__((cleanup(keg_cleanup_strv)))
#define _cleanup_(function) __attribute__((cleanup(function)))
