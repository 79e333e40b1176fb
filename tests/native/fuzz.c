/* Whatever a caller writes into the structs of eetui.h, a call answers with a code and stays within
 * the memory that it was handed: a target for libFuzzer, under AddressSanitizer and UBSan.
 *
 * The input is read as the fields of a job. Buffers are exactly as large as these fields say, so
 * that a byte too far is seen; what is in them comes from the input as well. */
#include "eetui.h"
#include "limits.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 25, MOST_WORK = 1 << 24, POOL = 3 };

static const int64_t NUMBERS[] = {INT64_MIN,
                                  INT32_MIN,
                                  -2,
                                  -1,
                                  0,
                                  1,
                                  2,
                                  3,
                                  63,
                                  64,
                                  65,
                                  255,
                                  256,
                                  257,
                                  511,
                                  512,
                                  513,
                                  520,
                                  7,
                                  INT32_MAX,
                                  (int64_t)1 << 32,
                                  INT64_MAX - 1,
                                  INT64_MAX};
static const double REALS[] = {0.9, 0.0, 1.0, -1.0, 1e-30, 1e-8, 1e300, 1e-320, 0.5, 2.0};

typedef struct {
    const uint8_t *data;
    size_t size, at;
} Input;

static uint8_t byte(Input *in) { return in->at < in->size ? in->data[in->at++] : 0; }

/* Mostly a number from `low` to `high`, now and then any. */
static int64_t number(Input *in, int64_t low, int64_t high) {
    uint8_t b = byte(in);
    if (b < 224) return low + b % (high - low + 1);
    return NUMBERS[b % (sizeof NUMBERS / sizeof *NUMBERS)];
}

static double real(Input *in, double usual) {
    uint8_t b = byte(in);
    if (b < 224) return usual;
    union {
        uint64_t bits;
        double x;
    } any = {0};
    if (b < 250) return REALS[b % (sizeof REALS / sizeof *REALS)];
    for (int i = 0; i < 8; i++) any.bits = any.bits << 8 | byte(in);
    return any.x;
}

static int within(int64_t x, int64_t low, int64_t high) { return x >= low && x <= high; }

/* Mostly one that goes with so many heads. */
static int64_t width(Input *in, int64_t heads) {
    uint8_t b = byte(in);
    return b < 224 && within(heads, 1, 6) ? 4 * heads * (1 + b % 6) : number(in, 1, 99);
}

/* `n` elements of `size` bytes for the job to use, or null now and then; freed by `end`. */
static void *kept[16];
static int n_kept;
static void *buffer(Input *in, int64_t n, int64_t size) {
    if (byte(in) == 255) return NULL;
    void *p = calloc(n > 0 ? (size_t)n : 1, (size_t)size);
    kept[n_kept++] = p;
    return p;
}

static void end(void) {
    while (n_kept) free(kept[--n_kept]);
}

/* Small numbers as weights; each bit pattern of a float now and then. */
static void fill_floats(Input *in, float *x, int64_t n) {
    uint32_t state = byte(in) + 1u;
    for (int64_t i = 0; x && i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = ((float)(state >> 8) / (1 << 24) - 0.5f) * 0.2f;
    }
    if (x && n && byte(in) > 240)
        for (size_t i = 0; i < 4; i++) ((uint8_t *)x)[i] = byte(in);
}

static int64_t lend(Input *in, int64_t needed, void **memory) {
    uint8_t how = byte(in);
    int64_t bytes = how == 255 && needed > 64 ? needed - 64 : needed;
    void *whole = aligned_alloc(64, (size_t)((bytes + 63) / 64 * 64 + 64));
    kept[n_kept++] = whole;
    memset(whole, 0xff, (size_t)bytes); /* every float is not a number */
    *memory = how == 254 ? (char *)whole + 8 : whole;
    return bytes;
}

static void check(int64_t code) {
    if (code < EETUI_NOT_WITH || code > EETUI_OK) abort();
}

