// client: GETs and SETs that redis-benchmark cannot make, for `tools/bench tiered`.
//
//     client PORT KEYS VALUE-BYTES SECONDS GROUP…      GROUP is name=value pairs joined by commas
//
//     name=…          printed with the result
//     connections=50  pipeline=16
//     order=uniform   a key at random
//          =zipf      by Zipf's law with theta=0.99; which keys are the popular ones is scattered
//          =once      each key once, in random order; then the group ends, however long it takes
//     from=0 count=…  the part of the keys that the group asks for (default: all of them)
//     reads=100       GETs among 100 requests, the others are SETs; `once` writes only
//     rate=0          requests a second on all connections together; 0: as many as are answered
//     seed=1
//
// Keys are redis-benchmark's (key:000000000123). A value depends on its key alone, does not
// compress, and every reply is compared with it, so a wrong reply is counted and not passed over.
// The groups share one thread; a group with a rate is measured from when a request was due, so a
// server that stalls is charged for all who would have come meanwhile. With a pipeline a latency
// is that of the whole of it. A group with `once` decides when the run ends, otherwise SECONDS
// do. Prints one line of JSON for each group, latencies in microseconds.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

enum { KEY_BYTES = 16, VALUE_MAX = 4096, PIPELINE_MAX = 64, GROUPS_MAX = 4, BUCKETS = 64 * 128 };
enum { INPUT_BYTES = PIPELINE_MAX * (VALUE_MAX + 32) };
enum order { UNIFORM, ZIPF, ONCE };

struct zipf { double theta, alpha, zetan, eta, half; };

struct group {
    char name[64];
    int connections, pipeline, reads;
    enum order order;
    uint64_t from, count, random, next, permuted_bits;
    double theta, rate, due;
    struct zipf zipf;
    int busy, ended;
    uint64_t requests, gets, missing, wrong;
    uint64_t histogram[BUCKETS], latencies;
    double longest, last;
    struct connection *idle;
};

struct connection {
    int fd;
    struct group *group;
    struct connection *next_idle;
    double begun;
    int waiting, answered;
    int64_t asked[PIPELINE_MAX];  // the key of a GET; -1: a SET
    char *input;
    size_t input_bytes;
};

static uint64_t key_count;
static size_t value_bytes;

static uint64_t draw(struct group *group) { return mix(group->random++); }
static double fraction(struct group *group) { return (double)(draw(group) >> 11) * 0x1p-53; }

static void write_key(char *out, uint64_t key) {
    memcpy(out, "key:", 4);
    for (int i = KEY_BYTES - 1; i >= 4; i--, key /= 10) out[i] = (char)('0' + key % 10);
}

static void write_value(char *out, uint64_t key) {
    for (size_t at = 0; at < value_bytes; at += 8) {
        uint64_t random = mix(key << 12 | at);
        memcpy(out + at, &random, value_bytes - at < 8 ? value_bytes - at : 8);
    }
}

// A permutation of 0 ..< count: a Feistel network on the next even number of bits, walked until it
// lands inside.
static uint64_t permute(const struct group *group, uint64_t x) {
    uint64_t half = group->permuted_bits / 2, mask = (1ull << half) - 1;
    do {
        uint64_t left = x >> half, right = x & mask;
        for (uint64_t round = 0; round < 4; round++) {
            uint64_t swap = left ^ (mix(right * 8 + round) & mask);
            left = right;
            right = swap;
        }
        x = left << half | right;
    } while (x >= group->count);
    return x;
}

// Gray et al., "Quickly generating billion-record synthetic databases", 1994.
static void prepare_zipf(struct group *group) {
    struct zipf *z = &group->zipf;
    double n = (double)group->count;
    z->theta = group->theta;
    for (uint64_t i = 1; i <= group->count; i++) z->zetan += pow((double)i, -z->theta);
    z->half = 1 + pow(0.5, z->theta);
    z->alpha = 1 / (1 - z->theta);
    z->eta = (1 - pow(2 / n, 1 - z->theta)) / (1 - z->half / z->zetan);
}

static uint64_t zipf_rank(struct group *group) {
    struct zipf *z = &group->zipf;
    double u = fraction(group), uz = u * z->zetan;
    if (uz < 1) return 0;
    if (uz < z->half) return 1;
    uint64_t rank = (uint64_t)((double)group->count * pow(z->eta * u - z->eta + 1, z->alpha));
    return rank < group->count ? rank : group->count - 1;
}

static uint64_t choose(struct group *group) {
    switch (group->order) {
    case ZIPF: return group->from + permute(group, zipf_rank(group));
    case ONCE: return group->from + permute(group, group->next++);
    default: return group->from + draw(group) % group->count;
    }
}

