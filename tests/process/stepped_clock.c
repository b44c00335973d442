/* The wall clock of one process, stepped: preloaded, and set through `clock_step`. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

long clock_step = 0;    /* seconds */

int clock_gettime(clockid_t clock, struct timespec *when)
{
    int failed = (int) syscall(SYS_clock_gettime, clock, when);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        when->tv_sec += clock_step;
    return failed;
}

int gettimeofday(struct timeval *when, void *zone)
{
    struct timespec now;
    (void) zone;
    clock_gettime(CLOCK_REALTIME, &now);
    when->tv_sec = now.tv_sec;
    when->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *where)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where)
        *where = now.tv_sec;
    return now.tv_sec;
}
