/* A training step: forward, loss, backward and update, piece by piece of the batch. */
#ifndef STEP_INL_H
#define STEP_INL_H

#include "clock.h"
#include "products/epilogue-inl.h"
#include "step/adam-inl.h"
#include "step/attention-inl.h"
#include "step/batch-inl.h"
#include "step/layers-inl.h"
#include "step/muon-inl.h"

/* What was deferred is done when this returns. */
static void flush(const Plan *p) {
    if (p->call.kernels->flush) p->call.kernels->flush(p);
}

/* Where passes are not fused, nothing is deferred either. */
static void flush_each(const Plan *p) {
    if (!p->call.fused) flush(p);
}

static void project(const Plan *p, const Matrix *w, const float *a, int lda, float *c, int ldc,
                    int rows, int add, Epilogue epilogue, float *side) {
    p->call.kernels->forward(p, w, a, lda, c, ldc, rows, add, epilogue, side);
    flush_each(p);
}

static void project_back(const Plan *p, const Matrix *w, const float *dc, int ldc, float *da,
                         int lda, int rows, Epilogue epilogue, float *side) {
    p->call.kernels->backward(p, w, dc, ldc, da, lda, rows, epilogue, side);
    flush_each(p);
}

static void weight_gradient(const Plan *p, const Matrix *w, const float *a, int lda,
                            const float *dc, int ldc, int rows, const Update *u) {
    p->call.kernels->gradient(p, w, a, lda, dc, ldc, rows, u);
    flush_each(p);
}

/* c = epilogue(c) in a pass of its own. */
static void activate(const Plan *p, Epilogue epilogue, const Matrix *w, float *c, float *side,
                     int ld, int rows) {
    p->work.counts[EETUI_PASSES]++;
    for (int r = 0; r < rows; r++)
        for (int f = 0; f < w->vecs * LANES; f += LANES) {
            ptrdiff_t at = (ptrdiff_t)r * ld + f;
            store_with(epilogue, c + at, side + at, v_load(c + at));
        }
}

/* c = act(a W), its activation folded into the product or in a pass of its own. */
static void expand_forward(const Plan *p, const Matrix *w, const float *a, const Layer *k,
                           int rows) {
    Epilogue epilogue = p->shape.squared ? RELU2 : RELU;
    project(p, w, a, p->shape.ld, k->hid, p->shape.ld_ff, rows, 0, p->call.fused ? epilogue : STORE,
            k->side);
    if (!p->call.fused) activate(p, epilogue, w, k->hid, k->side, p->shape.ld_ff, rows);
}

/* x += a W. */
static void residual_forward(const Plan *p, const Matrix *w, const float *a, int lda, float *x,
                             int rows) {
    project(p, w, a, lda, p->call.fused ? x : p->work.sum, p->shape.ld, rows, p->call.fused, STORE,
            x);
    if (p->call.fused) return;
    p->work.counts[EETUI_PASSES]++;
    for (int r = 0; r < rows; r++)
        for (int f = 0; f < p->shape.dv; f += LANES) {
            ptrdiff_t at = (ptrdiff_t)r * p->shape.ld + f;
            v_store(x + at, v_load(x + at) + v_load(p->work.sum + at));
        }
}

/* One layer on `rows` rows of x; its queries, keys and values come from `wide` rows of `source`,
 * of which row[r] is the one of row r. */
static void layer_forward(const Plan *p, int l, const float *source, int wide, const int32_t *row,
                          const int32_t *path, float *x, int rows, Clock *c) {
    const Matrix *w = p->layout.matrix[l];
    const Layer *k = &p->work.layer[l];
    p->call.kernels->norm_forward(p, source, k->n1, k->r1, wide);
    lap(c, NORMS);
    project(p, &w[QKV], k->n1, p->shape.ld, k->qkv, p->shape.ld_qkv, wide, 0, STORE, k->qkv);
    flush(p);
    lap(c, FORWARD);
    attention_forward(p, k->qkv, row, path, rows, k->prob, k->att);
    lap(c, ATTENTION);
    residual_forward(p, &w[OUT], k->att, p->shape.ld_att, x, rows);
    lap(c, FORWARD);
    p->call.kernels->norm_forward(p, x, k->n2, k->r2, rows);
    lap(c, NORMS);
    expand_forward(p, &w[EXPAND], k->n2, k, rows);
    residual_forward(p, &w[CONTRACT], k->hid, p->shape.ld_ff, x, rows);
    lap(c, FORWARD);
}

