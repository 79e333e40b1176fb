/* The scratch memory of a call, handed out in aligned pieces: nothing is allocated. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include "kernels.h"

/* Hands out aligned pieces of a block; only counts while `base` is null. */
struct Arena {
    char *base;
    int64_t used;
};

INLINE void *take(Arena *arena, int64_t bytes) {
    void *at = arena->base ? arena->base + arena->used : NULL;
    /* An odd number of lines, so that buffers of like size do not fall onto each other. */
    arena->used += (((bytes + 63) / 64) | 1) * 64;
    return at;
}

INLINE float *take_floats(Arena *arena, int64_t n) { return take(arena, 4 * n); }
INLINE int32_t *take_ints(Arena *arena, int64_t n) { return take(arena, 4 * n); }

/* Buffers of the forward pass for `rows` rows; `kept` layers of them are kept for the backward. */
static void lay_out_forward(Plan *p, Arena *a, int64_t rows, int kept) {
    const Heads *h = &p->heads;
    p->x0 = take_floats(a, rows * p->ld);
    p->r0 = take_floats(a, rows);
    p->x = take_floats(a, rows * p->ld);
    p->rest = take_floats(a, rows * p->ld);
    p->logits = take_floats(a, rows * p->ld_vocab);
    for (int l = 0; l < kept; l++) {
        Layer *k = &p->layer[l];
        k->n1 = take_floats(a, rows * p->ld);
        k->r1 = take_floats(a, rows);
        k->qkv = take_floats(a, rows * p->ld_qkv);
        k->prob = take_floats(a, rows * p->T * h->blocks * LANES);
        k->att = take_floats(a, rows * p->ld_att);
        k->n2 = take_floats(a, rows * p->ld);
        k->r2 = take_floats(a, rows);
        k->hid = take_floats(a, rows * p->ld_ff);
        k->side = p->squared ? take_floats(a, rows * p->ld_ff) : k->hid;
    }
}

static void lay_out_backward(Plan *p, Arena *a, int64_t rows, int64_t batch) {
    const Heads *h = &p->heads;
    Piece *q = &p->piece;
    p->dx = take_floats(a, rows * p->ld);
    p->dn = take_floats(a, rows * p->ld);
    p->dfirst = take_floats(a, rows * p->ld);
    p->datt = take_floats(a, rows * p->ld_att);
    p->dqkv = take_floats(a, rows * p->ld_qkv);
    p->dhid = take_floats(a, rows * p->ld_ff);
    int64_t deep = p->ff > 3 * h->da ? p->ff : 3 * h->da;
    p->turned = take_floats(a, (deep > p->V ? deep + 16 : p->V + 16) * PANEL * LANES);
    p->scores = take_floats(a, (int64_t)p->T * LANES);
    p->keys = take(a, 8 * batch);
    p->order = take_ints(a, batch);
    p->seen = take_ints(a, (int64_t)p->T * p->V);
    int32_t **of_rows[] = {&q->first, &q->depth, &q->path_at, &q->token, &q->place, &q->itself,
                           &q->count, &q->prob_at};
    /* One row more than there can be, which is written but does not count. */
    for (size_t i = 0; i < sizeof of_rows / sizeof *of_rows; i++)
        *of_rows[i] = take_ints(a, rows + 1);
    q->path = take_ints(a, (rows + 1) * p->T);
    q->path_first = take_ints(a, (rows + 1) * p->T);
    int64_t pairs = batch * p->T; /* shared rows take no room, so a piece may hold a whole batch */
    q->pair_row = take_ints(a, pairs);
    q->pair_target = take_ints(a, pairs);
}

static void lay_out_own(Plan *p, Arena *a, int64_t batch) {
    lay_out_forward(p, a, p->max_rows, p->layers);
    lay_out_backward(p, a, p->max_rows, batch);
    if (p->kernels->lay_out) p->own = p->kernels->lay_out(p, a);
}

/* Lay everything out in `base` for one thread; returns the bytes that all threads need. */
static int64_t plan_of(Plan *p, const eetui_run *run, const Kernels *kernels, char *base,
                       int thread) {
    *p = (Plan){.run = run, .kernels = kernels, .thread = thread, .threads = (int)run->threads};
    shape_of(p, run->d_model, run->n_heads, run->n_layers, run->block_size, run->vocab);
    p->tiles = run->tiles != 0;
    p->fused = run->fused != 0;
    p->fast = run->fast_exp != 0;
    p->squared = run->squared != 0;
    lay_out_weights(p, p->fused ? 1 : 3);
    int64_t per_row = (int64_t)p->layers * (3 * p->ld + p->ld_qkv + 2 * p->ld_ff) + 8 * p->ld;
    int64_t rows = PIECE_FLOATS / per_row;
    p->max_rows = (int)(rows < LEAST_ROWS ? LEAST_ROWS : rows > 1024 ? 1024 : rows);

    Arena a = {base, 0};
    p->p = take_floats(&a, p->n_working);
    p->m = take_floats(&a, p->n_working);
    p->v = take_floats(&a, p->n_working);
    p->loss = take(&a, 64 * p->threads);
    for (int t = 0; t < p->threads; t++) p->g[t] = take_floats(&a, p->n_working);
    int64_t shared = a.used;
    Arena own = {NULL, 0};
    lay_out_own(p, &own, run->batch);
    int64_t each = padded((int)(own.used / 64), 64) * (int64_t)64;
    if (base) {
        own = (Arena){base + shared + thread * each, 0};
        lay_out_own(p, &own, run->batch);
    }
    return shared + each * p->threads;
}

#endif
