/* The clock of a profiled call, and the phases that it books time under. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Places of core/engines/base.py's PHASES among the ticks; the last is the whole call. */
enum { BATCH, NORMS, FORWARD, ATTENTION, LOSS, BACKWARD, WEIGHTS, ADAM, MUON, WHOLE };

/* A counter that runs at a constant rate; only differences mean anything. */
static inline int64_t clock_ticks(void) {
#if defined(__x86_64__)
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (int64_t)((uint64_t)high << 32 | low);
#elif defined(__aarch64__)
    int64_t t;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
    return t;
#else
    return (int64_t)__builtin_readcyclecounter();
#endif
}

typedef struct {
    int64_t *ticks; /* null if nobody asks */
    int64_t since;
} Clock;

/* Book the time since the last lap. */
static inline void lap(Clock *c, int phase) {
    if (!c->ticks) return;
    int64_t now = clock_ticks();
    c->ticks[phase] += now - c->since;
    c->since = now;
}

#endif