static void forward(const Plan *p, Clock *c) {
    const Piece *q = &p->work.piece;
    embed_forward(p, q->token, q->place, q->firsts, p->work.x0, p->work.r0);
    gather_rows(p->work.x0, q->first, p->work.x, p->shape.ld, p->shape.dv, q->rows);
    for (int l = 0; l < p->shape.layers; l++)
        layer_forward(p, l, l == 0 ? p->work.x0 : p->work.x, l == 0 ? q->firsts : q->rows,
                      l == 0 ? q->first : q->itself, l == 0 ? q->path_first : q->path, p->work.x,
                      q->rows, c);
    project(p, &p->layout.head, p->work.x, p->shape.ld, p->work.logits, p->shape.ld_vocab, q->rows,
            0, STORE, p->work.logits);
    flush(p);
    lap(c, FORWARD);
}

/* dx becomes the gradient of the layer's input; in the first layer that of the first rows. */
static void layer_backward(Plan *p, int l, const Update *u, Clock *c) {
    const Piece *q = &p->work.piece;
    const Matrix *w = p->layout.matrix[l];
    const Layer *k = &p->work.layer[l];
    int wide = l == 0 ? q->firsts : q->rows, rows = q->rows;
    Epilogue epilogue = p->shape.squared ? RELU2_BACK : RELU_BACK;
    project_back(p, &w[CONTRACT], p->work.dx, p->shape.ld, p->work.dhid, p->shape.ld_ff, rows,
                 p->call.fused ? epilogue : STORE, k->side);
    if (!p->call.fused)
        activate(p, epilogue, &w[EXPAND], p->work.dhid, k->side, p->shape.ld_ff, rows);
    lap(c, BACKWARD);
    weight_gradient(p, &w[CONTRACT], k->hid, p->shape.ld_ff, p->work.dx, p->shape.ld, rows, u);
    lap(c, WEIGHTS);
    project_back(p, &w[EXPAND], p->work.dhid, p->shape.ld_ff, p->work.dn, p->shape.ld, rows, STORE,
                 p->work.dn);
    lap(c, BACKWARD);
    weight_gradient(p, &w[EXPAND], k->n2, p->shape.ld, p->work.dhid, p->shape.ld_ff, rows, u);
    lap(c, WEIGHTS);
    p->call.kernels->norm_backward(p, p->work.dn, k->n2, k->r2, p->work.dx, 1, rows);
    lap(c, NORMS);
    project_back(p, &w[OUT], p->work.dx, p->shape.ld, p->work.datt, p->shape.ld_att, rows, STORE,
                 p->work.datt);
    lap(c, BACKWARD);
    weight_gradient(p, &w[OUT], k->att, p->shape.ld_att, p->work.dx, p->shape.ld, rows, u);
    flush(p);
    lap(c, WEIGHTS);
    memset(p->work.dqkv, 0, 4 * (size_t)wide * p->shape.ld_qkv);
    attention_backward(p, k->qkv, l == 0 ? q->first : q->itself, l == 0 ? q->path_first : q->path,
                       rows, k->prob, k->att, p->work.datt, p->work.dqkv);
    lap(c, ATTENTION);
    float *dx = p->work.dx;
    if (l == 0) {
        scatter_rows(p->work.dx, q->first, p->work.dfirst, p->shape.ld, p->shape.dv, rows);
        dx = p->work.dfirst;
    }
    lap(c, NORMS);
    project_back(p, &w[QKV], p->work.dqkv, p->shape.ld_qkv, p->work.dn, p->shape.ld, wide, STORE,
                 p->work.dn);
    lap(c, BACKWARD);
    weight_gradient(p, &w[QKV], k->n1, p->shape.ld, p->work.dqkv, p->shape.ld_qkv, wide, u);
    lap(c, WEIGHTS);
    p->call.kernels->norm_backward(p, p->work.dn, k->n1, k->r1, dx, 1, wide);
    lap(c, NORMS);
}

