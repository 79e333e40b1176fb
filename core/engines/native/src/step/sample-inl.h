/* Generating documents side by side, a position at a time: keys and values of the positions seen
 * are kept, and a document that has ended takes no more room. */
#ifndef SAMPLE_INL_H
#define SAMPLE_INL_H

#include "products/products-inl.h"
#include "step/scratch-inl.h"
#include "step/step-inl.h"

#define SIDE_BY_SIDE 128

typedef struct {
    Plan plan;
    int n;          /* documents at a time */
    int32_t *row;   /* [n] the row of each live document among all keys and values */
    int32_t *alive; /* [n] */
    int32_t *token; /* [n] the last token of each live document */
    int32_t *place; /* [n] the position, the same for all */
} Decoder;

static int64_t decoder_of(Decoder *s, const eetui_sample *job, char *base) {
    Plan *p = &s->plan;
    *s = (Decoder){.n = job->n < SIDE_BY_SIDE ? (int)job->n : SIDE_BY_SIDE};
    p->shape = shape_of(job->d_model, job->n_heads, job->n_layers, job->block_size, job->vocab,
                        job->squared);
    p->call.fused = job->fused != 0;
    p->call.fast = job->fast_exp != 0;
    p->call.kernels = KERNELS[job->products];
    p->layout = layout_of(&p->shape, p->call.fused ? 1 : 3);
    Arena a = {base, 0};
    int64_t rows = s->n;
    p->call.params = take_floats(&a, p->layout.n_floats);
    p->work.counts = take(&a, 8 * EETUI_COUNTS);
    lay_out_forward(p, &a, rows, 1);
    for (int l = 0; l < p->shape.layers; l++) {
        p->work.layer[l] = p->work.layer[0];
        p->work.layer[l].qkv = take_floats(&a, rows * p->shape.T * p->shape.ld_qkv);
    }
    s->row = take_ints(&a, rows);
    s->alive = take_ints(&a, rows);
    s->token = take_ints(&a, rows);
    s->place = take_ints(&a, rows);
    p->work.piece.depth = take_ints(&a, rows);
    p->work.piece.path_at = take_ints(&a, rows);
    p->work.piece.prob_at = take_ints(&a, rows);
    p->work.piece.path = take_ints(&a, rows * p->shape.T);
    return a.used;
}

static int64_t sample_memory(const eetui_sample *job) {
    Decoder s;
    return decoder_of(&s, job, NULL);
}

/* Logits after position t of the live documents. */
static void decode(Decoder *s, int t, int live) {
    Plan *p = &s->plan;
    embed_forward(p, s->token, s->place, live, p->work.x, p->work.r0);
    for (int l = 0; l < p->shape.layers; l++) {
        const Layer *k = &p->work.layer[l];
        const Matrix *w = p->layout.matrix[l];
        norm_forward(p, p->work.x, k->n1, k->r1, live);
        project(p, &w[QKV], k->n1, p->shape.ld, k->qkv + (ptrdiff_t)t * s->n * p->shape.ld_qkv,
                p->shape.ld_qkv, live, 0, STORE, k->qkv);
        attention_forward(p, k->qkv, s->row, p->work.piece.path, live, k->prob, k->att);
        residual_forward(p, &w[OUT], k->att, p->shape.ld_att, p->work.x, live);
        norm_forward(p, p->work.x, k->n2, k->r2, live);
        expand_forward(p, &w[EXPAND], k->n2, k, live);
        residual_forward(p, &w[CONTRACT], k->hid, p->shape.ld_ff, p->work.x, live);
    }
    project(p, &p->layout.head, p->work.x, p->shape.ld, p->work.logits, p->shape.ld_vocab, live, 0,
            STORE, p->work.logits);
}

/* A token for logits x [V], by inverting the distribution at `uniform`; -1 if x is not finite. */
static int choose(const Plan *p, float *x, float inverse_temperature, double uniform) {
    float top = x[0];
    for (int i = 1; i < p->shape.V; i++) top = x[i] > top ? x[i] : top;
    int width = padded(p->shape.V, LANES);
    for (int f = 0; f < width; f += LANES) {
        vec above = (v_load(x + f) - v_set(top)) * v_set(inverse_temperature);
        v_store(x + f, exp_of(above, p->call.fast, 1));
    }
    double total = 0.0, seen = 0.0;
    for (int i = 0; i < p->shape.V; i++) total += x[i];
    if (!(total >= 0.5 && total < 1e9)) return -1;
    for (int i = 0; i < p->shape.V; i++) {
        seen += x[i];
        if (seen > uniform * total) return i;
    }
    return p->shape.V - 1;
}

/* Documents [first, first + n) of the job; 0 or an error. */
static int64_t generate_group(Decoder *s, const eetui_sample *job, int64_t first, int n) {
    Plan *p = &s->plan;
    Piece *q = &p->work.piece;
    int boundary = p->shape.V - 1, live = n;
    float inverse = (float)(1.0 / job->temperature);
    for (int i = 0; i < n; i++) {
        s->alive[i] = i;
        s->token[i] = boundary;
    }
    for (int t = 0; t < p->shape.T && live > 0; t++) {
        for (int i = 0; i < live; i++) {
            q->prob_at[i] = i * p->shape.T;
            s->place[i] = q->depth[i] = t;
            q->path_at[i] = s->alive[i] * p->shape.T;
            s->row[i] = t * s->n + i;
            q->path[q->path_at[i] + t] = s->row[i] * p->shape.ld_qkv;
        }
        decode(s, t, live);
        int left = 0;
        for (int i = 0; i < live; i++) {
            int64_t document = first + s->alive[i];
            int token = t < job->n_forced
                            ? job->forced[t]
                            : choose(p, p->work.logits + (ptrdiff_t)i * p->shape.ld_vocab, inverse,
                                     job->uniform[document * p->shape.T + t]);
            if (token < 0) return EETUI_NUMBER;
            job->tokens[document * p->shape.T + t] = (uint8_t)token;
            if (token == boundary && t >= job->n_forced) continue;
            s->alive[left] = s->alive[i];
            s->token[left++] = token;
        }
        live = left;
    }
    return EETUI_OK;
}

static int64_t generate(const eetui_sample *job) {
    Decoder s;
    decoder_of(&s, job, job->memory);
    Plan *p = &s.plan;
    memset(p->call.params, 0, 4 * (size_t)p->layout.n_floats);
    /* The state is only read: move_weights writes to it in the other direction alone. */
    move_weights(p, (float *)(uintptr_t)job->params, p->call.params, 0);
    memset(job->tokens, p->shape.V - 1, (size_t)job->n * p->shape.T);
    for (int64_t first = 0; first < job->n; first += s.n) {
        int64_t left = job->n - first;
        int64_t code = generate_group(&s, job, first, left < s.n ? (int)left : s.n);
        if (code) return code;
    }
    return EETUI_OK;
}

#endif
