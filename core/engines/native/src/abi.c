/* The calls of eetui.h, compiled for the oldest CPU: which units there are and can run, and the
 * checks that stand between a caller's mistake and a crash. */
#include "eetui.h"

#include <string.h>
#include <time.h>

#include "clock.h"
#include "limits.h"
#include "thread_pool.h"
#include "unit.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

extern const Unit eetui_unit_baseline;
#if defined(EETUI_X86)
extern const Unit eetui_unit_avx2, eetui_unit_avx512;
#endif
#if defined(EETUI_AMX_MODEL)
extern const Unit eetui_unit_modelled;
#endif

static const Unit *const UNITS[] = {
    &eetui_unit_scalar, /* number by number */
    &eetui_unit_baseline,
#if defined(EETUI_X86)
    &eetui_unit_avx2,
#endif
#if defined(EETUI_AMX_MODEL)
    &eetui_unit_modelled,
#endif
#if defined(EETUI_X86)
    &eetui_unit_avx512,
#endif
};

enum { N_UNITS = sizeof UNITS / sizeof *UNITS };

const char *eetui_unit_name(int64_t unit) {
    return unit < 0 || unit >= N_UNITS ? NULL : UNITS[unit]->name;
}

int64_t eetui_unit_lanes(int64_t unit) {
    return unit < 0 || unit >= N_UNITS ? 0 : UNITS[unit]->lanes;
}

