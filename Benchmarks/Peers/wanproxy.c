/* wanproxy TARGET_PORT DELAY_MS MBIT [WINDOW_MB]: a link between its own port, which it prints, and TARGET_PORT.
 *
 * Each direction carries MBIT Mbit/s, shared by all connections, and every byte arrives DELAY_MS after it has left. A
 * connection may have WINDOW_MB (64) on its way in each direction, as a TCP window of that size would allow: it is the
 * delay and the bandwidth that are looked at here, not the kernel's defaults. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 64 << 10, MOST = 256 };
/* Seconds that this process may be late without the link counting as idle. */
#define LATE 0.05

/* Bytes on their way. */
struct chunk {
    struct chunk *next;
    double due;
    size_t begin, end;
    char bytes[CHUNK];
};

/* One direction of one connection. */
struct flow {
    int from, to, ended, closed;
    double end_due;
    size_t queued;
    struct chunk *first, *last;
};

struct pair {
    int used;
    struct flow there, back;
};

static struct pair pairs[MOST];
static struct chunk *spare;
/* When each direction of the link is free again. */
static double link_free[2];
static double delay, bytes_per_second;
static size_t window;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void prepare(int s) {
    int one = 1;
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(s, F_SETFL, fcntl(s, F_GETFL) | O_NONBLOCK);
}

static void take(struct flow *flow, double *free_at, double time) {
    struct chunk *chunk = spare ? spare : malloc(sizeof *chunk);
    if (!chunk) fail("malloc");
    if (spare) spare = spare->next;
    ssize_t n = read(flow->from, chunk->bytes, CHUNK);
    if (n <= 0) {
        chunk->next = spare;
        spare = chunk;
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        flow->ended = 1;
        flow->end_due = time + delay;
        return;
    }
    /* A turn that comes late takes nothing from the link: what waited here was on its way in the meantime. */
    if (*free_at < time - LATE) *free_at = time - LATE;
    *free_at += (double)n / bytes_per_second;
    chunk->due = *free_at + delay;
    chunk->begin = 0;
    chunk->end = (size_t)n;
    chunk->next = NULL;
    if (flow->last) flow->last->next = chunk; else flow->first = chunk;
    flow->last = chunk;
    flow->queued += (size_t)n;
}

static void give(struct flow *flow, double time) {
    while (flow->first && flow->first->due <= time) {
        struct chunk *chunk = flow->first;
        ssize_t n = write(flow->to, chunk->bytes + chunk->begin, chunk->end - chunk->begin);
        if (n < 0) {
            if (errno == EAGAIN || errno == EINTR) return;
            flow->ended = 1;
            n = (ssize_t)(chunk->end - chunk->begin);
        }
        chunk->begin += (size_t)n;
        flow->queued -= (size_t)n;
        if (chunk->begin < chunk->end) return;
        flow->first = chunk->next;
        if (!flow->first) flow->last = NULL;
        chunk->next = spare;
        spare = chunk;
    }
    if (flow->ended && !flow->first && !flow->closed && flow->end_due <= time) {
        flow->closed = 1;
        shutdown(flow->to, SHUT_WR);
    }
}

static void accept_one(int listener, struct sockaddr_in *target) {
    int a = accept(listener, NULL, NULL);
    if (a < 0) return;
    int b = socket(AF_INET, SOCK_STREAM, 0), i = 0;
    while (i < MOST && pairs[i].used) i++;
    if (i == MOST || b < 0 || connect(b, (struct sockaddr *)target, sizeof *target)) {
        close(a);
        close(b);
        return;
    }
    prepare(a);
    prepare(b);
    memset(&pairs[i], 0, sizeof pairs[i]);
    pairs[i].used = 1;
    pairs[i].there.from = pairs[i].back.to = a;
    pairs[i].there.to = pairs[i].back.from = b;
}

static void serve(struct flow *flow, struct pollfd *in, struct pollfd *out, double *free_at, double time) {
    /* Two milliseconds ahead, so that the link is never idle for want of a turn. */
    for (int i = 0; in && in->revents && !flow->ended && flow->queued < window && *free_at < time + 0.002; i++) {
        size_t before = flow->queued;
        take(flow, free_at, time);
        if (flow->queued == before || i == 16) break;
    }
    if (!out || out->revents || !flow->first || flow->first->due <= time) give(flow, time);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    struct sockaddr_in here, target;
    socklen_t size = sizeof here;
    memset(&here, 0, sizeof here);
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    target = here;
    target.sin_port = htons((uint16_t)atoi(argv[1]));
    delay = atof(argv[2]) / 1e3;
    bytes_per_second = atof(argv[3]) * 1e6 / 8;
    window = (size_t)(argc > 4 ? atoi(argv[4]) : 64) << 20;
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&here, size) || listen(listener, 64)
        || getsockname(listener, (struct sockaddr *)&here, &size))
        fail("listen");
    printf("{\"event\": \"ready\", \"port\": %d}\n", ntohs(here.sin_port));
    fflush(stdout);
    static struct pollfd fds[1 + 2 * MOST];
    static int in_at[2 * MOST], out_at[2 * MOST];
    for (unsigned turn = 0;; turn++) {
        double time = now(), wake = time + 0.5;
        int count = 1;
        fds[0] = (struct pollfd){listener, POLLIN, 0};
        for (int i = 0; i < 2 * MOST; i++) {
            struct pair *pair = &pairs[i / 2];
            struct flow *flow = i % 2 ? &pair->back : &pair->there;
            in_at[i] = out_at[i] = 0;
            if (!pair->used) continue;
            if (!flow->ended && flow->queued < window) {
                if (link_free[i % 2] < time + 0.002) {
                    in_at[i] = count;
                    fds[count++] = (struct pollfd){flow->from, POLLIN, 0};
                } else if (link_free[i % 2] - 0.001 < wake) {
                    wake = link_free[i % 2] - 0.001;
                }
            }
            if (flow->first && flow->first->due <= time) {
                out_at[i] = count;
                fds[count++] = (struct pollfd){flow->to, POLLOUT, 0};
            } else if (flow->first && flow->first->due < wake) {
                wake = flow->first->due;
            } else if (flow->ended && !flow->closed && flow->end_due < wake) {
                wake = flow->end_due;
            }
        }
        double pause = wake > time ? wake - time : 0;
        struct timespec wait = {(time_t)pause, (long)((pause - (double)(time_t)pause) * 1e9)};
        if (ppoll(fds, (nfds_t)count, &wait, NULL) < 0 && errno != EINTR) fail("ppoll");
        time = now();
        for (int k = 0; k < 2 * MOST; k++) {
            /* Connections take turns at the head. */
            int i = (int)((unsigned)k + turn) % (2 * MOST);
            struct pair *pair = &pairs[i / 2];
            if (!pair->used) continue;
            struct flow *flow = i % 2 ? &pair->back : &pair->there;
            serve(flow, in_at[i] ? &fds[in_at[i]] : NULL, out_at[i] ? &fds[out_at[i]] : NULL, &link_free[i % 2], time);
            if (pair->there.closed && pair->back.closed) {
                close(pair->there.from);
                close(pair->there.to);
                pair->used = 0;
            }
        }
        if (fds[0].revents) accept_one(listener, &target);
    }
}
