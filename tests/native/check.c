/* The native engine from C: gradients of every unit against finite differences and each other,
 * all toggles, sampling, threads. For sanitizers and for CPUs that only an emulator has here. */
#include "eetui.h"
#if defined(EETUI_SME2)
#include "products/sme2.h"
#endif

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { D = 20, HEADS = 5, LAYERS = 2, T = 7, V = 11, DOCS = 12, BATCH = 9, STEPS = 3 };
enum { PARAMS = (2 * V + T) * D + 12 * LAYERS * D * D };

static float params[PARAMS], m[PARAMS], v[PARAMS], grads[PARAMS], expected[PARAMS];
static uint8_t tokens[DOCS][T + 1];
static int32_t lengths[DOCS], documents[STEPS][BATCH];
static float rates[STEPS] = {0.01f, 0.01f, 0.01f}, losses[STEPS];
static int64_t ticks[EETUI_PHASES + 1], counts[8 * EETUI_COUNTS];
/* What computes the products: its name, how far the gradient of the worst tensor may be from that
 * of the register tiles (bfloat16 keeps eight bits), and the losses and weights of many steps. */
static const struct {
    const char *name;
    double close, stay;
} PRODUCTS[EETUI_PRODUCTS] = {
    [EETUI_BY_ROWS] = {"rows", 1e-4, 1e-4},           [EETUI_BY_TILES] = {"tiles", 1e-4, 1e-4},
    [EETUI_BY_OUTER] = {"outer", 1e-4, 1e-4},         [EETUI_BY_SME2] = {"SME2", 1e-4, 1e-4},
    [EETUI_BY_AMX_SPLIT] = {"AMX split", 1e-4, 1e-4}, [EETUI_BY_AMX] = {"AMX bf16", 6e-2, 3e-2},
    [EETUI_BY_BF16] = {"bf16", 6e-2, 3e-2},
};
static int failures;

static uint32_t state = 1;
static uint32_t draw(void) { return state = state * 1664525u + 1013904223u, state >> 8; }

static void expect(int condition, const char *what, const char *unit) {
    if (condition) return;
    printf("FAILED: %s (%s)\n", what, unit ? unit : "");
    failures++;
}

static void prepare(void) {
    for (int i = 0; i < PARAMS; i++) params[i] = ((float)(draw() % 2001) - 1000.0f) * 2e-4f;
    for (int i = 0; i < DOCS; i++) {
        lengths[i] = 1 + (int32_t)(draw() % T);
        for (int t = 0; t <= T; t++) tokens[i][t] = (uint8_t)(draw() % (i < 6 ? 2 : V));
    }
    for (int s = 0; s < STEPS; s++)
        for (int i = 0; i < BATCH; i++) documents[s][i] = (int32_t)(draw() % DOCS);
}

static eetui_run job(int64_t unit) {
    return (eetui_run){.version = EETUI_VERSION,
                       .size = sizeof(eetui_run),
                       .d_model = D,
                       .n_heads = HEADS,
                       .n_layers = LAYERS,
                       .block_size = T,
                       .vocab = V,
                       .unit = unit,
                       .padding_skip = 1,
                       .prefix_sharing = 1,
                       .fast_exp = 1,
                       .products = EETUI_BY_TILES,
                       .fused = 1,
                       .adam = EETUI_ADAM_FUSED,
                       .flush_denormals = 1,
                       .threads = 1,
                       .n_steps = 1,
                       .batch = BATCH,
                       .n_docs = DOCS,
                       .beta1 = 0.85,
                       .beta2 = 0.99,
                       .eps = 1e-8,
                       .params = params,
                       .m = m,
                       .v = v,
                       .tokens = &tokens[0][0],
                       .lengths = lengths,
                       .documents = &documents[0][0],
                       .rates = rates,
                       .losses = losses,
                       .ticks = ticks,
                       .counts = counts};
}

/* Run a job in memory of exactly the size that it asks for. */
static int64_t run(eetui_run *r) {
    r->memory_bytes = eetui_memory(r);
    if (r->memory_bytes < 0) return r->memory_bytes;
    r->memory = aligned_alloc(64, (size_t)r->memory_bytes);
    memset(r->memory, 0xff, (size_t)r->memory_bytes); /* every float is not a number */
    int64_t code = eetui_train(r);
    free(r->memory);
    return code;
}

