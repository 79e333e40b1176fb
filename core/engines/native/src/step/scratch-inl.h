/* The scratch memory of a call, handed out in aligned pieces: nothing is allocated. */
#ifndef SCRATCH_INL_H
#define SCRATCH_INL_H

#include "products/kernels-inl.h"

/* Floats of all activations of one piece of a batch: about what the second-level cache holds. */
enum { PIECE_FLOATS = 1 << 19, LEAST_ROWS = 256, MOST_ROWS = 1024 };

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
    const Heads *h = &p->shape.heads;
    p->work.x0 = take_floats(a, rows * p->shape.ld);
    p->work.r0 = take_floats(a, rows);
    p->work.x = take_floats(a, rows * p->shape.ld);
    p->work.sum = take_floats(a, rows * p->shape.ld);
    p->work.logits = take_floats(a, rows * p->shape.ld_vocab);
    for (int l = 0; l < kept; l++) {
        Layer *k = &p->work.layer[l];
        k->n1 = take_floats(a, rows * p->shape.ld);
        k->r1 = take_floats(a, rows);
        k->qkv = take_floats(a, rows * p->shape.ld_qkv);
        k->prob = take_floats(a, rows * p->shape.T * h->blocks * LANES);
        k->att = take_floats(a, rows * p->shape.ld_att);
        k->n2 = take_floats(a, rows * p->shape.ld);
        k->r2 = take_floats(a, rows);
        k->hid = take_floats(a, rows * p->shape.ld_ff);
        k->side = p->shape.squared ? take_floats(a, rows * p->shape.ld_ff) : k->hid;
    }
}

static void lay_out_backward(Plan *p, Arena *a, int64_t rows, int64_t batch) {
    const Heads *h = &p->shape.heads;
    Piece *q = &p->work.piece;
    p->work.dx = take_floats(a, rows * p->shape.ld);
    p->work.dn = take_floats(a, rows * p->shape.ld);
    p->work.dfirst = take_floats(a, rows * p->shape.ld);
    p->work.datt = take_floats(a, rows * p->shape.ld_att);
    p->work.dqkv = take_floats(a, rows * p->shape.ld_qkv);
    p->work.dhid = take_floats(a, rows * p->shape.ld_ff);
    int64_t deep = p->shape.ff > 3 * h->da ? p->shape.ff : 3 * h->da;
    p->work.transposed = take_floats(a, (deep > p->shape.V ? deep + 16 : p->shape.V + 16) * PANEL
                                            * LANES);
    p->work.keys = take(a, 8 * batch);
    p->work.order = take_ints(a, batch);
    p->work.seen = take_ints(a, (int64_t)p->shape.T * p->shape.V);
    int32_t **of_rows[] = {&q->first, &q->depth,  &q->path_at, &q->token,
                           &q->place, &q->itself, &q->count,   &q->prob_at};
    /* One row more than there can be, which is written but does not count. */
    for (size_t i = 0; i < sizeof of_rows / sizeof *of_rows; i++)
        *of_rows[i] = take_ints(a, rows + 1);
    q->path = take_ints(a, (rows + 1) * p->shape.T);
    q->path_first = take_ints(a, (rows + 1) * p->shape.T);
    int64_t pairs = batch
                    * p->shape.T; /* shared rows take no room, so a piece may hold a whole batch */
    q->pair_row = take_ints(a, pairs);
    q->pair_target = take_ints(a, pairs);
}

static void lay_out_muon(Plan *p, Arena *a) {
    int widest = 0;
    int64_t rows = 0;
    for (int k = 0; k < PER_LAYER; k++) {
        const Matrix *w = &p->layout.matrix[0][k];
        int wide = w->vecs * LANES, least = w->rows < wide ? w->rows : wide;
        if (widest < least) widest = least;
        if (rows < w->rows) rows = w->rows;
        if (rows < wide) rows = wide;
    }
    Muon *muon = &p->work.muon;
    muon->ld = leading(widest);
    muon->y = take_floats(a, rows * muon->ld);
    muon->next = take_floats(a, rows * muon->ld);
    muon->gram = take_floats(a, (int64_t)widest * muon->ld);
    muon->square = take_floats(a, (int64_t)widest * muon->ld);
}

static void lay_out_workspace(Plan *p, Arena *a, int64_t batch) {
    lay_out_forward(p, a, p->work.max_rows, p->shape.layers);
    lay_out_backward(p, a, p->work.max_rows, batch);
    if (p->call.run->muon) lay_out_muon(p, a);
    if (p->call.kernels->lay_out) p->work.kernel = p->call.kernels->lay_out(p, a);
}

/* Rows of a piece of a batch, at most. */
static int rows_of_piece(const Shape *s) {
    int64_t per_row = (int64_t)s->layers * (3 * s->ld + s->ld_qkv + 2 * s->ld_ff) + 8 * s->ld;
    int64_t rows = PIECE_FLOATS / per_row;
    return (int)(rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows);
}

/* Lay everything out in `base` for one thread; returns the bytes that all threads need. */
static int64_t plan_of(Plan *p, const eetui_run *run, const Kernels *kernels, char *base,
                       int thread) {
    *p = (Plan){.shape = shape_of(run->d_model, run->n_heads, run->n_layers, run->block_size,
                                  run->vocab, run->squared),
                .call = {.run = run,
                         .kernels = kernels,
                         .fused = run->fused != 0,
                         .fast = run->fast_exp != 0,
                         .thread = thread,
                         .threads = (int)run->threads}};
    p->layout = layout_of(&p->shape, p->call.fused ? 1 : 3);
    p->work.max_rows = rows_of_piece(&p->shape);

    Arena a = {base, 0};
    p->call.params = take_floats(&a, p->layout.n_floats);
    p->call.m = take_floats(&a, p->layout.n_floats);
    p->call.v = take_floats(&a, p->layout.n_floats);
    if (kernels->pairs) p->call.pairs = take(&a, 2 * p->layout.n_floats);
    p->call.loss = take(&a, 64 * p->call.threads);
    for (int t = 0; t < p->call.threads; t++) {
        p->call.grads[t] = take_floats(&a, p->layout.n_floats);
        p->call.counts[t] = take(&a, 8 * EETUI_COUNTS);
    }
    int64_t shared = a.used;
    Arena own = {NULL, 0};
    lay_out_workspace(p, &own, run->batch);
    int64_t each = padded((int)(own.used / 64), 64) * (int64_t)64;
    if (base) {
        own = (Arena){base + shared + thread * each, 0};
        lay_out_workspace(p, &own, run->batch);
    }
    return shared + each * p->call.threads;
}

#endif