// Buckets of a 64th of their power of two.
static void note_latency(struct group *group, double seconds) {
    uint64_t ns = seconds > 0 ? (uint64_t)(seconds * 1e9) : 0;
    int exponent = ns < 128 ? 0 : 57 - __builtin_clzll(ns);
    uint64_t bucket = (uint64_t)exponent * 128 + (ns >> exponent);
    group->histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    group->latencies++;
    if (seconds > group->longest) group->longest = seconds;
}

static double percentile(const struct group *group, double share) {
    double wanted = share * (double)group->latencies, seen = 0;
    for (int i = 0; i < BUCKETS; i++)
        if ((seen += (double)group->histogram[i]) >= wanted && seen > 0) {
            int exponent = i / 128;
            return ((double)(i % 128) + 0.5) * (double)(1ull << exponent) / 1e3;
        }
    return 0;
}

// Sends the next pipeline; the connection is idle when there is nothing more to send.
static void send_next(struct connection *c, double begun) {
    static char out[PIPELINE_MAX * (VALUE_MAX + 96)];
    struct group *group = c->group;
    size_t bytes = 0;
    c->waiting = c->answered = 0;
    while (c->waiting < group->pipeline) {
        if (group->order == ONCE && group->next == group->count) break;
        uint64_t key = choose(group);
        int is_read = group->order != ONCE && (int)(draw(group) % 100) < group->reads;
        bytes += (size_t)sprintf(out + bytes, is_read ? "*2\r\n$3\r\nGET\r\n$16\r\n"
                                                      : "*3\r\n$3\r\nSET\r\n$16\r\n");
        write_key(out + bytes, key);
        bytes += KEY_BYTES;
        if (!is_read) {
            bytes += (size_t)sprintf(out + bytes, "\r\n$%zu\r\n", value_bytes);
            write_value(out + bytes, key);
            bytes += value_bytes;
        }
        out[bytes++] = '\r';
        out[bytes++] = '\n';
        c->asked[c->waiting++] = is_read ? (int64_t)key : -1;
    }
    if (c->waiting == 0) return;
    c->begun = begun;
    group->busy++;
    for (size_t sent = 0; sent < bytes;) {
        ssize_t n = send(c->fd, out + sent, bytes - sent, 0);
        if (n <= 0) fail("send");
        sent += (size_t)n;
    }
}

// Judges one reply at `at`; its length, or 0 when it is not complete yet.
static size_t judge(struct connection *c, const char *at, size_t bytes) {
    const char *end = memchr(at, '\n', bytes);
    if (!end) return 0;
    size_t line = (size_t)(end - at) + 1;
    int64_t key = c->asked[c->answered];
    struct group *group = c->group;
    if (*at == '-') {
        if (group->wrong++ == 0) fprintf(stderr, "client: %.*s\n", (int)line, at);
        return line;
    }
    if (*at != '$') {
        if (key >= 0 || *at != '+') group->wrong++;
        return line;
    }
    long length = strtol(at + 1, NULL, 10);
    if (length >= 0 && bytes < line + (size_t)length + 2) return 0;
    if (key < 0) group->wrong++;
    else if (length < 0) group->missing++;
    else {
        char expected[VALUE_MAX + 8];
        write_value(expected, (uint64_t)key);
        if ((size_t)length != value_bytes || memcmp(at + line, expected, value_bytes) != 0)
            group->wrong++;
    }
    return line + (length < 0 ? 0 : (size_t)length + 2);
}

