// counter: one request again and again, for `tools/bench types`, by a client that takes next to
// no time of its own.
//
//     counter PORT CONNECTIONS PIPELINE REQUESTS WORD…
//
// redis-benchmark parses every element of a reply; with replies of a hundred elements its core is
// busier than the server's, and the rate is its own. Here the request must have replies of one
// length, which the first one tells, and of all others only the bytes are counted. Prints a line of
// JSON.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

struct connection {
    int fd;
    size_t awaited;  // bytes of replies that are still to come
};

static char input[1 << 20];

static int dial(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

static void send_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t n = send(fd, bytes, count, 0);
        if (n <= 0) fail("send");
        bytes += n;
        count -= (size_t)n;
    }
}

// The length of the request's reply: what comes before that of a PING behind it.
static size_t reply_bytes(int port, const char *request, size_t count) {
    static const char pong[] = "+PONG\r\n";
    size_t got = 0;
    int fd = dial(port);
    send_all(fd, request, count);
    send_all(fd, "PING\r\n", 6);
    while (got < 7 || memcmp(input + got - 7, pong, 7) != 0) {
        ssize_t n = recv(fd, input + got, sizeof input - got, 0);
        if (n <= 0) fail("recv");
        got += (size_t)n;
    }
    close(fd);
    if (*input == '-') {
        fprintf(stderr, "counter: %.*s", (int)got - 7, input);
        exit(1);
    }
    return got - 7;
}

int main(int count, char **arguments) {
    if (count < 6) return fprintf(stderr, "see counter.c\n"), 2;
    int port = atoi(arguments[1]), connections = atoi(arguments[2]), pipeline = atoi(arguments[3]);
    long left = atol(arguments[4]), requests = 0;
    static char request[1 << 16], batch[1 << 20];
    size_t bytes = (size_t)sprintf(request, "*%d\r\n", count - 5), total = 0;
    for (int i = 5; i < count; i++) {
        size_t length = strlen(arguments[i]);
        if (bytes + length + 32 > sizeof request) return 2;
        bytes += (size_t)sprintf(request + bytes, "$%zu\r\n%s\r\n", length, arguments[i]);
    }
    if (connections < 1 || pipeline < 1 || (size_t)pipeline * bytes > sizeof batch) return 2;
    size_t reply = reply_bytes(port, request, bytes);
    for (int i = 0; i < pipeline; i++, total += bytes) memcpy(batch + total, request, bytes);

    int events = epoll_create1(0), busy = 0;
    double begun = now();
    for (int i = 0; i < connections && left > 0; i++) {
        struct connection *c = malloc(sizeof *c);
        *c = (struct connection){dial(port), (size_t)pipeline * reply};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(events, EPOLL_CTL_ADD, c->fd, &event);
        send_all(c->fd, batch, total);
        left -= pipeline;
        busy++;
    }
    while (busy > 0) {
        struct epoll_event ready[64];
        int n = epoll_wait(events, ready, 64, -1);
        for (int i = 0; i < n; i++) {
            struct connection *c = ready[i].data.ptr;
            ssize_t got = recv(c->fd, input, sizeof input, MSG_DONTWAIT);
            if (got <= 0 || (size_t)got > c->awaited) {
                fprintf(stderr, "counter: a reply of another length, or none\n");
                return 1;
            }
            c->awaited -= (size_t)got;
            if (c->awaited > 0) continue;
            requests += pipeline;
            if (left > 0) {
                c->awaited = (size_t)pipeline * reply;
                send_all(c->fd, batch, total);
                left -= pipeline;
            } else {
                busy--;
            }
        }
    }
    struct rusage used;
    double seconds = now() - begun;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
        + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("{\"requests\": %ld, \"seconds\": %.3f, \"rate\": %.0f, \"busy\": %.3f}\n", requests,
        seconds, (double)requests / seconds, cpu / seconds);
    return 0;
}
