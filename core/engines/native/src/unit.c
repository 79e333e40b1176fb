/* One instruction set: this file is compiled once for each, with UNIT, LANES and the flags of the
 * set. Everything but the table at the end is static, so no other unit can end up with its code. */
#include "unit.h"
#include "clock.h"
#include "peak-inl.h"
#include "products/products-inl.h"
#include "step/sample-inl.h"
#include "step/step-inl.h"

static int has_products(int64_t products) { return KERNELS[products] != NULL; }

static int64_t memory(const eetui_run *run) {
    Plan p;
    return plan_of(&p, run, KERNELS[run->products], NULL, 0);
}

/* What a thread's workspace holds before the first step. */
static void prepare(Plan *p) {
    int64_t seen = (int64_t)p->shape.T * p->shape.V;
    for (int64_t i = 0; i < seen; i++) p->work.seen[i] = -1;
    for (int i = 0; i < p->work.max_rows; i++) p->work.piece.itself[i] = i;
    int own = p->call.thread;
    memset(p->call.counts[own], 0, 8 * EETUI_COUNTS);
    memset(p->call.grads[own], 0, 4 * (size_t)p->layout.n_floats);
}

static void train(const eetui_run *run, int64_t *ticks) {
    Plan plans[MAX_THREADS] = {0}, *p = plans;
    Clock clock = {ticks, clock_ticks()};
    int64_t begin = clock.since;
    int update = !run->grads && !run->forward_only, threads = (int)run->threads;
    for (int t = 0; t < threads; t++) {
        plan_of(&plans[t], run, KERNELS[run->products], run->memory, t);
        plans[t].call.adam = run->adam == EETUI_ADAM_SCALAR ? eetui_unit_scalar.adam : adam_vectors;
        plans[t].work.order = p->work.order;
        prepare(&plans[t]);
    }
    memset(p->call.params, 0, 4 * (size_t)p->layout.n_floats);
    move_weights(p, run->params, p->call.params, 0);
    if (update) {
        memset(p->call.m, 0, 4 * (size_t)p->layout.n_floats);
        memset(p->call.v, 0, 4 * (size_t)p->layout.n_floats);
        move_weights(p, run->m, p->call.m, 0);
        move_weights(p, run->v, p->call.v, 0);
    }
    Steps steps = {.plans = plans, .clock = &clock};
    if (threads > 1) eetui_pool_begin(run->pool);
    refresh(&steps);
    lap(&clock, ADAM);
    for (int i = 0; i < run->n_steps; i++) one_step(&steps, i);
    if (run->grads) {
        move_weights(p, run->grads, p->call.grads[0], 1);
    } else if (update) {
        move_weights(p, run->params, p->call.params, 1);
        move_weights(p, run->m, p->call.m, 1);
        move_weights(p, run->v, p->call.v, 1);
    }
    for (int t = 0; run->counts && t < threads; t++) {
        p->call.counts[t][EETUI_LANES] = LANES;
        for (int i = 0; i < EETUI_COUNTS; i++)
            run->counts[t * EETUI_COUNTS + i] += p->call.counts[t][i];
    }
    lap(&clock, ADAM);
    if (ticks) ticks[WHOLE] += clock_ticks() - begin;
}

#define NAME_OF(unit) eetui_unit_##unit
#define NAME(unit) NAME_OF(unit)

const Unit NAME(UNIT) = {
    .name = UNIT_NAME,
    .lanes = LANES,
    .has_products = has_products,
    .memory = memory,
    .sample_memory = sample_memory,
    .train = train,
    .generate = generate,
    .adam = adam_vectors,
    .multiply_adds = multiply_adds,
};
