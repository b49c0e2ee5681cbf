/* In a child process where io_uring is forbidden, as containers forbid it, opening says so and how to allow it. */
#include "check.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void open_nothing(const char *directory)
{
    rh_error error;
    rh_engine *engine;
    forbid_io_uring();
    CHECK_FAILS(rh_engine_open(directory, NULL, 0, &engine, &error), RH_E_UNSUPPORTED, "seccomp");
    CHECK_FAILS(rh_store_probe("/", &error), RH_E_UNSUPPORTED, "seccomp");
}

int main(int argc, char **argv)
{
    rh_error error;
    rh_queue *queue;
    int status;
    pid_t child;
    CHECK(argc == 2);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        open_nothing(argv[1]);
        exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* What the child could not open is as it was. */
    queue = open_queue(1);
    close_engine(open_engine(argv[1]), queue);
    CHECK_OK(rh_queue_close(queue, &error));
    return 0;
}
