/* A training step: forward, loss, backward and update, piece by piece of the batch. */
#ifndef STEP_H
#define STEP_H

#include "attention.h"
#include "batch.h"
#include "registers.h"

/* Times the phases of a profiled call: `lap` books the time since the last one. */
typedef struct {
    int64_t *ticks; /* null if nobody asks */
    int64_t since;
} Clock;

INLINE void lap(Clock *c, int phase) {
    if (!c->ticks) return;
    int64_t now = clock_ticks();
    c->ticks[phase] += now - c->since;
    c->since = now;
}

/* What was put off is done when this returns. */
static void settle(const Plan *p) {
    if (p->kernels->settle) p->kernels->settle(p);
}

/* Where passes are not fused, nothing is put off either. */
static void settle_each(const Plan *p) {
    if (!p->fused) settle(p);
}

static void project(const Plan *p, const Matrix *w, const float *a, int lda, float *c, int ldc,
                    int rows, int add, Post post, float *side) {
    p->kernels->forward(p, w, a, lda, c, ldc, rows, add, post, side);
    settle_each(p);
}

static void project_back(const Plan *p, const Matrix *w, const float *dc, int ldc, float *da,
                         int lda, int rows, Post post, float *side) {
    p->kernels->backward(p, w, dc, ldc, da, lda, rows, post, side);
    settle_each(p);
}

static void weight_gradient(const Plan *p, const Matrix *w, const float *a, int lda,
                            const float *dc, int ldc, int rows, const Update *u) {
    p->kernels->gradient(p, w, a, lda, dc, ldc, rows, u);
    settle_each(p);
}

/* c = post(c) in a pass of its own. */
static void activate(Post post, const Matrix *w, float *c, float *side, int ld, int rows) {
    for (int r = 0; r < rows; r++)
        for (int f = 0; f < w->vecs * LANES; f += LANES) {
            ptrdiff_t at = (ptrdiff_t)r * ld + f;
            finish(post, c + at, side + at, v_load(c + at));
        }
}

/* c = act(a W), its activation folded into the product or in a pass of its own. */
static void expand_forward(const Plan *p, const Matrix *w, const float *a, const Layer *k,
                           int rows) {
    Post post = p->squared ? RELU2 : RELU;
    project(p, w, a, p->ld, k->hid, p->ld_ff, rows, 0, p->fused ? post : STORE, k->side);
    if (!p->fused) activate(post, w, k->hid, k->side, p->ld_ff, rows);
}

/* x += a W. */
static void residual_forward(const Plan *p, const Matrix *w, const float *a, int lda, float *x,
                             int rows) {
    project(p, w, a, lda, p->fused ? x : p->rest, p->ld, rows, p->fused, STORE, x);
    if (p->fused) return;
    for (int r = 0; r < rows; r++)
        for (int f = 0; f < p->dv; f += LANES) {
            ptrdiff_t at = (ptrdiff_t)r * p->ld + f;
            v_store(x + at, v_load(x + at) + v_load(p->rest + at));
        }
}

/* One layer on `rows` rows of x; its queries, keys and values come from `wide` rows of `source`,
 * of which row[r] is the one of row r. */
static void layer_forward(const Plan *p, int l, const float *source, int wide, const int32_t *row,
                          const int32_t *path, float *x, int rows, Clock *c) {
    const Matrix *w = p->matrix[l];
    const Layer *k = &p->layer[l];
    p->kernels->norm_forward(p, source, k->n1, k->r1, wide);
    lap(c, NORMS);
    project(p, &w[QKV], k->n1, p->ld, k->qkv, p->ld_qkv, wide, 0, STORE, k->qkv);
    settle(p);
    lap(c, FORWARD);
    attention_forward(p, k->qkv, row, path, rows, k->prob, k->att);
    lap(c, ATTENTION);
    residual_forward(p, &w[OUT], k->att, p->ld_att, x, rows);
    lap(c, FORWARD);
    p->kernels->norm_forward(p, x, k->n2, k->r2, rows);
    lap(c, NORMS);
    expand_forward(p, &w[EXPAND], k->n2, k, rows);
    residual_forward(p, &w[CONTRACT], k->hid, p->ld_ff, x, rows);
    lap(c, FORWARD);
}