int64_t eetui_unit_runs(int64_t unit) {
    if (unit < 0 || unit >= N_UNITS) return 0;
#if defined(EETUI_X86)
    if (UNITS[unit] == &eetui_unit_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (UNITS[unit] == &eetui_unit_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
               && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
#endif
    return 1;
}

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define INTEGER_TEXT(name) " " #name
#define REAL_TEXT(name) " " #name ".real"
#define POINTER_TEXT(type, name) " " #name ".pointer"

_Static_assert(EETUI_COUNTS == 8 && EETUI_PRODUCTS == 7 && EETUI_PHASES == 9,
               "say so in eetui_abi");

const char *eetui_abi(void) {
    return "version " TEXT(
        EETUI_VERSION) ", 8 counts, 7 products, 9 phases"
                       "; run" EETUI_RUN_FIELDS(
                           INTEGER_TEXT, REAL_TEXT,
                           POINTER_TEXT) "; sample" EETUI_SAMPLE_FIELDS(INTEGER_TEXT, REAL_TEXT,
                                                                        POINTER_TEXT);
}

const char *eetui_compiler(void) {
#if defined(__clang__)
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

/* The CPU's floating-point mode, with denormal numbers taken for zero if so asked. */
static uint64_t set_flushing(int flush) {
#if defined(__SSE2__)
    uint64_t old = _mm_getcsr();
    _mm_setcsr((unsigned)(flush ? old | 0x8040 : old & ~(uint64_t)0x8040));
    return old;
#elif defined(__aarch64__)
    uint64_t old, bit = 1 << 24;
    __asm__ volatile("mrs %0, fpcr" : "=r"(old));
    __asm__ volatile("msr fpcr, %0" : : "r"(flush ? old | bit : old & ~bit));
    return old;
#else
    (void)flush;
    return 0;
#endif
}

static void restore_mode(uint64_t mode) {
#if defined(__SSE2__)
    _mm_setcsr((unsigned)mode);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#else
    (void)mode;
#endif
}

static int in_range(int64_t x, int64_t low, int64_t high) { return x >= low && x <= high; }

static int flag(int64_t x) { return x == 0 || x == 1; }

static int finite(double x) { return x - x == 0.0; }

static int64_t check_shape(int64_t d, int64_t heads, int64_t layers, int64_t T, int64_t V,
                           int64_t squared, int64_t unit) {
    if (!in_range(d, 4, MAX_D) || d % 4 || !in_range(heads, 1, d) || d % heads) return EETUI_SHAPE;
    if (!in_range(layers, 1, MAX_LAYERS) || !in_range(T, 2, MAX_T) || !in_range(V, 2, MAX_V))
        return EETUI_SHAPE;
    if (!flag(squared)) return EETUI_SHAPE;
    return eetui_unit_runs(unit) ? EETUI_OK : EETUI_UNIT;
}

static int has_sme2(void) {
#if defined(__aarch64__) && defined(__linux__)
    uint64_t sme = 1 << 23, sme2 = (uint64_t)1 << 37; /* of arm64's HWCAP2 */
#if defined(EETUI_CHECK)
    sme2 |= sme; /* the kernels need no more, and some emulators have no more */
#endif
    (void)sme;
    return (getauxval(AT_HWCAP2) & sme2) != 0;
#elif defined(__aarch64__) && defined(__APPLE__)
    int has = 0;
    size_t size = sizeof has;
    return !sysctlbyname("hw.optional.arm.FEAT_SME2", &has, &size, NULL, 0) && has;
#else
    return 0;
#endif
}

static int has_bf16(void) {
#if defined(EETUI_X86) && defined(EETUI_BF16)
    return __builtin_cpu_supports("avx512bf16") != 0;
#elif defined(__aarch64__) && defined(__linux__)
    return (getauxval(AT_HWCAP2) & (uint64_t)1 << 14) != 0;
#elif defined(__aarch64__) && defined(__APPLE__)
    int has = 0;
    size_t size = sizeof has;
    return !sysctlbyname("hw.optional.arm.FEAT_BF16", &has, &size, NULL, 0) && has;
#else
    return 0;
#endif
}

/* Whether this machine has what computes the products and lets this process use it: a code of
 * eetui.h. */
static int64_t machine_has(int64_t products) {
    switch (products) {
    case EETUI_BY_SME2: return has_sme2() ? EETUI_OK : EETUI_NO_MATRIX;
    case EETUI_BY_BF16: return has_bf16() ? EETUI_OK : EETUI_NO_MATRIX;
    case EETUI_BY_AMX_SPLIT:
    case EETUI_BY_AMX: return eetui_amx_usable();
    default: return EETUI_OK;
    }
}

int64_t eetui_products_run(int64_t products, int64_t unit) {
    if (!in_range(products, 0, EETUI_PRODUCTS - 1)) return EETUI_TOGGLE;
    if (!eetui_unit_runs(unit)) return EETUI_UNIT;
    int64_t code = machine_has(products);
    if (code) return code;
    if (UNITS[unit]->has_products(products)) return EETUI_OK;
    for (int i = 0; i < N_UNITS; i++)
        if (UNITS[i]->has_products(products)) return EETUI_NOT_WITH;
    return EETUI_NOT_BUILT;
}

int64_t eetui_multiply_adds(int64_t unit, int64_t rounds) {
    if (!eetui_unit_runs(unit)) return EETUI_UNIT;
    if (!in_range(rounds, 1, MAX_ROUNDS)) return EETUI_BATCH;
    return UNITS[unit]->multiply_adds(rounds);
}

static int64_t check_run(const eetui_run *r) {
    if (!r) return EETUI_NULL;
    if (r->version != EETUI_VERSION || r->size != sizeof *r) return EETUI_VERSION_BAD;
    int64_t code = check_shape(r->d_model, r->n_heads, r->n_layers, r->block_size, r->vocab,
                               r->squared, r->unit);
    if (code) return code;
    if (!flag(r->padding_skip) || !flag(r->prefix_sharing) || !flag(r->fast_exp) || !flag(r->fused)
        || !flag(r->flush_denormals) || !flag(r->by_sample) || !flag(r->profile)
        || !flag(r->forward_only) || !flag(r->muon)
        || !in_range(r->adam, EETUI_ADAM_SCALAR, EETUI_ADAM_FUSED))
        return EETUI_TOGGLE;
    code = eetui_products_run(r->products, r->unit);
    if (code) return code;
    if (!in_range(r->batch, 1, MAX_BATCH) || !in_range(r->threads, 1, MAX_THREADS))
        return EETUI_BATCH;
    return EETUI_OK;
}

static int64_t check_scratch(const void *memory, int64_t bytes, int64_t needed) {
    if (!memory) return EETUI_NULL;
    return (uintptr_t)memory % 64 || bytes < needed ? EETUI_MEMORY : EETUI_OK;
}

static int64_t check_documents(const eetui_run *r) {
    int64_t n = r->n_steps * r->batch;
    for (int64_t i = 0; i < n; i++) {
        int64_t document = r->documents[i];
        if (!in_range(document, 0, r->n_docs - 1)) return EETUI_DOCUMENT;
        if (!in_range(r->lengths[document], 1, r->block_size)) return EETUI_LENGTH;
        const uint8_t *tokens = r->tokens + document * (r->block_size + 1);
        unsigned highest = 0;
        for (int64_t t = 0; t <= r->block_size; t++)
            highest = tokens[t] > highest ? tokens[t] : highest;
        if (highest >= r->vocab) return EETUI_TOKEN;
    }
    return EETUI_OK;
}

static int64_t check_work(const eetui_run *r) {
    if (!in_range(r->n_steps, 0, INT32_MAX) || !in_range(r->n_docs, 1, INT32_MAX)
        || !in_range(r->step, 0, INT64_MAX / 2))
        return EETUI_BATCH;
    if (!r->params || !r->tokens || !r->lengths || !r->documents || !r->losses) return EETUI_NULL;
    int update = !r->grads && !r->forward_only;
    if (update && (!r->m || !r->v || !r->rates)) return EETUI_NULL;
    if (r->profile && !r->ticks) return EETUI_NULL;
    if (r->grads && r->n_steps != 1) return EETUI_BATCH;
    if (r->threads > 1 && (!r->pool || eetui_pool_size(r->pool) < r->threads)) return EETUI_POOL;
    if (update) {
        if (!(r->beta1 >= 0 && r->beta1 < 1 && r->beta2 >= 0 && r->beta2 < 1 && r->eps > 0
              && r->eps < 1))
            return EETUI_NUMBER;
        for (int64_t i = 0; i < r->n_steps; i++)
            if (!finite(r->rates[i])) return EETUI_NUMBER;
    }
    return check_documents(r);
}

int64_t eetui_memory(const eetui_run *run) {
    int64_t code = check_run(run);
    return code ? code : UNITS[run->unit]->memory(run);
}

int64_t eetui_train(const eetui_run *run) {
    int64_t code = check_run(run);
    if (!code) code = check_work(run);
    if (!code) code = check_scratch(run->memory, run->memory_bytes, eetui_memory(run));
    if (code) return code;
    uint64_t mode = set_flushing((int)run->flush_denormals);
    UNITS[run->unit]->train(run, run->profile ? run->ticks : NULL);
    restore_mode(mode);
    return EETUI_OK;
}

static int64_t check_sample(const eetui_sample *s) {
    if (!s) return EETUI_NULL;
    if (s->version != EETUI_VERSION || s->size != sizeof *s) return EETUI_VERSION_BAD;
    int64_t code = check_shape(s->d_model, s->n_heads, s->n_layers, s->block_size, s->vocab,
                               s->squared, s->unit);
    if (code) return code;
    if (!flag(s->fast_exp) || !in_range(s->products, EETUI_BY_ROWS, EETUI_BY_TILES)
        || !flag(s->fused) || !flag(s->flush_denormals))
        return EETUI_TOGGLE;
    return in_range(s->n, 1, MAX_DOCUMENTS) ? EETUI_OK : EETUI_BATCH;
}

int64_t eetui_sample_memory(const eetui_sample *job) {
    int64_t code = check_sample(job);
    return code ? code : UNITS[job->unit]->sample_memory(job);
}

int64_t eetui_generate(const eetui_sample *s) {
    int64_t code = check_sample(s);
    if (code) return code;
    if (!s->params || !s->uniform || !s->tokens) return EETUI_NULL;
    if (!in_range(s->n_forced, 0, s->block_size - 1)) return EETUI_BATCH;
    if (s->n_forced && !s->forced) return EETUI_NULL;
    for (int64_t i = 0; i < s->n_forced; i++)
        if (!in_range(s->forced[i], 0, s->vocab - 1)) return EETUI_TOKEN;
    if (!(s->temperature > 0) || !finite(s->temperature)) return EETUI_NUMBER;
    code = check_scratch(s->memory, s->memory_bytes, eetui_sample_memory(s));
    if (code) return code;
    uint64_t mode = set_flushing((int)s->flush_denormals);
    code = UNITS[s->unit]->generate(s);
    restore_mode(mode);
    return code;
}

double eetui_clock_cost(void) {
    enum { READINGS = 1000 };
    int64_t begin = clock_ticks(), sum = 0;
    for (int i = 0; i < READINGS; i++) sum += clock_ticks();
    int64_t end = clock_ticks();
    return sum ? (double)(end - begin) / READINGS : 0.0;
}
