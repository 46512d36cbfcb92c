/* SPDX-License-Identifier: Apache-2.0 */
/* Why execve(2) said no: what stands in the file, in words that name the cure. */
#include "run/program.h"

#include <elf.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

/* The kernel looks at the first 256 bytes (BINPRM_BUF_SIZE). */
#define FIRST_BYTES 256

static const struct {
    uint16_t number;
    const char *name; /* as uname -m says it */
} machines[] = {
    {EM_386, "i386"},    {EM_X86_64, "x86_64"},
    {EM_ARM, "arm"},     {EM_AARCH64, "aarch64"},
    {EM_RISCV, "riscv"}, {EM_PPC, "ppc"},
    {EM_PPC64, "ppc64"}, {EM_S390, "s390x"},
    {EM_MIPS, "mips"},   {258 /* EM_LOONGARCH */, "loongarch64"},
};

struct first_bytes {
    unsigned char bytes[FIRST_BYTES];
    ssize_t length;
};

/* A fd of a regular file and its beginning. Nothing else is opened: a device or fifo could do
 * things. */
static int read_first(const char *path, struct first_bytes *ret)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return fd;
    ret->length = pread(fd, ret->bytes, sizeof(ret->bytes), 0);
    return ret->length < 0 ? -errno : TAKE_FD(fd);
}

static bool is_elf(const struct first_bytes *first)
{
    return first->length >= (ssize_t)sizeof(Elf32_Ehdr) &&
           memcmp(first->bytes, ELFMAG, SELFMAG) == 0;
}

static bool is_script(const struct first_bytes *first)
{
    return first->length > 2 && first->bytes[0] == '#' && first->bytes[1] == '!';
}

/* "#! /bin/sh -e" -> "/bin/sh" */
static int script_interpreter(const struct first_bytes *first, char ret[static PATH_MAX])
{
    char line[FIRST_BYTES + 1];
    memcpy(line, first->bytes, (size_t)first->length);
    line[first->length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    const char *name = line + 2 + strspn(line + 2, " \t");
    size_t length = strcspn(name, " \t");
    memcpy(ret, name, length);
    ret[length] = '\0';
    return length > 0;
}

static int read_name(int fd, uint64_t offset, uint64_t length, char ret[static PATH_MAX])
{
    if (length == 0 || length >= PATH_MAX || offset > INT64_MAX)
        return 0;
    if (pread(fd, ret, length, (off_t)offset) != (ssize_t)length)
        return 0;
    ret[length] = '\0';
    return *ret != '\0';
}

/* The two ELF classes differ in the width of everything. */
#define DEFINE_ELF_INTERPRETER(bits)                                                               \
    static int elf##bits##_interpreter(int fd, char ret[static PATH_MAX])                          \
    {                                                                                              \
        Elf##bits##_Ehdr header;                                                                   \
        Elf##bits##_Phdr program;                                                                  \
        if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))                      \
            return 0;                                                                              \
        for (unsigned i = 0; i < header.e_phnum; i++) {                                            \
            off_t at = (off_t)(header.e_phoff + (uint64_t)i * sizeof(program));                    \
            if (pread(fd, &program, sizeof(program), at) != (ssize_t)sizeof(program))              \
                return 0;                                                                          \
            if (program.p_type == PT_INTERP)                                                       \
                return read_name(fd, program.p_offset, program.p_filesz, ret);                     \
        }                                                                                          \
        return 0;                                                                                  \
    }
DEFINE_ELF_INTERPRETER(32)
DEFINE_ELF_INTERPRETER(64)

static int interpreter_of(int fd, const struct first_bytes *first, char ret[static PATH_MAX])
{
    if (is_script(first))
        return script_interpreter(first, ret);
    if (!is_elf(first))
        return 0;
    return first->bytes[EI_CLASS] == ELFCLASS64 ? elf64_interpreter(fd, ret)
                                                : elf32_interpreter(fd, ret);
}

int program_interpreter(const char *path, char ret[static PATH_MAX])
{
    struct first_bytes first;
    _cleanup_fd_ int fd = read_first(path, &first);
    return fd < 0 ? fd : interpreter_of(fd, &first, ret);
}

