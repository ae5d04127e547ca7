/* A stand-in for Broker Work's GET /v1/api/account/info?serverId=N&accountId=a,b,c that costs nearly nothing, so that what
 * is measured is whoever asks. One thread, one epoll, loopback only; answers are made on the fly from the login's digits.
 *
 *     vendor PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 4096
#define FIRST_LOGIN 3000000
#define HEAD "{\"data\":["
#define TAIL "],\"mcode\":\"m0000000\",\"result\":true}"

typedef struct {
    char *bytes;
    size_t length, room;
} Buffer;

static Buffer in[MOST], out[MOST], body;
static size_t written[MOST];
static int poll_fd;

static void reserve(Buffer *buffer, size_t more) {
    if (buffer->length + more <= buffer->room) return;
    buffer->room = (buffer->length + more) * 2;
    buffer->bytes = realloc(buffer->bytes, buffer->room);
    if (!buffer->bytes) abort();
}

static void append(Buffer *buffer, const char *bytes, size_t length) {
    reserve(buffer, length);
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

static void watch(int fd, int operation, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(poll_fd, operation, fd, &event);
}

static void let_go(int fd) {
    close(fd);
    in[fd].length = out[fd].length = written[fd] = 0;
}

static void flush_out(int fd) {
    while (written[fd] < out[fd].length) {
        ssize_t sent = send(fd, out[fd].bytes + written[fd], out[fd].length - written[fd], MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            watch(fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return;
        }
        if (sent < 0) {
            let_go(fd);
            return;
        }
        written[fd] += sent;
    }
    out[fd].length = written[fd] = 0;
    watch(fd, EPOLL_CTL_MOD, EPOLLIN);
}

static void account(long login) {
    static const char *groups[] = {"Default", "HFT", "Basic_IL2"}, *currencies[] = {"USD", "EUR"};
    static const int leverages[] = {20, 100, 300, 500};
    long client = (login - FIRST_LOGIN) / 2, which = (login - FIRST_LOGIN) & 1;
    reserve(&body, 512);
    body.length += sprintf(
        body.bytes + body.length,
        "%s{\"accountType\":\"HEDGED\",\"currency\":\"%s\",\"enable\":1,\"frenchRisk\":false,\"group\":\"%s\",\"leadSource\":\"\","
        "\"leverage\":%d,\"login\":\"%ld\",\"maxLeverage\":0,\"readOnly\":0,\"regdate\":\"2016-10-05 15:52:47\",\"sendReports\":0,"
        "\"swapFree\":false,\"totalMarginCalculationType\":\"MAX\"}",
        body.bytes[body.length - 1] == '[' ? "" : ",", currencies[(client + which) % 2], groups[(client + which) % 3],
        leverages[login & 3], login);
}

static void answer(int fd, char *request, size_t length) {
    char *at = memmem(request, length, "accountId=", 10), head[160];
    body.length = 0;
    append(&body, HEAD, sizeof HEAD - 1);
    for (at = at ? at + 10 : request + length; *at >= '0' && *at <= '9';) {
        account(strtol(at, &at, 10));
        if (*at == ',') at += 1;
        else if (!strncasecmp(at, "%2c", 3)) at += 3;
    }
    append(&body, TAIL, sizeof TAIL - 1);
    size_t n = sprintf(head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body.length);
    append(&out[fd], head, n);
    append(&out[fd], body.bytes, body.length);
}

static void take(int fd) {
    char *end;
    while (in[fd].length >= 4 && (end = memmem(in[fd].bytes, in[fd].length, "\r\n\r\n", 4))) {
        size_t length = end - in[fd].bytes + 4;
        answer(fd, in[fd].bytes, length);
        in[fd].length -= length;
        memmove(in[fd].bytes, in[fd].bytes + length, in[fd].length);
    }
    flush_out(fd);
}

static void readable(int fd) {
    for (;;) {
        reserve(&in[fd], 65536);
        ssize_t got = recv(fd, in[fd].bytes + in[fd].length, 65536, 0);
        if (got > 0) {
            in[fd].length += got;
            continue;
        }
        if (got == 0 || errno != EAGAIN) {
            let_go(fd);
            return;
        }
        break;
    }
    take(fd);
}

static void accept_all(int listener) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MOST) {
            close(fd);
            continue;
        }
        setsockopt(fd, SOL_TCP, TCP_NODELAY, &yes, sizeof yes);
        watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
}

int main(int count, char **arguments) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event events[256];
    if (count != 2) return fputs("usage: vendor PORT\n", stderr), 2;
    address.sin_port = htons(atoi(arguments[1]));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 512)) return perror("vendor"), 1;
    poll_fd = epoll_create1(0);
    watch(listener, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        int ready = epoll_wait(poll_fd, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) accept_all(listener);
            else {
                if (events[i].events & EPOLLOUT) flush_out(fd);
                if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(fd);
            }
        }
    }
}