static void forward(const Plan *p, Clock *c) {
    const Piece *q = &p->piece;
    embed_forward(p, q->token, q->place, q->firsts, p->x0, p->r0);
    gather_rows(p->x0, q->first, p->x, p->ld, p->dv, q->rows);
    for (int l = 0; l < p->layers; l++)
        layer_forward(p, l, l == 0 ? p->x0 : p->x, l == 0 ? q->firsts : q->rows,
                      l == 0 ? q->first : q->itself, l == 0 ? q->path_first : q->path, p->x,
                      q->rows, c);
    project(p, &p->head, p->x, p->ld, p->logits, p->ld_vocab, q->rows, 0, STORE, p->logits);
    settle(p);
    lap(c, FORWARD);
}

/* dx becomes the gradient of the layer's input; in the first layer that of the first rows. */
static void layer_backward(Plan *p, int l, const Update *u, Clock *c) {
    const Piece *q = &p->piece;
    const Matrix *w = p->matrix[l];
    const Layer *k = &p->layer[l];
    int wide = l == 0 ? q->firsts : q->rows, rows = q->rows;
    Post post = p->squared ? RELU2_BACK : RELU_BACK;
    project_back(p, &w[CONTRACT], p->dx, p->ld, p->dhid, p->ld_ff, rows, p->fused ? post : STORE,
                 k->side);
    if (!p->fused) activate(post, &w[EXPAND], p->dhid, k->side, p->ld_ff, rows);
    lap(c, BACKWARD);
    weight_gradient(p, &w[CONTRACT], k->hid, p->ld_ff, p->dx, p->ld, rows, u);
    lap(c, WEIGHTS);
    project_back(p, &w[EXPAND], p->dhid, p->ld_ff, p->dn, p->ld, rows, STORE, p->dn);
    lap(c, BACKWARD);
    weight_gradient(p, &w[EXPAND], k->n2, p->ld, p->dhid, p->ld_ff, rows, u);
    lap(c, WEIGHTS);
    p->kernels->norm_backward(p, p->dn, k->n2, k->r2, p->dx, 1, rows);
    lap(c, NORMS);
    project_back(p, &w[OUT], p->dx, p->ld, p->datt, p->ld_att, rows, STORE, p->datt);
    lap(c, BACKWARD);
    weight_gradient(p, &w[OUT], k->att, p->ld_att, p->dx, p->ld, rows, u);
    settle(p);
    lap(c, WEIGHTS);
    memset(p->dqkv, 0, 4 * (size_t)wide * p->ld_qkv);
    attention_backward(p, k->qkv, l == 0 ? q->first : q->itself, l == 0 ? q->path_first : q->path,
                       rows, k->prob, p->datt, p->dqkv);
    lap(c, ATTENTION);
    float *dx = p->dx;
    if (l == 0) {
        scatter_rows(p->dx, q->first, p->dfirst, p->ld, p->dv, rows, wide);
        dx = p->dfirst;
    }
    lap(c, NORMS);
    project_back(p, &w[QKV], p->dqkv, p->ld_qkv, p->dn, p->ld, wide, STORE, p->dn);
    lap(c, BACKWARD);
    weight_gradient(p, &w[QKV], k->n1, p->ld, p->dqkv, p->ld_qkv, wide, u);
    lap(c, WEIGHTS);
    p->kernels->norm_backward(p, p->dn, k->n1, k->r1, dx, 1, wide);
    lap(c, NORMS);
}

static void backward(Plan *p, const Update *u, Clock *c) {
    const Piece *q = &p->piece;
    project_back(p, &p->head, p->logits, p->ld_vocab, p->dx, p->ld, q->rows, STORE, p->dx);
    lap(c, BACKWARD);
    weight_gradient(p, &p->head, p->x, p->ld, p->logits, p->ld_vocab, q->rows, u);
    lap(c, WEIGHTS);
    for (int l = p->layers - 1; l >= 0; l--) layer_backward(p, l, u, c);
    p->kernels->norm_backward(p, p->dfirst, p->x0, p->r0, p->dfirst, 0, q->firsts);
    settle(p);
    embed_backward(p, p->dfirst, !u->first);
    if (u->fuse && u->last)
        adam_vectors(p->p + p->tok, p->m + p->tok, p->v + p->tok, p->g[p->thread] + p->tok,
                     p->pos - p->tok + (int64_t)p->T * p->dv, u->coefficient);
    lap(c, NORMS);
}

