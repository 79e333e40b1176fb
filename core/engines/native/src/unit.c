/* One instruction set: this file is compiled once for each, with UNIT, LANES and the flags of the
 * set. Everything but the table at the end is static, so no other unit can end up with its code. */
#if LANES == 16 && (defined(EETUI_AMX) || defined(EETUI_AMX_MODEL))
#include "amx.h"
#define HAS_AMX
#endif
#include "outer.h"
#include "sample.h"
#include "step.h"
#if defined(EETUI_SME2)
#include "sme2_queue.h"
#endif

/* What this unit can compute its products with, by the numbers of eetui.h. */
static const Kernels *const KERNELS[EETUI_MATRIX_AMX_SPLIT + 1] = {
    [EETUI_MATRIX_OFF] = &REGISTER_KERNELS,
    [EETUI_MATRIX_TILE] = &TILE_KERNELS,
#if defined(EETUI_SME2)
    [EETUI_MATRIX_SME2] = &SME2_KERNELS,
#endif
#if defined(HAS_AMX)
    [EETUI_MATRIX_AMX] = &AMX_KERNELS,
    [EETUI_MATRIX_AMX_SPLIT] = &AMX_SPLIT_KERNELS,
#endif
};

static int has_matrix(int64_t matrix) { return KERNELS[matrix] != NULL; }

static int64_t memory(const eetui_run *run) {
    Plan p;
    return plan_of(&p, run, KERNELS[run->matrix], NULL, 0);
}

static void train(const eetui_run *run, int thread, int64_t *ticks) {
    Plan p;
    plan_of(&p, run, KERNELS[run->matrix], run->memory, thread);
    Clock clock = {ticks, clock_ticks()};
    int64_t begin = clock.since;
    int update = !run->grads && !run->forward_only;
    int64_t seen = (int64_t)p.T * p.V;
    for (int64_t i = 0; i < seen; i++) p.seen[i] = -1;
    for (int i = 0; i < p.max_rows; i++) p.piece.itself[i] = i;
    if (thread == 0) {
        memset(p.p, 0, 4 * (size_t)p.n_working);
        move_weights(&p, run->params, p.p, 0);
        if (update) {
            memset(p.m, 0, 4 * (size_t)p.n_working);
            memset(p.v, 0, 4 * (size_t)p.n_working);
            move_weights(&p, run->m, p.m, 0);
            move_weights(&p, run->v, p.v, 0);
        }
    }
    memset(p.g[thread], 0, 4 * (size_t)p.n_working);
    if (p.threads > 1) eetui_crew_meet(run->crew);
    if (p.kernels->enter) p.kernels->enter(&p);
    lap(&clock, ADAM);
    for (int i = 0; i < run->n_steps; i++) one_step(&p, i, &clock);
    if (p.kernels->leave) p.kernels->leave(&p);
    if (thread == 0) {
        if (run->grads) {
            move_weights(&p, run->grads, p.g[0], 1);
        } else if (update) {
            move_weights(&p, run->params, p.p, 1);
            move_weights(&p, run->m, p.m, 1);
            move_weights(&p, run->v, p.v, 1);
        }
    }
    lap(&clock, ADAM);
    if (ticks) ticks[WHOLE] += clock_ticks() - begin;
}

#define NAME_OF(unit) eetui_unit_##unit
#define NAME(unit) NAME_OF(unit)

const Unit NAME(UNIT) = {
    .name = UNIT_NAME,
    .lanes = LANES,
    .has_matrix = has_matrix,
    .memory = memory,
    .sample_memory = sample_memory,
    .train = train,
    .generate = generate,
    .adam = adam_vectors,
};
