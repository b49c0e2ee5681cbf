/* Where io_uring is forbidden, as containers forbid it, opening says so and how to allow it. */
#include "check.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static void forbid_io_uring(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program;
    program.len = sizeof rules / sizeof rules[0];
    program.filter = rules;
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

int main(int argc, char **argv)
{
    rh_error error;
    rh_engine *engine;
    CHECK(argc == 2);
    forbid_io_uring();
    CHECK_FAILS(rh_engine_open(argv[1], NULL, 0, &engine, &error), RH_E_UNSUPPORTED, "seccomp");
    CHECK_FAILS(rh_store_probe("/", &error), RH_E_UNSUPPORTED, "seccomp");
    return 0;
}
