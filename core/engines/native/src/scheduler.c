#if defined(__linux__)

#define _GNU_SOURCE
#include "scheduler.h"

#include <linux/futex.h>
#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EVERYBODY = 0x7fffffff };

_Static_assert(sizeof(atomic_uint) == 4, "what the kernel compares has four bytes");

void eetui_sleep_while(atomic_uint *number, unsigned old) {
    syscall(SYS_futex, number, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
}

void eetui_wake_all(atomic_uint *number) {
    syscall(SYS_futex, number, FUTEX_WAKE_PRIVATE, EVERYBODY, NULL, NULL, 0);
}

int eetui_core(void) { return sched_getcpu(); }

void eetui_keep_off(pthread_t thread, int core) {
    cpu_set_t cores;
    if (core < 0 || core >= CPU_SETSIZE) return;
    if (pthread_getaffinity_np(pthread_self(), sizeof cores, &cores)) return;
    CPU_CLR((size_t)core, &cores);
    if (CPU_COUNT(&cores)) pthread_setaffinity_np(thread, sizeof cores, &cores);
}

#else

#include "scheduler.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

void eetui_sleep_while(atomic_uint *number, unsigned old) {
    pthread_mutex_lock(&mutex);
    while (atomic_load(number) == old) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

void eetui_wake_all(atomic_uint *number) {
    (void)number;
    pthread_mutex_lock(&mutex);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

int eetui_core(void) { return -1; }

void eetui_keep_off(pthread_t thread, int core) { (void)thread, (void)core; }

#endif
