/* A process that is forked off finds its parent's handles unusable, and can open an engine of its own. */
#include "sockets.h"

#include <sys/wait.h>
#include <unistd.h>

static rh_error error;

/* Sockets are their parent's as well. */
static void sockets_in_child(rh_queue *queue, rh_udp *udp, rh_listener *listener)
{
    rh_transmit transmit;
    memset(&transmit, 0, sizeof transmit);
    CHECK_FAILS(rh_udp_receive(udp, queue, RH_ONCE, 1, &error), RH_E_FORKED, "the UDP socket was made before");
    CHECK_FAILS(rh_udp_send(udp, queue, &transmit, 1, 0, &error), RH_E_FORKED, "only its parent can use it");
    CHECK_FAILS(rh_listener_accept(listener, queue, RH_ONCE, 1, &error), RH_E_FORKED, "the listener was made before");
    CHECK_FAILS(rh_listener_close(listener, &error), RH_E_FORKED, "the listener was made before");
    CHECK_FAILS(rh_udp_close(udp, &error), RH_E_FORKED, "the UDP socket was made before");
}

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
    rh_udp *udp;
    rh_listener *listener;
    rh_address address = loopback();
    rh_transmit transmit;
    CHECK(argc == 2);
    snprintf(other, sizeof other, "%s-of-the-child", argv[1]);
    engine = open_engine(argv[1]);
    log = open_log(engine, queue, "log");
    CHECK(append(log, queue, "before") == 0);
    CHECK_OK(rh_udp_open(engine, queue, 0, &address, NULL, 1, &error));
    udp = take_handle(queue, RH_OP_UDP_OPEN, 1);
    CHECK_OK(rh_tcp_listen(engine, queue, 0, &address, NULL, NULL, 1, &error));
    listener = take_handle(queue, RH_OP_TCP_LISTEN, 1);
    CHECK_OK(rh_udp_receive(udp, queue, RH_ONCE, 2, &error));
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        /* A child that hangs is a failure, too. */
        alarm(60);
        sockets_in_child(queue, udp, listener);
        in_child(engine, queue, log, other);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* The parent's engine has not noticed. */
    memset(&transmit, 0, sizeof transmit);
    transmit.user_data = 3;
    CHECK_OK(rh_udp_address(udp, &transmit.destination, &error));
    transmit.data = slice("after");
    CHECK(rh_udp_send(udp, queue, &transmit, 1, 0, &error) == 1);
    {
        void *arrived = NULL, *none = NULL;
        take_both(queue, RH_OP_UDP_RECEIVE, &arrived, RH_OP_UDP_SEND, &none);
        CHECK_OK(rh_buffer_free(arrived, &error));
    }
    CHECK_OK(rh_udp_close(udp, &error));
    CHECK_OK(rh_listener_close(listener, &error));
    CHECK(append(log, queue, "after") == 1);
    CHECK_OK(rh_log_close(log, &error));
    close_engine(engine, queue);
    CHECK_OK(rh_queue_close(queue, &error));
    return 0;
}
