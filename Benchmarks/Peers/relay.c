/* relay [BYTES]: a process that reads BYTES from a TCP connection, takes their CRC-32C and writes them to another one.
 *
 * The least that any mirror has to do. Source and sink are child processes, so the CPU time printed is the relay's own. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include "CSupport.h"

enum { CHUNK = 256 << 10 };
static char buffer[CHUNK];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int listen_any(struct sockaddr_in *address) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof *address;
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (s < 0 || bind(s, (struct sockaddr *)address, size) || listen(s, 1)
        || getsockname(s, (struct sockaddr *)address, &size))
        fail("listen");
    return s;
}

static int connect_to(struct sockaddr_in *address) {
    int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (s < 0 || connect(s, (struct sockaddr *)address, sizeof *address)) fail("connect");
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return s;
}

static void write_all(int s, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t n = write(s, bytes, count);
        if (n <= 0) fail("write");
        bytes += n;
        count -= (size_t)n;
    }
}

int main(int argc, char **argv) {
    long long total = argc > 1 ? atoll(argv[1]) : 1LL << 30;
    struct sockaddr_in source_address, sink_address;
    int source_listener = listen_any(&source_address), sink_listener = listen_any(&sink_address);
    pid_t source = fork();
    if (source == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int s = accept(source_listener, NULL, NULL);
        for (size_t i = 0; i < CHUNK; i++) buffer[i] = (char)(i * 2654435761u >> 13);
        for (long long left = total; left > 0; left -= CHUNK)
            write_all(s, buffer, left < CHUNK ? (size_t)left : CHUNK);
        _exit(0);
    }
    pid_t sink = fork();
    if (sink == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int s = accept(sink_listener, NULL, NULL);
        while (read(s, buffer, CHUNK) > 0) {}
        _exit(0);
    }
    int in = connect_to(&source_address), out = connect_to(&sink_address);
    double begin = now();
    uint32_t crc = 0;
    long long moved = 0;
    for (;;) {
        ssize_t n = read(in, buffer, CHUNK);
        if (n <= 0) break;
        crc = csupport_crc32c(crc, buffer, (size_t)n);
        write_all(out, buffer, (size_t)n);
        moved += n;
    }
    close(out);
    waitpid(sink, NULL, 0);
    waitpid(source, NULL, 0);
    double seconds = now() - begin;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"bytes\": %lld, \"seconds\": %.4f, \"user\": %.4f, \"system\": %.4f, \"switches\": %ld, \"crc\": %u}\n",
           moved, seconds, usage.ru_utime.tv_sec + usage.ru_utime.tv_usec / 1e6,
           usage.ru_stime.tv_sec + usage.ru_stime.tv_usec / 1e6, usage.ru_nvcsw + usage.ru_nivcsw, crc);
    return moved == total ? 0 : 1;
}
