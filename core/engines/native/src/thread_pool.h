/* Threads that live from call to call: see thread_pool.c. */
#ifndef THREAD_POOL_H
#define THREAD_POOL_H

#include <stdint.h>

#include "limits.h"

typedef struct ThreadPool ThreadPool;

typedef void Work(const void *job, int thread);

/* How many threads work together at most, the caller's own included. */
int eetui_pool_size(const ThreadPool *pool);

/* work(job, i) for each i below `threads`, 0 by the caller; returns when all are done. */
void eetui_pool_run(ThreadPool *pool, int threads, Work *work, const void *job);

/* Wait until every thread of the call has come here. */
void eetui_barrier(ThreadPool *pool);

#endif