// What has arrived. True when the whole pipeline has been answered.
static int receive(struct connection *c) {
    ssize_t n = recv(c->fd, c->input + c->input_bytes, INPUT_BYTES - c->input_bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (n <= 0) {
        fprintf(stderr, "client: the server closed a connection\n");
        exit(1);
    }
    c->input_bytes += (size_t)n;
    size_t at = 0, length;
    while (c->answered < c->waiting && (length = judge(c, c->input + at, c->input_bytes - at)) > 0) {
        at += length;
        c->group->gets += c->asked[c->answered] >= 0;
        c->answered++;
        c->group->requests++;
    }
    c->input_bytes -= at;
    memmove(c->input, c->input + at, c->input_bytes);
    return c->answered == c->waiting;
}

static struct group parse(char *text) {
    struct group g = {.name = "-", .connections = 50, .pipeline = 16, .reads = 100, .random = 1,
        .count = key_count, .theta = 0.99};
    for (char *word = strtok(text, ","); word; word = strtok(NULL, ",")) {
        char *value = strchr(word, '=');
        if (!value) exit(2);
        *value++ = 0;
        if (!strcmp(word, "name")) snprintf(g.name, sizeof g.name, "%s", value);
        else if (!strcmp(word, "connections")) g.connections = atoi(value);
        else if (!strcmp(word, "pipeline")) g.pipeline = atoi(value);
        else if (!strcmp(word, "order"))
            g.order = *value == 'z' ? ZIPF : *value == 'o' ? ONCE : UNIFORM;
        else if (!strcmp(word, "from")) g.from = strtoull(value, NULL, 10);
        else if (!strcmp(word, "count")) g.count = strtoull(value, NULL, 10);
        else if (!strcmp(word, "reads")) g.reads = atoi(value);
        else if (!strcmp(word, "rate")) g.rate = atof(value);
        else if (!strcmp(word, "theta")) g.theta = atof(value);
        else if (!strcmp(word, "seed")) g.random = mix(strtoull(value, NULL, 10));
        else exit(2);
    }
    if (g.count < 2 || g.pipeline < 1 || g.pipeline > PIPELINE_MAX || g.connections < 1) exit(2);
    for (g.permuted_bits = 2; 1ull << g.permuted_bits < g.count;) g.permuted_bits += 2;
    if (g.order == ZIPF) prepare_zipf(&g);
    return g;
}

static void open_connections(struct group *group, int port, int events) {
    for (int i = 0; i < group->connections; i++) {
        struct connection *c = calloc(1, sizeof *c);
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int yes = 1;
        *c = (struct connection){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .group = group,
            .input = malloc(INPUT_BYTES), .next_idle = group->idle};
        if (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0) fail("connect");
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(events, EPOLL_CTL_ADD, c->fd, &event);
        group->idle = c;
    }
}

// Gives idle connections what is due.
static void dispatch(struct group *group, double time) {
    while (group->idle && !group->ended) {
        double begun = time;
        if (group->rate > 0) {
            if (group->due > time) return;
            begun = group->due;
            group->due += group->pipeline / group->rate;
        }
        struct connection *c = group->idle;
        group->idle = c->next_idle;
        send_next(c, begun);
        if (c->waiting == 0) group->ended = 1;
    }
}

int main(int count, char **arguments) {
    if (count < 6 || count > 5 + GROUPS_MAX) return fprintf(stderr, "see client.c\n"), 2;
    static struct group groups[GROUPS_MAX];
    int group_count = count - 5, events = epoll_create1(0), has_once = 0;
    key_count = strtoull(arguments[2], NULL, 10);
    value_bytes = strtoull(arguments[3], NULL, 10);
    double limit = atof(arguments[4]);
    if (value_bytes < 1 || value_bytes > VALUE_MAX) return 2;
    prctl(PR_SET_TIMERSLACK, 1000);
    for (int i = 0; i < group_count; i++) {
        groups[i] = parse(arguments[5 + i]);
        has_once |= groups[i].order == ONCE;
        open_connections(&groups[i], atoi(arguments[1]), events);
    }
    double begun = now(), time = begun;
    for (int i = 0; i < group_count; i++) groups[i].due = begun;
    for (;;) {
        int busy = 0, open = 0, writing = 0;
        double due = time + 1;
        for (int i = 0; i < group_count; i++) {
            struct group *group = &groups[i];
            if (!has_once && time - begun >= limit) group->ended = 1;
            dispatch(group, time);
            writing += group->order == ONCE && (group->busy > 0 || !group->ended);
            if (group->rate > 0 && group->idle && !group->ended && group->due < due) due = group->due;
        }
        for (int i = 0; i < group_count; i++) {
            if (has_once && writing == 0) groups[i].ended = 1;
            busy += groups[i].busy;
            open += !groups[i].ended;
        }
        if (busy == 0 && open == 0) break;
        struct epoll_event ready[16];
        double wait = due - now();
        struct timespec timeout = {0, wait > 0 ? (long)(wait * 1e9) : 0};
        if (timeout.tv_nsec > 999999999) timeout.tv_nsec = 999999999;
        int n = epoll_pwait2(events, ready, 16, &timeout, NULL);
        time = now();
        for (int i = 0; i < n; i++) {
            struct connection *c = ready[i].data.ptr;
            if (!receive(c)) continue;
            note_latency(c->group, time - c->begun);
            c->group->last = time;
            c->group->busy--;
            c->next_idle = c->group->idle;
            c->group->idle = c;
        }
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
        + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    for (int i = 0; i < group_count; i++) {
        struct group *g = &groups[i];
        double seconds = g->last - begun;
        printf("{\"group\": \"%s\", \"requests\": %lu, \"seconds\": %.3f, \"rate\": %.0f, \"gets\": %lu, "
               "\"missing\": %lu, \"wrong\": %lu, \"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, "
               "\"max\": %.1f, \"busy\": %.3f}\n", g->name, g->requests, seconds,
            seconds > 0 ? (double)g->requests / seconds : 0, g->gets, g->missing, g->wrong,
            percentile(g, 0.5), percentile(g, 0.99), percentile(g, 0.999), g->longest * 1e6,
            seconds > 0 ? cpu / seconds : 0);
    }
    return 0;
}