static double distance_of(const float *a, const float *b, int n) {
    double d = 0.0, size = 0.0;
    for (int i = 0; i < n; i++) {
        d += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += (double)b[i] * b[i];
    }
    return d == 0.0 ? 0.0 : sqrt(d / size);
}

/* The distance of the tensor for which it is largest. */
static double worst_tensor(const float *a, const float *b, int d) {
    int tensors[2 + 4 * LAYERS + 1] = {V * d, T * d}, n = 2, at = 0;
    for (int l = 0; l < LAYERS; l++)
        for (int k = 0; k < 4; k++) tensors[n++] = d * d * (int[]){3, 1, 4, 4}[k];
    tensors[n++] = V * d;
    double worst = 0.0;
    for (int i = 0; i < n; at += tensors[i++]) {
        double far = distance_of(a + at, b + at, tensors[i]);
        if (!(far <= worst)) worst = far; /* NaN is the worst */
    }
    return worst;
}

static double distance(const float *a, const float *b) { return distance_of(a, b, PARAMS); }

static float loss_at(int64_t unit, int64_t products) {
    eetui_run r = job(unit);
    r.products = products;
    r.grads = grads;
    r.fast_exp = 0;
    run(&r);
    return losses[0];
}

static void check_differences(int64_t unit, int64_t products, const char *name) {
    static float gradient[PARAMS];
    float base = loss_at(unit, products);
    memcpy(gradient, grads, sizeof grads);
    expect(isfinite(base), "the loss is finite", name);
    for (int i = 0; i < 40; i++) {
        int at = (int)(draw() % PARAMS);
        float kept = params[at], step = 4e-3f;
        params[at] = kept + step;
        double up = loss_at(unit, products);
        params[at] = kept - step;
        double down = loss_at(unit, products);
        params[at] = kept;
        double slope = (up - down) / (2.0 * step);
        expect(fabs(slope - gradient[at]) < 2e-3 + 0.05 * fabs(slope), "slope is gradient", name);
    }
}

static void check_toggles(int64_t unit, int64_t products, const char *name) {
    for (int mask = 0; mask < 128; mask++) {
        eetui_run r = job(unit);
        r.products = products;
        r.grads = grads;
        r.padding_skip = mask & 1;
        r.prefix_sharing = mask >> 1 & 1;
        r.fast_exp = mask >> 2 & 1;
        r.fused = mask >> 3 & 1;
        r.flush_denormals = mask >> 4 & 1;
        r.by_sample = mask >> 5 & 1;
        r.profile = mask >> 6 & 1;
        expect(run(&r) == EETUI_OK, "toggles run", name);
        expect(worst_tensor(grads, expected, D) < PRODUCTS[products].close,
               "toggles give the gradient", name);
    }
}

static void check_training(int64_t unit, int64_t products, int64_t muon, const char *name) {
    static float start[PARAMS], first[PARAMS];
    memcpy(start, params, sizeof params);
#if defined(WITHOUT_THREADS)
    void *pool = NULL;
    const int ways = 3;
#else
    void *pool = eetui_pool_create(3);
    expect(pool != NULL, "a thread pool", name);
    const int ways = 4;
#endif
    for (int way = 0; way < ways; way++) {
        memcpy(params, start, sizeof params);
        memset(m, 0, sizeof m);
        memset(v, 0, sizeof v);
        eetui_run r = job(unit);
        r.products = way == 0 ? EETUI_BY_TILES : products;
        r.n_steps = STEPS;
        r.muon = muon;
        r.adam = way < 3 ? way : EETUI_ADAM_FUSED;
        r.threads = way == 3 ? 3 : 1;
        r.pool = way == 3 ? pool : NULL;
        expect(run(&r) == EETUI_OK, "training runs", name);
        if (way == 0) memcpy(first, params, sizeof params);
        expect(distance(params, first) < 10 * PRODUCTS[products].close, "every Adam is the same",
               name);
    }
    expect(distance(params, start) > 1e-2, "training moves the weights", name);
    if (pool) eetui_pool_destroy(pool);
    memcpy(params, start, sizeof params);
}

