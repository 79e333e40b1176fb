/* The native engine from C: gradients of every unit against finite differences and each other,
 * all toggles, sampling, threads. For sanitizers and for CPUs that only an emulator has here. */
#include "eetui.h"

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
static int64_t ticks[EETUI_PHASES + 1];
static const char *const MATRICES[] = {"registers", "tile", "SME2", "AMX bf16", "AMX split"};
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
    return (eetui_run){
        .version = EETUI_VERSION, .size = sizeof(eetui_run), .d_model = D, .n_heads = HEADS,
        .n_layers = LAYERS, .block_size = T, .vocab = V, .unit = unit, .padding_skip = 1,
        .prefix_sharing = 1, .fast_exp = 1, .tiles = 1, .fused = 1, .adam = EETUI_ADAM_FUSED,
        .flush_denormals = 1, .threads = 1, .n_steps = 1, .batch = BATCH, .n_docs = DOCS,
        .beta1 = 0.85, .beta2 = 0.99, .eps = 1e-8, .params = params, .m = m, .v = v,
        .tokens = &tokens[0][0], .lengths = lengths, .documents = &documents[0][0],
        .rates = rates, .losses = losses, .ticks = ticks};
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

static double distance(const float *a, const float *b) {
    double d = 0.0, size = 0.0;
    for (int i = 0; i < PARAMS; i++) {
        d += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += (double)b[i] * b[i];
    }
    return sqrt(d / size);
}

static float loss_at(int64_t unit) {
    eetui_run r = job(unit);
    r.grads = grads;
    r.fast_exp = 0;
    run(&r);
    return losses[0];
}

static void check_differences(int64_t unit, const char *name) {
    float base = loss_at(unit);
    memcpy(expected, grads, sizeof grads);
    expect(isfinite(base), "the loss is finite", name);
    for (int i = 0; i < 40; i++) {
        int at = (int)(draw() % PARAMS);
        float kept = params[at], step = 4e-3f;
        params[at] = kept + step;
        double up = loss_at(unit);
        params[at] = kept - step;
        double down = loss_at(unit);
        params[at] = kept;
        double slope = (up - down) / (2.0 * step);
        expect(fabs(slope - expected[at]) < 2e-3 + 0.05 * fabs(slope), "slope is gradient", name);
    }
}

static void check_toggles(int64_t unit, int64_t matrix, const char *name) {
    for (int mask = 0; mask < 256; mask++) {
        eetui_run r = job(unit);
        r.matrix = matrix;
        r.grads = grads;
        r.padding_skip = mask & 1;
        r.prefix_sharing = mask >> 1 & 1;
        r.fast_exp = mask >> 2 & 1;
        r.tiles = mask >> 3 & 1;
        r.fused = mask >> 4 & 1;
        r.flush_denormals = mask >> 5 & 1;
        r.by_sample = mask >> 6 & 1;
        r.profile = mask >> 7 & 1;
        expect(run(&r) == EETUI_OK, "toggles run", name);
        expect(distance(grads, expected) < 1e-4, "toggles give the gradient", name);
    }
}

static void check_training(int64_t unit, int64_t matrix, const char *name) {
    static float start[PARAMS], first[PARAMS];
    memcpy(start, params, sizeof params);
    void *crew = eetui_crew_create(3);
    expect(crew != NULL, "a crew", name);
    for (int way = 0; way < 5; way++) {
        memcpy(params, start, sizeof params);
        memset(m, 0, sizeof m);
        memset(v, 0, sizeof v);
        eetui_run r = job(unit);
        r.matrix = way == 0 ? EETUI_MATRIX_OFF : matrix;
        r.n_steps = STEPS;
        r.adam = way < 3 ? way : EETUI_ADAM_FUSED;
        r.tiles = way != 3;
        r.threads = way == 4 ? 3 : 1;
        r.crew = way == 4 ? crew : NULL;
        expect(run(&r) == EETUI_OK, "training runs", name);
        if (way == 0) memcpy(first, params, sizeof params);
        expect(distance(params, first) < 1e-3, "every Adam is the same", name);
    }
    expect(distance(params, start) > 1e-2, "training moves the weights", name);
    eetui_crew_destroy(crew);
    memcpy(params, start, sizeof params);
}

static void check_sampling(int64_t unit, const char *name) {
    enum { N = 150 };
    static double uniform[N][T];
    static uint8_t out[N][T];
    int32_t forced[] = {3};
    for (int i = 0; i < N * T; i++) uniform[i / T][i % T] = (draw() % 1000) / 1000.0;
    eetui_sample s = {
        .version = EETUI_VERSION, .size = sizeof s, .d_model = D, .n_heads = HEADS,
        .n_layers = LAYERS, .block_size = T, .vocab = V, .unit = unit, .fast_exp = 1, .tiles = 1,
        .fused = 1, .flush_denormals = 1, .n = N, .n_forced = 1, .temperature = 0.7,
        .params = params, .forced = forced, .uniform = &uniform[0][0], .tokens = &out[0][0]};
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

int main(void) {
    prepare();
    for (int64_t unit = 0; eetui_unit_name(unit); unit++) {
        const char *name = eetui_unit_name(unit);
        if (!eetui_unit_runs(unit)) {
            printf("skipped: %s, which this CPU lacks\n", name);
            continue;
        }
        check_differences(unit, name);
        for (int64_t matrix = 0; matrix <= EETUI_MATRIX_AMX_SPLIT; matrix++) {
            if (eetui_matrix_runs(matrix, unit) != EETUI_OK) continue;
            check_toggles(unit, matrix, name);
            check_training(unit, matrix, name);
            printf("checked: %s, products by %s\n", name, MATRICES[matrix]);
        }
        check_sampling(unit, name);
    }
    expect(eetui_train(NULL) == EETUI_NULL, "null is refused", NULL);
    expect(eetui_clock_cost() > 0.0, "a clock", NULL);
    printf("%s: %d failures\n", eetui_compiler(), failures);
    return failures != 0;
}