/* Sum the threads' gradients in their order into the first's, and update, for floats [from, to). */
static void reduce_and_update(Plan *p, const Update *u, int64_t from, int64_t to) {
    float *g = p->g[0];
    for (int t = 1; t < p->threads; t++)
        for (int64_t i = from; i < to; i += LANES)
            v_store(g + i, v_load(g + i) + v_load(p->g[t] + i));
    if (p->run->grads) return;
    void (*adam)(float *, float *, float *, const float *, int64_t, const float *) =
        p->run->adam == EETUI_ADAM_SCALAR ? eetui_unit_scalar.adam : adam_vectors;
    adam(p->p + from, p->m + from, p->v + from, g + from, to - from, u->coefficient);
}

/* Step `index` of the call, this thread's part of it. */
static void one_step(Plan *p, int index, Clock *c) {
    const eetui_run *run = p->run;
    const int32_t *documents = run->documents + (int64_t)index * run->batch;
    int n = (int)run->batch, predicted = 0;
    if (index + 1 < run->n_steps) /* the documents of the next step lie anywhere in the data */
        for (int i = 0; i < n; i++) {
            __builtin_prefetch(run->lengths + documents[n + i]);
            __builtin_prefetch(run->tokens + (int64_t)documents[n + i] * (p->T + 1));
            __builtin_prefetch(run->tokens + (int64_t)documents[n + i] * (p->T + 1) + p->T);
        }
    for (int i = 0; i < n; i++) predicted += run->lengths[documents[i]];
    if (run->prefix_sharing)
        sort_documents(p, documents, n);
    else
        memcpy(p->order, documents, 4 * (size_t)n);
    /* Each thread takes neighbours of about as many positions as the others. */
    int from = 0, to = n;
    if (p->threads > 1) {
        int64_t positions = 0;
        to = -1;
        for (int i = 0; i < n; i++) {
            int64_t mine = positions * p->threads / predicted;
            if (mine < p->thread) from = i + 1;
            if (mine > p->thread && to < 0) to = i;
            positions += run->lengths[p->order[i]];
        }
        if (to < 0) to = n;
    }
    int update = !run->grads && !run->forward_only;
    Update u = {.fuse = p->kernels->fuses && run->adam == EETUI_ADAM_FUSED && p->threads == 1
                        && update};
    if (update)
        adam_coefficients(run, run->rates[index], run->step + index + 1, u.coefficient);
    double loss = 0.0;
    float scale = 1.0f / (float)predicted;
    for (int next = from; next < to;) {
        u.first = next == from;
        next = assemble(p, next, to);
        u.last = next == to;
        lap(c, BATCH);
        forward(p, c);
        loss += softmax_loss(p, p->logits, scale);
        lap(c, LOSS);
        if (!run->forward_only) backward(p, &u, c);
    }
    if (from >= to) memset(p->g[p->thread], 0, 4 * (size_t)p->n_working);
    p->loss[8 * p->thread] = loss;
    if (p->threads > 1) eetui_crew_meet(run->crew);
    if (p->thread == 0) {
        double sum = 0.0;
        for (int t = 0; t < p->threads; t++) sum += p->loss[8 * t];
        run->losses[index] = (float)(sum / predicted);
    }
    if (!u.fuse) {
        int64_t share = p->n_working / 16 * p->thread / p->threads * 16;
        int64_t end = p->n_working / 16 * (p->thread + 1) / p->threads * 16;
        if (!run->forward_only) reduce_and_update(p, &u, share, end);
        if (p->threads > 1) eetui_crew_meet(run->crew);
    }
    lap(c, ADAM);
}

#endif