static const char *machine_name(const struct first_bytes *first, char text[static 16])
{
    const unsigned char *at = first->bytes + offsetof(Elf32_Ehdr, e_machine);
    bool big = first->bytes[EI_DATA] == ELFDATA2MSB;
    uint16_t number = (uint16_t)(big ? at[0] << 8 | at[1] : at[1] << 8 | at[0]);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(machines); i++)
        if (machines[i].number == number)
            return machines[i].name;
    (void)snprintf(text, 16, "machine %u", number);
    return text;
}

static int explain_format(const char *path, struct keg_err *err)
{
    struct first_bytes first;
    struct utsname host;
    char text[16];
    _cleanup_fd_ int fd = read_first(path, &first);
    if (fd < 0 || uname(&host) < 0)
        return keg_fail(err, -ENOEXEC, "exec: \"%s\": exec format error", path);
    if (!is_elf(&first))
        return keg_fail(err, -ENOEXEC,
                        "exec: \"%s\": exec format error: it has no \"#!\" line and is no program",
                        path);
    const char *machine = machine_name(&first, text);
    if (strcmp(machine, host.machine) == 0)
        return keg_fail(err, -ENOEXEC, "exec: \"%s\": exec format error: the program is damaged",
                        path);
    return keg_fail(
        err, -ENOEXEC,
        "exec: \"%s\": exec format error: it is a program for %s, this machine is %s and "
        "has no binfmt_misc handler for it (qemu-user-static brings one)",
        path, machine, host.machine);
}

/* The file is there, and yet the kernel says it is not: what should run it is missing. */
static int explain_missing(const char *path, struct keg_err *err)
{
    char name[PATH_MAX];
    struct stat st;
    if (stat(path, &st) < 0 || program_interpreter(path, name) <= 0)
        return keg_fail(err, -ENOENT, "exec: \"%s\": no such file or directory", path);
    char *cr = strchr(name, '\r');
    if (cr) {
        *cr = '\0';
        return keg_fail(err, -ENOENT,
                        "exec: \"%s\": no such file or directory: its first line \"#!%s\" ends in "
                        "CR LF, as Windows writes it (dos2unix mends that)",
                        path, name);
    }
    return keg_fail(err, -ENOENT,
                    "exec: \"%s\": no such file or directory: its interpreter \"%s\" is missing",
                    path, name);
}

static bool is_executable(const char *path)
{
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

static int explain_denied(const char *path, struct keg_err *err)
{
    char name[PATH_MAX];
    struct stat st;
    struct statvfs vfs;
    if (stat(path, &st) < 0)
        return keg_fail(err, -EACCES, "exec: \"%s\": permission denied", path);
    if (S_ISDIR(st.st_mode))
        return keg_fail(err, -EACCES, "exec: \"%s\": is a directory", path);
    if (!S_ISREG(st.st_mode))
        return keg_fail(err, -EACCES, "exec: \"%s\": permission denied: not a regular file", path);
    if (statvfs(path, &vfs) == 0 && (vfs.f_flag & ST_NOEXEC))
        return keg_fail(err, -EACCES, "exec: \"%s\": permission denied: it is on a noexec mount",
                        path);
    if (!is_executable(path))
        return keg_fail(err, -EACCES, "exec: \"%s\": permission denied: not executable (mode %04o)",
                        path, st.st_mode & 07777);
    if (program_interpreter(path, name) > 0 && !is_executable(name))
        return keg_fail(err, -EACCES,
                        "exec: \"%s\": permission denied: its interpreter \"%s\" is not executable",
                        path, name);
    return keg_fail(err, -EACCES, "exec: \"%s\": permission denied", path);
}

int program_explain(const char *path, int code, struct keg_err *err)
{
    switch (code) {
    case -ENOENT:
        return explain_missing(path, err);
    case -EACCES:
        return explain_denied(path, err);
    case -ENOEXEC:
        return explain_format(path, err);
    default:
        return keg_fail(err, code, "exec: \"%s\": %s", path, keg_errno_text(code));
    }
}
