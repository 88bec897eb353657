/* Ends the requests of a run that is stopped. httpfs asks nobody while it waits for a server, and
 * gives no way to its connections but their file descriptors. See s3.h. */
#include <pthread.h>
#include <sys/socket.h>

#include "connectors/s3.h"

enum { MOST = 1024 };

static struct {
    pthread_mutex_t lock;
    size_t links;       /* at work */
    bool older[MOST];   /* sockets that were there before the first of them: not httpfs's */
} active = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_network_stream(int fd) {
    int domain = 0, type = 0;
    socklen_t size = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return false;
    size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return false;
    return type == SOCK_STREAM && (domain == AF_INET || domain == AF_INET6);
}

void s3_began(S3 *s3) {
    pthread_mutex_lock(&active.lock);
    if (!s3->interruptible && active.links++ == 0)
        for (int fd = 0; fd < MOST; fd++) active.older[fd] = is_network_stream(fd);
    s3->interruptible = true;
    pthread_mutex_unlock(&active.lock);
}

void s3_ended(S3 *s3) {
    pthread_mutex_lock(&active.lock);
    if (s3->interruptible) active.links--;
    s3->interruptible = false;
    pthread_mutex_unlock(&active.lock);
}

void s3_interrupt(void) {
    pthread_mutex_lock(&active.lock);
    for (int fd = 0; active.links > 0 && fd < MOST; fd++)
        if (!active.older[fd] && is_network_stream(fd)) shutdown(fd, SHUT_RDWR);
    pthread_mutex_unlock(&active.lock);
}