/* Widths of model that fill tiles in part, and batches of few rows and of more. */
static void check_shapes(int64_t unit, int64_t products, const char *name) {
    static const int shapes[][2] = {{4, 1}, {20, 5}, {32, 4}, {48, 3}, {64, 8}};
    double worst = 0.0;
    for (int s = 0; s < 5; s++) {
        int d = shapes[s][0], n = (2 * V + T) * d + 12 * LAYERS * d * d;
        float *weights = calloc(3 * (size_t)n, sizeof *weights);
        for (int i = 0; i < n; i++) weights[i] = ((float)(draw() % 2001) - 1000.0f) * 2e-4f;
        for (int batch = 1; batch <= BATCH; batch++)
            for (int fused = 0; fused < 2; fused++) {
                eetui_run r = job(unit);
                r.d_model = d;
                r.n_heads = shapes[s][1];
                r.params = weights;
                r.batch = batch;
                r.documents = &documents[0][0] + batch;
                r.squared = 1; /* ReLU drops a whole unit where rounding moves it over zero */
                r.fused = fused;
                r.grads = weights + n;
                expect(run(&r) == EETUI_OK, "shapes run", name);
                r.products = products;
                r.grads += n;
                expect(run(&r) == EETUI_OK, "shapes run", name);
                double far = worst_tensor(weights + 2 * n, weights + n, d);
                if (!(far <= worst)) worst = far;
            }
        free(weights);
    }
    expect(worst < PRODUCTS[products].close, "every shape gives the gradient", name);
    printf("  gradients of many shapes: worst tensor off by %.1e\n", worst);
}

/* Many steps of a model of its own from the same state: losses and weights stay with those of the
 * unit that goes number by number. */
static void check_against_scalar(int64_t unit, int64_t products, const char *name, int d,
                                 int layers, int n_steps) {
    int n = (2 * V + T) * d + 12 * layers * d * d;
    float *weights = calloc(6 * (size_t)n, sizeof *weights), *start = weights;
    int32_t *all = calloc((size_t)n_steps * BATCH, sizeof *all);
    float *all_rates = calloc(3 * (size_t)n_steps, sizeof *all_rates), *loss = all_rates + n_steps;
    for (int i = 0; i < n; i++)
        start[i] = start[3 * n + i] = ((float)(draw() % 2001) - 1000.0f) * 2e-4f;
    for (int i = 0; i < n_steps * BATCH; i++) all[i] = (int32_t)(draw() % DOCS);
    for (int i = 0; i < n_steps; i++) all_rates[i] = 0.005f;
    for (int way = 0; way < 2; way++) {
        eetui_run r = job(way ? unit : 0);
        r.products = way ? products : EETUI_BY_TILES;
        r.d_model = d;
        r.n_heads = 4;
        r.n_layers = layers;
        r.muon = layers > 1;
        r.squared = layers > 1;
        r.n_steps = n_steps;
        r.params = weights + 3 * way * n;
        r.m = r.params + n;
        r.v = r.m + n;
        r.documents = all;
        r.rates = all_rates;
        r.losses = loss + way * n_steps;
        expect(run(&r) == EETUI_OK, "many steps run", name);
    }
    double worst = 0.0, apart = distance_of(weights + 3 * n, weights, n);
    for (int i = 0; i < n_steps; i++) {
        double off = fabs(loss[n_steps + i] - loss[i]) / loss[i];
        if (off > worst || isnan(off)) worst = off;
    }
    expect(worst < PRODUCTS[products].stay, "losses stay with the scalar unit's", name);
    expect(apart < PRODUCTS[products].stay, "weights stay with the scalar unit's", name);
    printf("  %d steps at d_model %d, layers %d, loss %.3f to %.3f: losses off by %.1e at most, "
           "weights by %.1e\n",
           n_steps, d, layers, loss[0], loss[n_steps - 1], worst, apart);
    free(weights);
    free(all);
    free(all_rates);
}

#if defined(EETUI_SME2)
/* Streaming mode is entered once for each phase between steps of attention and the loss, and once
 * for each product where passes are not fused. */
static void check_entries(int64_t unit, const char *name) {
    static float start[PARAMS];
    memcpy(start, params, sizeof params);
    for (int layers = 1; layers <= LAYERS; layers++)
        for (int fused = 0; fused < 2; fused++) {
            eetui_run r = job(unit);
            r.products = EETUI_BY_SME2;
            r.n_layers = layers;
            r.n_steps = STEPS;
            r.fused = fused;
            int before = eetui_sme2_entries;
            expect(run(&r) == EETUI_OK, "phases run", name);
            int entries = eetui_sme2_entries - before, products = 3 * (4 * layers + 1);
            printf("  layers %d, %sfused: streaming mode entered %.1f times a step\n", layers,
                   fused ? "" : "not ", (double)entries / STEPS);
            expect(fused ? entries == STEPS * (2 * layers + 2) : entries >= STEPS * products,
                   "entries into streaming mode", name);
        }
    memcpy(params, start, sizeof params);
}
#endif

