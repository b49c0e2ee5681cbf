/*
 * Lets valgrind run programs that wait in a ring. It runs one thread at a time and takes io_uring_enter for a call that
 * does not wait, so a shard that sleeps there would stop every other thread. This is loaded before the program and
 * makes of each such wait many short ones with a sleep between them, during which the others run.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

typedef long system_call(long number, ...);

/* Between two looks at a ring. */
enum { PAUSE_NS = 200000 };

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Waits as long as the caller wants to, but not in the kernel. */
static long wait_in_ring(system_call *next, const long *arguments)
{
    const struct timespec pause = { 0, PAUSE_NS };
    const struct timespec none = { 0, 0 };
    const struct timespec *timeout;
    struct io_uring_getevents_arg wanted;
    uint64_t deadline = UINT64_MAX;
    long done;
    memset(&wanted, 0, sizeof wanted);
    if ((arguments[3] & IORING_ENTER_EXT_ARG) != 0 && arguments[4] != 0) {
        memcpy(&wanted, (const void *)arguments[4], sizeof wanted);
    }
    timeout = (const struct timespec *)(uintptr_t)wanted.ts;
    if (timeout != NULL) {
        deadline = now_ns() + (uint64_t)timeout->tv_sec * 1000000000 + (uint64_t)timeout->tv_nsec;
    }
    wanted.ts = (uint64_t)(uintptr_t)&none;
    for (;;) {
        done = next(SYS_io_uring_enter, arguments[0], arguments[1], arguments[2], arguments[3] | IORING_ENTER_EXT_ARG,
                    &wanted, sizeof wanted);
        if (done != -1 || errno != ETIME || now_ns() >= deadline) {
            return done;
        }
        nanosleep(&pause, NULL);
    }
}

long syscall(long number, ...)
{
    static system_call *next;
    long arguments[6];
    va_list list;
    int i;
    if (next == NULL) {
        *(void **)&next = dlsym(RTLD_NEXT, "syscall");
    }
    va_start(list, number);
    for (i = 0; i < 6; i++) {
        arguments[i] = va_arg(list, long);
    }
    va_end(list);
    if (number == SYS_io_uring_enter && arguments[2] > 0 && (arguments[3] & IORING_ENTER_GETEVENTS) != 0) {
        return wait_in_ring(next, arguments);
    }
    return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}