/* `blocks` is how the matrices of the blocks are updated, `u` how embeddings and head are. */
static void backward(Plan *p, const Update *u, const Update *blocks, Clock *c) {
    const Piece *q = &p->work.piece;
    project_back(p, &p->layout.head, p->work.logits, p->shape.ld_vocab, p->work.dx, p->shape.ld,
                 q->rows, STORE, p->work.dx);
    lap(c, BACKWARD);
    weight_gradient(p, &p->layout.head, p->work.x, p->shape.ld, p->work.logits, p->shape.ld_vocab,
                    q->rows, u);
    lap(c, WEIGHTS);
    for (int l = p->shape.layers - 1; l >= 0; l--) layer_backward(p, l, blocks, c);
    p->call.kernels->norm_backward(p, p->work.dfirst, p->work.x0, p->work.r0, p->work.dfirst, 0,
                                   q->firsts);
    flush(p);
    embed_backward(p, p->work.dfirst, !u->first);
    if (u->fuse && u->last)
        fused_update(p, p->layout.tokens, p->call.grads[p->call.thread] + p->layout.tokens,
                     p->layout.embeddings, u);
    lap(c, NORMS);
}

/* Adam in a pass of its own for floats [from, to), if there are any. */
static void adam_update(Plan *p, const Update *u, int64_t from, int64_t to) {
    if (from >= to) return;
    p->work.counts[EETUI_ADAM_VECTORS] += p->call.adam(p->call.params + from, p->call.m + from,
                                                       p->call.v + from, p->call.grads[0] + from,
                                                       to - from, u->coefficient);
}

/* Sum the parts' gradients in their order into the first's, and update, for floats [from, to):
 * all of them by Adam, or those that Muon leaves to it. */
static void reduce_and_update(Plan *p, const Update *u, int64_t from, int64_t to) {
    float *g = p->call.grads[0];
    for (int t = 1; t < p->call.threads; t++)
        for (int64_t i = from; i < to; i += LANES)
            v_store(g + i, v_load(g + i) + v_load(p->call.grads[t] + i));
    if (p->call.run->grads) return;
    if (!p->call.run->muon) {
        adam_update(p, u, from, to);
        return;
    }
    int64_t begin = blocks_begin(p), end = blocks_end(p);
    adam_update(p, u, from, to < begin ? to : begin);
    adam_update(p, u, from > end ? from : end, to);
}

/* The multiply-adds of products and attention in the forward pass of a piece. */
static int64_t multiply_adds_of(const Plan *p) {
    const Piece *q = &p->work.piece;
    const Shape *s = &p->shape;
    int64_t d = s->d, rows = q->rows;
    int64_t qkv = 3 * d * d * (q->firsts + (s->layers - 1) * rows);
    return qkv + rows * d * (s->layers * (d + 2 * s->ff) + s->V) + 2 * s->layers * d * q->weights;
}

/* One step after the other, as all threads see it. */
typedef struct {
    Plan *
        plans; /* [threads] each with the workspace of a thread; the documents' order is plan 0's */
    int index, predicted;
    Update update, blocks; /* of embeddings and head, and of the matrices of the blocks */
    Clock *clock;          /* of the caller */
} Steps;

/* The plan of a thread that does the work of `part`. */
INLINE Plan *plan_for(const Steps *s, int thread, int part) {
    Plan *p = &s->plans[thread];
    p->call.thread = part;
    p->work.counts = p->call.counts[part];
    return p;
}

/* Do all parts of some work, on several threads if there are some. */
static void share(Steps *s, Work *work) {
    const Call *call = &s->plans->call;
    if (call->threads > 1)
        eetui_share(call->run->pool, call->threads, work, s);
    else
        work(s, 0, 0);
}

