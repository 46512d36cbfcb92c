# SPDX-License-Identifier: Apache-2.0
# The default seccomp profile: what a container may ask of the kernel. run/seccomp/generate.c reads
# this.
#
# It says what moby's default profile says (moby/profiles, seccomp/default.json of June 2026: 361
# names always allowed, 426 in all), in a form of our own:
#
#   RULE:             begins in the first column and holds for the names below it
#   NAME[=NUMBER]     a system call. libseccomp knows the numbers; one that may be newer than it has
#                     its number here: from 424 on they are the same on every machine.
#
#   allow             always
#   allow on ABI...   where the ABI is one of x86_64 x32 i386 aarch64 arm
#   allow with CAP    where CAP_... is in the bounding set; below several of these: any of them
#   allow if argN in VALUE...     where argument N, all 64 bits, is a value (<VALUE: is below it)
#   allow if argN without MASK    where no bit of MASK is set in argument N
#   errno ENOSYS      refused with this error
#
# `allow with` goes first, then `allow if` and `errno`. Everything else is EPERM up to the highest
# number that is named here, and ENOSYS above it: a libc takes ENOSYS for an old kernel and does it
# the old way.
#
# Where it is stricter than moby's: `socket` has no open end (moby: any family over 40). The kernel
# looks at 32 of the 64 bits that a filter sees, so family 0x100000026 would be AF_ALG behind a rule
# "over 40". ptrace and process_vm_*: no filter can be left by ptrace since Linux 4.8; keg needs a
# newer one anyway.

allow:
    accept accept4 access adjtimex alarm bind brk cachestat=451 capget capset chdir chmod chown
    chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
    clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range=436 connect
    copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old
    epoll_pwait epoll_pwait2=441 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit
    exit_group faccessat faccessat2=439 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod
    fchmodat fchmodat2=452 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr
    flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate
    ftruncate64 futex futex_requeue=456 futex_time64 futex_wait=455 futex_waitv=449 futex_wake=454
    futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid getegid32
    geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp
    getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit
    getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr
    getxattrat=464 inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel
    io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get
    ioprio_set ipc kill landlock_add_rule=445 landlock_create_ruleset=444 landlock_restrict_self=446
    lchown lchown32 lgetxattr link linkat listen listmount=458 listxattr listxattrat=465 llistxattr
    _llseek lremovexattr lseek lsetxattr lstat lstat64 madvise membarrier
    memfd_create memfd_secret=447 mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap
    mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64
    mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal=462 msgctl msgget msgrcv msgsnd msync
    munlock munlockall munmap name_to_handle_at nanosleep newfstatat _newselect open openat
    openat2=437 pause pidfd_open=434 pidfd_send_signal=424 pipe pipe2 pkey_alloc pkey_free
    pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64
    process_mrelease=448 process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace pwrite64
    pwritev pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64
    recvmsg remap_file_pages removexattr removexattrat=466 rename renameat renameat2 restart_syscall
    rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
    rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max
    sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
    sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr
    sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop
    semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list
    set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32
    setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32
    setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr
    setxattrat=463 shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask
    sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statmount=457 statx symlink
    symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete
    timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
    timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate
    truncate64 ugetrlimit umask uname unlink unlinkat utime utimensat utimensat_time64 utimes vfork
    vmsplice wait4 waitid waitpid write writev

allow on x86_64:
    uretprobe=335

allow on x86_64 i386 aarch64 arm:
    map_shadow_stack=453

allow on x86_64 x32 i386:
    arch_prctl modify_ldt

allow on aarch64 arm:
    arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2

allow with DAC_READ_SEARCH:
    open_by_handle_at

allow with SYS_ADMIN:
    bpf clone clone3=435 fanotify_init fsconfig=431 fsmount=432 fsopen=430 fspick=433 lookup_dcookie
    lsm_get_self_attr=459 lsm_list_modules=461 lsm_set_self_attr=460 mount mount_setattr=442
    move_mount=429 open_tree=428 perf_event_open quotactl quotactl_fd=443 setdomainname sethostname
    setns syslog umount umount2 unshare

allow with SYS_BOOT:
    reboot

allow with SYS_CHROOT:
    chroot

allow with SYS_MODULE:
    delete_module finit_module init_module

allow with SYS_PACCT:
    acct

allow with SYS_PTRACE:
    kcmp pidfd_getfd=438 process_madvise=440

allow with SYS_RAWIO:
    ioperm iopl

allow with SYS_TIME:
    clock_settime clock_settime64 settimeofday stime

allow with SYS_TTY_CONFIG:
    vhangup

allow with SYS_NICE:
    get_mempolicy mbind set_mempolicy set_mempolicy_home_node=450

allow with SYSLOG:
    syslog

allow with BPF:
    bpf

allow with PERFMON:
    perf_event_open

# Refused are 38 (AF_ALG, the kernel's own crypto), 40 (AF_VSOCK, the hypervisor, which no network
# namespace holds back) and what does not exist yet.
allow if arg0 in <38 39 41 42 43 44 45:
    socket

# PER_LINUX, PER_LINUX32, both with UNAME26, and the question what it is.
allow if arg0 in 0 8 0x20000 0x20008 0xffffffff:
    personality

# All CLONE_NEW* flags that clone takes. Those of clone3 are behind a pointer, which no filter can
# follow: below, so that libcs fall back to clone.
allow if arg0 without 0x7e020000:
    clone

errno ENOSYS:
    clone3=435
