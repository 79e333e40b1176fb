/* Threads that live from call to call, and a barrier within one. Whoever waits spins for a while,
 * since the barriers of a step are microseconds apart, and then sleeps. */
#include "thread_pool.h"

#include "eetui.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SPINS = 5000 };

typedef struct {
    ThreadPool *pool;
    int index;
    pthread_t thread;
} Worker;

struct ThreadPool {
    int size;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    Work *work;
    const void *job;
    int threads;                /* of the present call */
    atomic_int calls, finished; /* counted up; what others wait for */
    atomic_int busy;            /* threads that have not finished the present call */
    atomic_int arrived, barriers;
    atomic_int ending;
    Worker workers[MAX_THREADS];
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void await_change(ThreadPool *pool, atomic_int *number, int old) {
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(number, memory_order_acquire) != old) return;
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load(number) == old) pthread_cond_wait(&pool->changed, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

static void change(ThreadPool *pool, atomic_int *number) {
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(number, 1);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}

void eetui_barrier(ThreadPool *pool) {
    int now = atomic_load(&pool->barriers);
    if (atomic_fetch_add(&pool->arrived, 1) + 1 == pool->threads) {
        atomic_store(&pool->arrived, 0);
        change(pool, &pool->barriers);
    } else {
        await_change(pool, &pool->barriers, now);
    }
}

static void *serve(void *argument) {
    Worker *worker = argument;
    ThreadPool *pool = worker->pool;
    for (int call = 0;; call++) {
        await_change(pool, &pool->calls, call);
        if (atomic_load(&pool->ending)) return NULL;
        if (worker->index < pool->threads) pool->work(pool->job, worker->index);
        if (atomic_fetch_sub(&pool->busy, 1) == 1) change(pool, &pool->finished);
    }
}

void eetui_pool_run(ThreadPool *pool, int threads, Work *work, const void *job) {
    int finished = atomic_load(&pool->finished);
    pool->work = work;
    pool->job = job;
    pool->threads = threads;
    atomic_store(&pool->busy, pool->size - 1);
    change(pool, &pool->calls);
    work(job, 0);
    if (pool->size > 1) await_change(pool, &pool->finished, finished);
}

int eetui_pool_size(const ThreadPool *pool) { return pool->size; }

void *eetui_pool_create(int64_t threads) {
    if (threads < 1 || threads > MAX_THREADS) return NULL;
    ThreadPool *pool = calloc(1, sizeof *pool);
    if (!pool) return NULL;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->changed, NULL);
    pool->size = 1;
    while (pool->size < threads) {
        Worker *worker = &pool->workers[pool->size];
        worker->pool = pool;
        worker->index = pool->size;
        if (pthread_create(&worker->thread, NULL, serve, worker)) {
            eetui_pool_destroy(pool);
            return NULL;
        }
        pool->size++;
    }
    return pool;
}

void eetui_pool_destroy(void *handle) {
    ThreadPool *pool = handle;
    if (!pool) return;
    atomic_store(&pool->ending, 1);
    change(pool, &pool->calls);
    for (int i = 1; i < pool->size; i++) pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}