/* Forward and backward for neighbours of about as many positions as the other parts have. */
static void documents_part(void *job, int thread, int part) {
    const Steps *s = job;
    Plan *p = plan_for(s, thread, part);
    const eetui_run *run = p->call.run;
    Clock unused = {NULL, 0}, *c = thread == 0 ? s->clock : &unused;
    int from = 0, to = (int)run->batch;
    if (p->call.threads > 1) {
        int64_t positions = 0;
        to = -1;
        for (int i = 0; i < run->batch; i++) {
            int64_t length = run->lengths[p->work.order[i]], middle = 2 * positions + length;
            int64_t whose = middle * p->call.threads / (2 * s->predicted);
            if (whose < part) from = i + 1;
            if (whose > part && to < 0) to = i;
            positions += length;
        }
        if (to < 0) to = (int)run->batch;
    }
    Update u = s->update, blocks = s->blocks;
    float scale = 1.0f / (float)s->predicted;
    double loss = 0.0;
    if (p->call.kernels->enter) p->call.kernels->enter(p);
    for (int next = from; next < to;) {
        u.first = blocks.first = next == from;
        next = assemble(p, next, to);
        p->work.counts[EETUI_PIECES]++;
        p->work.counts[EETUI_ROWS] += p->work.piece.rows;
        u.last = blocks.last = next == to;
        lap(c, BATCH);
        p->work.counts[EETUI_MULTIPLY_ADDS] += /* back, each has two others */
            multiply_adds_of(p) * (run->forward_only ? 1 : 3);
        forward(p, c);
        loss += softmax_loss(p, p->work.logits, scale);
        lap(c, LOSS);
        if (!run->forward_only) backward(p, &u, &blocks, c);
    }
    if (p->call.kernels->leave) p->call.kernels->leave(p);
    if (from >= to) memset(p->call.grads[part], 0, 4 * (size_t)p->layout.n_floats);
    p->call.loss[8 * part] = loss;
}

/* The update of a part of all weights, from the gradients of all parts of the documents. */
static void update_part(void *job, int thread, int part) {
    const Steps *s = job;
    Plan *p = plan_for(s, thread, part);
    int64_t n = p->layout.n_floats / 16, threads = p->call.threads;
    reduce_and_update(p, &s->update, n * part / threads * 16, n * (part + 1) / threads * 16);
}

static void muon_part(void *job, int thread, int part) {
    const Steps *s = job;
    Plan *p = plan_for(s, thread, part);
    muon_update(p, p->call.run->rates[s->index]);
}

static void refresh_part(void *job, int thread, int part) {
    const Plan *p = plan_for(job, thread, part);
    p->call.kernels->refresh(p);
}

/* After the weights have changed other than by `gradient`. */
static void refresh(Steps *s) {
    if (s->plans->call.kernels->refresh) share(s, refresh_part);
}

/* Step `index` of the call. */
static void one_step(Steps *s, int index) {
    Plan *p = s->plans;
    const eetui_run *run = p->call.run;
    const int32_t *documents = run->documents + (int64_t)index * run->batch;
    int n = (int)run->batch;
    if (index + 1 < run->n_steps) /* the documents of the next step lie anywhere in the data */
        for (int i = 0; i < n; i++) {
            __builtin_prefetch(run->lengths + documents[n + i]);
            __builtin_prefetch(run->tokens + (int64_t)documents[n + i] * (p->shape.T + 1));
            __builtin_prefetch(run->tokens + (int64_t)documents[n + i] * (p->shape.T + 1)
                               + p->shape.T);
        }
    s->index = index;
    s->predicted = 0;
    for (int i = 0; i < n; i++) s->predicted += run->lengths[documents[i]];
    if (run->prefix_sharing && n > 1)
        sort_documents(p, documents, n);
    else
        memcpy(p->work.order, documents, 4 * (size_t)n);
    int update = !run->grads && !run->forward_only;
    s->update = (Update){.fuse = p->call.kernels->fuses && run->adam == EETUI_ADAM_FUSED
                                 && p->call.threads == 1 && update};
    if (update)
        adam_coefficients(run, run->rates[index], run->step + index + 1, s->update.coefficient);
    s->blocks = s->update;
    if (run->muon) s->blocks.fuse = 0;
    share(s, documents_part);
    double loss = 0.0;
    for (int t = 0; t < p->call.threads; t++) loss += p->call.loss[8 * t];
    run->losses[index] = (float)(loss / s->predicted);
    if (!s->update.fuse && !run->forward_only) share(s, update_part);
    lap(s->clock, ADAM);
    if (update && run->muon) {
        share(s, muon_part);
        lap(s->clock, MUON);
    }
    if (update && !s->blocks.fuse) {
        refresh(s);
        lap(s->clock, ADAM);
    }
}

#endif
