/* What threads ask of the system's scheduler: on Linux its futex and its masks of cores, elsewhere a
 * condition variable that all sleepers share, and nothing about cores. */
#ifndef SCHEDULER_H
#define SCHEDULER_H

#include <pthread.h>
#include <stdatomic.h>

/* Return when *number is not `old` any more; may return earlier. */
void eetui_sleep_while(atomic_uint *number, unsigned old);

/* Wake all who sleep on a number, which was changed before. */
void eetui_wake_all(atomic_uint *number);

/* The core that the caller runs on; -1 if nobody can tell. */
int eetui_core(void);

/* Have a thread run on the cores that the caller may use, but for one of them, if there are others. */
void eetui_keep_off(pthread_t thread, int core);

#endif
