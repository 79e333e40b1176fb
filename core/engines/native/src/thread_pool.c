/* Threads that live from call to call and share work in parts.
 *
 * The caller opens a job, takes parts of it itself and waits for those alone that others have begun.
 * So a thread that the system does not run delays it only if it was stopped within a part. Where that
 * has cost more than the threads had gained, the caller does everything alone for a while. Whoever waits spins for a moment, since jobs are microseconds apart, and then sleeps.
 */
#include "thread_pool.h"

#include "eetui.h"
#include "scheduler.h"

#include <fenv.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum {
    SPINS = 2000,        /* looks at a number before sleeping: some 20 to 50 us */
    PATIENCE_NS = 20000, /* beyond what the caller's own parts took, for those of others */
    LEAST_GAIN = 4,      /* a quarter of the time together */
    ALONE_FOR = 32,      /* times what was lost */
    THREADS_AT = MAX_THREADS,
    NUMBER_AT = THREADS_AT + 4,
    LINE = 64
};

static const int64_t LONGEST_ALONE_NS = 4000000000;

typedef struct {
    ThreadPool *pool;
    int index;
    pthread_t thread;
} Worker;

struct ThreadPool {
    /* From the top: the number of the job; how many threads it is for, which is how many parts it
     * has; a bit for each part, set if it is taken. */
    _Alignas(LINE) atomic_uint open;
    _Alignas(LINE) atomic_uint done;   /* parts that others than the caller have finished */
    _Alignas(LINE) atomic_uint asleep; /* whether a worker sleeps, or is about to */
    atomic_uint caller_sleeps;
    atomic_uint ending;
    /* The caller writes these while no job is open. */
    _Alignas(LINE) Work *work;
    void *job;
    fenv_t mode;
    unsigned calls;
    /* The caller's own. */
    int64_t alone_until, together_since;
    int size, core;
    Worker workers[MAX_THREADS];
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Take a part of the open job, the thread's own if it is free; -1 if there is none for it, which
 * *seen then says. */
static int take_part(ThreadPool *pool, int thread, unsigned *seen) {
    unsigned open = atomic_load_explicit(&pool->open, memory_order_acquire);
    for (;;) {
        int threads = open >> THREADS_AT & 15;
        unsigned left = ~open & ((1u << threads) - 1);
        *seen = open;
        if (!left || thread >= threads) return -1;
        int part = left >> thread & 1 ? thread : __builtin_ctz(left);
        if (atomic_compare_exchange_weak_explicit(&pool->open, &open, open | 1u << part,
                                                  memory_order_acq_rel, memory_order_acquire))
            return part;
    }
}

/* Return when a job may have been opened since `seen`. */
static void await_job(ThreadPool *pool, unsigned seen) {
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&pool->open, memory_order_relaxed) != seen) return;
        relax();
    }
    atomic_store(&pool->asleep, 1);
    if (atomic_load(&pool->open) == seen) eetui_sleep_while(&pool->open, seen);
}

static void open_job(ThreadPool *pool, int threads) {
    unsigned number = atomic_load_explicit(&pool->open, memory_order_relaxed) >> NUMBER_AT;
    atomic_store(&pool->open, (number + 1) << NUMBER_AT | (unsigned)threads << THREADS_AT);
    if (atomic_load(&pool->asleep) && atomic_exchange(&pool->asleep, 0))
        eetui_wake_all(&pool->open);
}

static void *serve(void *argument) {
    Worker *worker = argument;
    ThreadPool *pool = worker->pool;
    unsigned seen, calls = 0;
    while (!atomic_load_explicit(&pool->ending, memory_order_acquire)) {
        int part = take_part(pool, worker->index, &seen);
        if (part < 0) {
            await_job(pool, seen);
            continue;
        }
        if (calls != pool->calls) fesetenv(&pool->mode);
        calls = pool->calls;
        pool->work(pool->job, worker->index, part);
        atomic_fetch_add(&pool->done, 1);
        if (atomic_load(&pool->caller_sleeps)) eetui_wake_all(&pool->done);
    }
    return NULL;
}

/* Others were late by so much. What that cost beyond what they had gained before is at most a small
 * share of the time for which the caller then goes alone. */
static void go_alone(ThreadPool *pool, int64_t late_ns) {
    int64_t now = now_ns(), gained = (now - late_ns - pool->together_since) / LEAST_GAIN;
    int64_t alone = (late_ns - gained) * ALONE_FOR;
    if (alone < 0) alone = 0;
    if (alone > LONGEST_ALONE_NS) alone = LONGEST_ALONE_NS;
    pool->alone_until = pool->together_since = now + alone;
}

/* Wait for the parts that others have taken: as long again as the job has taken so far, and then
 * asleep, so that who is late can have this core. */
static void await_parts(ThreadPool *pool, unsigned expected, int64_t begun) {
    unsigned done;
    int64_t from = 0, limit = 0;
    for (int i = 0; (done = atomic_load(&pool->done)) != expected; i++) {
        relax();
        if (i % 64 != 63) continue;
        int64_t now = now_ns();
        if (!from) {
            from = now;
            limit = now - begun + PATIENCE_NS;
        }
        if (now - from > limit) break;
    }
    if (done == expected) return;
    atomic_store(&pool->caller_sleeps, 1);
    while ((done = atomic_load(&pool->done)) != expected) eetui_sleep_while(&pool->done, done);
    atomic_store(&pool->caller_sleeps, 0);
    go_alone(pool, now_ns() - from);
}

void eetui_share(ThreadPool *pool, int threads, Work *work, void *job) {
    int64_t begun = now_ns();
    if (begun < pool->alone_until) {
        for (int i = 0; i < threads; i++) work(job, 0, i);
        return;
    }
    pool->work = work;
    pool->job = job;
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    open_job(pool, threads);
    unsigned own = 0, seen;
    for (int part; (part = take_part(pool, 0, &seen)) >= 0; own++) work(job, 0, part);
    await_parts(pool, (unsigned)threads - own, begun);
}

void eetui_pool_begin(ThreadPool *pool) {
    fegetenv(&pool->mode);
    pool->calls++;
    /* Beside the caller on its own core, a thread could only take time from it. */
    int core = eetui_core();
    if (core == pool->core) return;
    pool->core = core;
    for (int i = 1; i < pool->size; i++) eetui_keep_off(pool->workers[i].thread, core);
}

int eetui_pool_size(const ThreadPool *pool) { return pool->size; }

void *eetui_pool_create(int64_t threads) {
    if (threads < 1 || threads > MAX_THREADS) return NULL;
    ThreadPool *pool = aligned_alloc(LINE, sizeof *pool);
    if (!pool) return NULL;
    *pool = (ThreadPool){.size = 1, .core = -1};
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
    atomic_fetch_add(&pool->open, 1u << NUMBER_AT);
    eetui_wake_all(&pool->open);
    for (int i = 1; i < pool->size; i++) pthread_join(pool->workers[i].thread, NULL);
    free(pool);
}
