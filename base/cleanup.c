/* SPDX-License-Identifier: Apache-2.0 */
/* What the cleanup attributes run. */
#include "base/base.h"

#include <signal.h>
#include <sys/wait.h>

void keg_cleanup_free(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

void keg_cleanup_fd(const int *fd)
{
    int saved = errno;
    if (*fd >= 0)
        (void)close(*fd);
    errno = saved;
}

void keg_cleanup_file(FILE **file)
{
    int saved = errno;
    if (*file)
        (void)fclose(*file);
    errno = saved;
}

void keg_cleanup_dir(DIR **dir)
{
    int saved = errno;
    if (*dir)
        (void)closedir(*dir);
    errno = saved;
}

void keg_cleanup_pid(const pid_t *pid)
{
    if (*pid <= 0)
        return;
    int saved = errno;
    int status;
    (void)kill(*pid, SIGKILL);
    (void)keg_wait_child(*pid, &status);
    errno = saved;
}

void keg_cleanup_strv(char ***strings)
{
    keg_strv_free(*strings);
}
