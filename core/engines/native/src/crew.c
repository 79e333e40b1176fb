/* Threads that live from call to call, and a meeting point within one. Whoever waits spins for a
 * while, since meetings of a step are microseconds apart, and then sleeps. */
#include "crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SPINS = 5000 };

typedef struct {
    Crew *crew;
    int place;
    pthread_t thread;
} Seat;

struct Crew {
    int size;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    Work *work;
    const void *job;
    int party;                       /* threads of the present call */
    atomic_int calls, finished;      /* counted up; what others wait for */
    atomic_int busy;                 /* threads that have not finished the present call */
    atomic_int arrived, meetings;
    atomic_int ending;
    Seat seats[MAX_CREW];
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void await_change(Crew *crew, atomic_int *number, int old) {
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(number, memory_order_acquire) != old) return;
        relax();
    }
    pthread_mutex_lock(&crew->mutex);
    while (atomic_load(number) == old) pthread_cond_wait(&crew->changed, &crew->mutex);
    pthread_mutex_unlock(&crew->mutex);
}

static void change(Crew *crew, atomic_int *number) {
    pthread_mutex_lock(&crew->mutex);
    atomic_fetch_add(number, 1);
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->mutex);
}

void eetui_crew_meet(Crew *crew) {
    int now = atomic_load(&crew->meetings);
    if (atomic_fetch_add(&crew->arrived, 1) + 1 == crew->party) {
        atomic_store(&crew->arrived, 0);
        change(crew, &crew->meetings);
    } else {
        await_change(crew, &crew->meetings, now);
    }
}

static void *serve(void *argument) {
    Seat *seat = argument;
    Crew *crew = seat->crew;
    for (int call = 0;; call++) {
        await_change(crew, &crew->calls, call);
        if (atomic_load(&crew->ending)) return NULL;
        if (seat->place < crew->party) crew->work(crew->job, seat->place);
        if (atomic_fetch_sub(&crew->busy, 1) == 1) change(crew, &crew->finished);
    }
}

void eetui_crew_run(Crew *crew, int party, Work *work, const void *job) {
    int finished = atomic_load(&crew->finished);
    crew->work = work;
    crew->job = job;
    crew->party = party;
    atomic_store(&crew->busy, crew->size - 1);
    change(crew, &crew->calls);
    work(job, 0);
    if (crew->size > 1) await_change(crew, &crew->finished, finished);
}

int eetui_crew_size(const Crew *crew) { return crew->size; }

void *eetui_crew_create(int64_t threads) {
    if (threads < 1 || threads > MAX_CREW) return NULL;
    Crew *crew = calloc(1, sizeof *crew);
    if (!crew) return NULL;
    pthread_mutex_init(&crew->mutex, NULL);
    pthread_cond_init(&crew->changed, NULL);
    crew->size = 1;
    while (crew->size < threads) {
        Seat *seat = &crew->seats[crew->size];
        seat->crew = crew;
        seat->place = crew->size;
        if (pthread_create(&seat->thread, NULL, serve, seat)) {
            eetui_crew_destroy(crew);
            return NULL;
        }
        crew->size++;
    }
    return crew;
}

void eetui_crew_destroy(void *handle) {
    Crew *crew = handle;
    if (!crew) return;
    atomic_store(&crew->ending, 1);
    change(crew, &crew->calls);
    for (int i = 1; i < crew->size; i++) pthread_join(crew->seats[i].thread, NULL);
    pthread_cond_destroy(&crew->changed);
    pthread_mutex_destroy(&crew->mutex);
    free(crew);
}