static void check_sampling(int64_t unit, const char *name) {
    enum { N = 150 };
    static double uniform[N][T];
    static uint8_t out[N][T];
    int32_t forced[] = {3};
    for (int i = 0; i < N * T; i++) uniform[i / T][i % T] = (draw() % 1000) / 1000.0;
    eetui_sample s = {.version = EETUI_VERSION,
                      .size = sizeof s,
                      .d_model = D,
                      .n_heads = HEADS,
                      .n_layers = LAYERS,
                      .block_size = T,
                      .vocab = V,
                      .unit = unit,
                      .fast_exp = 1,
                      .products = EETUI_BY_TILES,
                      .fused = 1,
                      .flush_denormals = 1,
                      .n = N,
                      .n_forced = 1,
                      .temperature = 0.7,
                      .params = params,
                      .forced = forced,
                      .uniform = &uniform[0][0],
                      .tokens = &out[0][0]};
    s.memory_bytes = eetui_sample_memory(&s);
    s.memory = aligned_alloc(64, (size_t)s.memory_bytes);
    expect(eetui_generate(&s) == EETUI_OK, "sampling runs", name);
    free(s.memory);
    for (int i = 0; i < N; i++) {
        expect(out[i][0] == 3, "the prefix is kept", name);
        int ended = 0;
        for (int t = 1; t < T; t++) {
            expect(out[i][t] < V && (!ended || out[i][t] == V - 1), "an end is an end", name);
            ended |= out[i][t] == V - 1;
        }
    }
}

/* One way of computing the products, by its number. */
static void check_products(int64_t unit, int64_t products, const char *name) {
    state = 1; /* the same for all: a difference that steps over a ReLU's kink would be no slope */
    /* A difference of two losses has no bits left in bfloat16. */
    if (PRODUCTS[products].close < 1e-3) check_differences(unit, products, name);
    check_toggles(unit, products, name);
    for (int muon = 0; muon < 2; muon++) check_training(unit, products, muon, name);
    if (products > EETUI_BY_TILES) check_shapes(unit, products, name);
    if (unit || products != EETUI_BY_TILES) check_against_scalar(unit, products, name, 20, 2, 50);
#if defined(EETUI_SME2)
    if (products == EETUI_BY_SME2) {
        check_against_scalar(unit, products, name, 64, 1, 50);
        check_entries(unit, name);
    }
#endif
    printf("checked: %s, products by %s\n", name, PRODUCTS[products].name);
}

/* check [PRODUCTS]: everything, or only what computes its products so; AMX is either of its two. */
int main(int argc, char **argv) {
    const char *only = argc > 1 ? argv[1] : NULL;
    int met = 0;
    prepare();
    for (int64_t unit = 0; eetui_unit_name(unit); unit++) {
        const char *name = eetui_unit_name(unit);
        if (!eetui_unit_runs(unit)) {
            printf("skipped: %s, which this CPU lacks\n", name);
            continue;
        }
        loss_at(unit, EETUI_BY_TILES);
        memcpy(expected, grads, sizeof grads);
        for (int64_t products = 0; products < EETUI_PRODUCTS; products++) {
            if (only && strncmp(only, PRODUCTS[products].name, strlen(only)) != 0) continue;
            if (eetui_products_run(products, unit) != EETUI_OK) continue;
            check_products(unit, products, name);
            met = 1;
        }
        if (!only) check_sampling(unit, name);
    }
    expect(met, "what was asked for runs here", only);
    expect(eetui_train(NULL) == EETUI_NULL, "null is refused", NULL);
    expect(eetui_multiply_adds(0, 1000) == 2 * 12 * 1000, "multiply-adds are counted", NULL);
    expect(eetui_multiply_adds(0, 0) == EETUI_BATCH, "no rounds are refused", NULL);
    expect(eetui_clock_cost() > 0.0, "a clock", NULL);
    printf("%s: %d failures\n", eetui_compiler(), failures);
    return failures != 0;
}
