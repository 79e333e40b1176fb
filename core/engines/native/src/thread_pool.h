/* Threads that live from call to call and share work: see thread_pool.c. */
#ifndef THREAD_POOL_H
#define THREAD_POOL_H

#include <stdint.h>

#include "limits.h"

typedef struct ThreadPool ThreadPool;

/* One part of a job, on a thread: 0 is the caller's own. */
typedef void Work(void *job, int thread, int part);

/* How many threads work together at most, the caller's own included. */
int eetui_pool_size(const ThreadPool *pool);

/* The floating-point mode of the caller is that of all threads from here on. */
void eetui_pool_begin(ThreadPool *pool);

/* work(job, thread, part) once for each part below `threads`, on those of the first `threads` threads
 * that are awake; returns when all are done. */
void eetui_share(ThreadPool *pool, int threads, Work *work, void *job);

#endif
