/* A process that is forked off finds its parent's handles unusable, and can open an engine of its own. */
#include "check.h"

#include <sys/wait.h>
#include <unistd.h>

static rh_error error;

static void in_child(rh_engine *engine, rh_queue *queue, rh_log *log, const char *directory)
{
    rh_slice record = slice("x");
    rh_completion completion;
    CHECK_FAILS(rh_log_append(log, queue, &record, 1, 0, 1, &error), RH_E_FORKED, "only its parent can use it");
    CHECK_FAILS(rh_queue_poll(queue, &completion, 1, &error), RH_E_FORKED, "the queue was made before");
    CHECK_FAILS(rh_log_close(log, &error), RH_E_FORKED, "the log was made before");
    CHECK_FAILS(rh_engine_close(engine, NULL, 0, &error), RH_E_FORKED, "the engine was made before");
    CHECK_FAILS(rh_queue_close(queue, &error), RH_E_FORKED, "the queue was made before");
    queue = open_queue(4);
    engine = open_engine(directory);
    log = open_log(engine, queue, "of the child");
    CHECK(append(log, queue, "x") == 0);
    CHECK_OK(rh_log_close(log, &error));
    close_engine(engine, queue);
    CHECK_OK(rh_queue_close(queue, &error));
}

int main(int argc, char **argv)
{
    char other[4096];
    int status;
    pid_t child;
    rh_engine *engine;
    rh_queue *queue = open_queue(4);
    rh_log *log;
    CHECK(argc == 2);
    snprintf(other, sizeof other, "%s-of-the-child", argv[1]);
    engine = open_engine(argv[1]);
    log = open_log(engine, queue, "log");
    CHECK(append(log, queue, "before") == 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        /* A child that hangs is a failure, too. */
        alarm(60);
        in_child(engine, queue, log, other);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(append(log, queue, "after") == 1);
    CHECK_OK(rh_log_close(log, &error));
    close_engine(engine, queue);
    CHECK_OK(rh_queue_close(queue, &error));
    return 0;
}