static void train(Input *in, void *pool) {
    eetui_run r = {.version = byte(in) == 255 ? number(in, 0, 9) : EETUI_VERSION,
                   .size = byte(in) == 255 ? number(in, 0, 99) : (int64_t)sizeof r};
    r.n_heads = number(in, 1, 6);
    r.d_model = width(in, r.n_heads);
    r.n_layers = number(in, 1, 3);
    r.block_size = number(in, 2, 18);
    r.vocab = number(in, 2, 40);
    r.squared = number(in, 0, 1);
    r.unit = number(in, 0, 5);
    r.padding_skip = number(in, 0, 1);
    r.prefix_sharing = number(in, 0, 1);
    r.fast_exp = number(in, 0, 1);
    r.fused = number(in, 0, 1);
    r.adam = number(in, 0, 2);
    r.flush_denormals = number(in, 0, 1);
    r.by_sample = number(in, 0, 1);
    r.muon = number(in, 0, 1);
    r.threads = number(in, 1, POOL);
    r.products = number(in, 0, EETUI_PRODUCTS - 1);
    r.n_steps = number(in, 0, 3);
    r.batch = number(in, 1, 70);
    r.n_docs = number(in, 1, 30);
    r.step = number(in, 0, 200);
    r.profile = number(in, 0, 1);
    r.forward_only = number(in, 0, 1);
    r.beta1 = real(in, 0.9);
    r.beta2 = real(in, 0.99);
    r.eps = real(in, 1e-8);
    r.pool = byte(in) == 255 ? NULL : pool;
    int64_t needed = eetui_memory(&r);
    if (needed < 0) check(needed);
    /* Buffers as the fields say, where there is so much memory and time; else the fields are only
     * asked about. */
    if (!within(needed, 0, MOST_BYTES) || !within(r.n_docs, 1, 1 << 16)
        || !within(r.n_steps, INT64_MIN, 3) || !within(r.step, INT64_MIN, INT64_MAX))
        return;
    int64_t steps = r.n_steps > 0 ? r.n_steps : 0;
    int64_t n_params = (2 * r.vocab + r.block_size) * r.d_model
                       + 12 * r.n_layers * r.d_model * r.d_model;
    if (steps * r.batch * r.block_size * n_params > MOST_WORK) return;
    r.params = buffer(in, n_params, 4);
    r.m = buffer(in, n_params, 4);
    r.v = buffer(in, n_params, 4);
    r.grads = byte(in) % 3 ? NULL : buffer(in, n_params, 4);
    uint8_t *tokens = buffer(in, r.n_docs * (r.block_size + 1), 1);
    int32_t *lengths = buffer(in, r.n_docs, 4), *documents = buffer(in, steps * r.batch, 4);
    float *rates = buffer(in, steps, 4);
    r.losses = buffer(in, steps, 4);
    r.ticks = buffer(in, EETUI_PHASES + 1, 8);
    r.counts = buffer(in, r.threads * EETUI_COUNTS, 8);
    r.memory_bytes = lend(in, needed, &r.memory);
    fill_floats(in, r.params, n_params);
    for (int64_t i = 0; rates && i < steps; i++) rates[i] = (float)real(in, 0.01);
    for (int64_t i = 0; lengths && i < r.n_docs; i++)
        lengths[i] = (int32_t)number(in, 1, r.block_size);
    for (int64_t i = 0; documents && i < steps * r.batch; i++)
        documents[i] = (int32_t)(in->at < in->size ? number(in, 0, r.n_docs - 1) : i % r.n_docs);
    for (int64_t i = 0; tokens && i < r.n_docs * (r.block_size + 1); i++) {
        uint8_t b = byte(in);
        tokens[i] = b < 250 ? (uint8_t)(b % r.vocab) : b;
    }
    r.tokens = tokens, r.lengths = lengths, r.documents = documents, r.rates = rates;
    check(eetui_train(&r));
}

static void sample(Input *in) {
    eetui_sample s = {.version = EETUI_VERSION, .size = sizeof s};
    s.n_heads = number(in, 1, 6);
    s.d_model = width(in, s.n_heads);
    s.n_layers = number(in, 1, 3);
    s.block_size = number(in, 2, 18);
    s.vocab = number(in, 2, 40);
    s.squared = number(in, 0, 1);
    s.unit = number(in, 0, 5);
    s.fast_exp = number(in, 0, 1);
    s.products = number(in, 0, 1);
    s.fused = number(in, 0, 1);
    s.flush_denormals = number(in, 0, 1);
    s.n = number(in, 1, 40);
    s.n_forced = byte(in) > 200 ? number(in, 0, 6) : 0;
    s.temperature = real(in, 0.5);
    int64_t needed = eetui_sample_memory(&s);
    if (needed < 0) check(needed);
    if (!within(needed, 0, MOST_BYTES) || !within(s.n, 1, 64)) return;
    int64_t n_params = (2 * s.vocab + s.block_size) * s.d_model
                       + 12 * s.n_layers * s.d_model * s.d_model;
    if (s.n * s.block_size * n_params > MOST_WORK) return;
    float *params = buffer(in, n_params, 4);
    int32_t *forced = buffer(in, within(s.n_forced, 0, 999) ? s.n_forced : 0, 4);
    double *uniform = buffer(in, s.n * s.block_size, 8);
    s.tokens = buffer(in, s.n * s.block_size, 1);
    s.memory_bytes = lend(in, needed, &s.memory);
    fill_floats(in, params, n_params);
    for (int64_t i = 0; forced && within(s.n_forced, 0, 999) && i < s.n_forced; i++)
        forced[i] = (int32_t)number(in, 0, s.vocab - 1);
    for (int64_t i = 0; uniform && i < s.n * s.block_size; i++) uniform[i] = byte(in) / 256.0;
    s.params = params, s.forced = forced, s.uniform = uniform;
    check(eetui_generate(&s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void *pool;
    if (!pool) pool = eetui_pool_create(POOL);
    Input in = {data, size, 0};
    switch (byte(&in) % 8) {
    case 0: sample(&in); break;
    case 1:
        check(eetui_products_run(number(&in, 0, 6), number(&in, 0, 5)));
        if (eetui_multiply_adds(number(&in, 0, 5), number(&in, 1, 9)) < EETUI_NOT_WITH) abort();
        break;
    default: train(&in, pool);
    }
    end();
    return 0;
}
