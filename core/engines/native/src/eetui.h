/* The boundary of the native engine: one struct of plain numbers and pointers, and a few calls.
 *
 * Every field has eight bytes, so that a caller in another language can mirror the struct as a
 * list. A call checks what it is given before it follows it and answers with a code; nothing is
 * allocated, and nothing outside the memory that was handed in is written.
 */
#ifndef EETUI_H
#define EETUI_H

#include <stdint.h>

#define EETUI_VERSION 7

enum {
    EETUI_OK = 0,
    EETUI_NULL = -1,        /* a pointer is missing */
    EETUI_VERSION_BAD = -2, /* the struct is of another version or size */
    EETUI_SHAPE = -3,       /* the model's shape is not a legal one */
    EETUI_TOGGLE = -4,      /* a toggle has a value that does not exist */
    EETUI_UNIT = -5,        /* this CPU or build lacks the instruction set */
    EETUI_BATCH = -6,       /* the number of steps, documents or threads is out of range */
    EETUI_DOCUMENT = -7,    /* a batch names a document that does not exist */
    EETUI_LENGTH = -8,      /* a document has no position to predict, or too many */
    EETUI_TOKEN = -9,       /* a document holds a token outside the vocabulary */
    EETUI_MEMORY = -10,     /* the scratch memory is too small or not aligned to 64 bytes */
    EETUI_NUMBER = -11,     /* a rate, beta, temperature or such makes no sense */
    EETUI_POOL = -12,       /* more threads are asked for than the pool has */
    EETUI_NOT_BUILT = -13,  /* the compiler of this build could not make these kernels */
    EETUI_NO_MATRIX = -14,  /* this CPU cannot compute products so */
    EETUI_REFUSED = -15,    /* the operating system does not let this process use it */
    EETUI_NOT_WITH = -16    /* it does not go together with this instruction set */
};

enum { EETUI_ADAM_SCALAR, EETUI_ADAM_VECTOR, EETUI_ADAM_FUSED };

/* What computes the products. */
enum {
    EETUI_BY_ROWS,  /* vector registers, row by row */
    EETUI_BY_TILES, /* vector registers, a tile of sums at a time */
    EETUI_BY_OUTER, /* the matrix units' algorithm in vector registers: sums of outer products */
    EETUI_BY_SME2,  /* Arm's matrix unit */
    EETUI_BY_AMX_SPLIT, /* Intel's, each number as the sum of two in bfloat16 */
    EETUI_BY_AMX,       /* Intel's, in bfloat16 */
    EETUI_BY_BF16,      /* vector registers, in bfloat16 */
    EETUI_PRODUCTS      /* how many there are */
};

enum { EETUI_PHASES = 9 };

/* What a call counts where the work is done, for each thread. */
enum {
    EETUI_PIECES,        /* parts in which batches went through the model */
    EETUI_ROWS,          /* positions that were computed, those shared counted once */
    EETUI_PASSES,        /* over activations, beyond the products, that fusing saves */
    EETUI_PRODUCT_TILES, /* of activations: sums held in registers together, in float32 */
    EETUI_EXP_VECTORS,   /* vectors of numbers that exp was taken of */
    EETUI_ADAM_VECTORS,  /* vectors of weights that Adam updated in a pass of its own */
    EETUI_LANES,         /* numbers in a vector */
    EETUI_MULTIPLY_ADDS, /* of products and attention, those of shared positions counted once */
    EETUI_COUNTS
};

/* The fields of both structs: once here, for C and for eetui_abi, which a caller compares with what
 * it knows before the first call. */
/* clang-format off */
#define EETUI_SHAPE_FIELDS(INTEGER)                                                                \
    INTEGER(d_model) INTEGER(n_heads) INTEGER(n_layers)                                            \
    INTEGER(block_size) INTEGER(vocab) INTEGER(squared)

/* One call: n_steps training steps, the loss and gradients of one batch, or the losses of n_steps
 * batches with the weights left as they are. */
#define EETUI_RUN_FIELDS(INTEGER, REAL, POINTER)                                                   \
    INTEGER(version) INTEGER(size) /* EETUI_VERSION and sizeof of this struct */                   \
    EETUI_SHAPE_FIELDS(INTEGER)                                                                    \
    /* the toggles */                                                                              \
    INTEGER(unit) /* place in the list of units, see eetui_unit_name */                            \
    INTEGER(padding_skip) INTEGER(prefix_sharing) INTEGER(fast_exp) INTEGER(fused)                 \
    INTEGER(adam) INTEGER(flush_denormals) INTEGER(by_sample) INTEGER(threads) INTEGER(products)   \
    INTEGER(muon) /* for the matrices of the blocks, and Adam for the others */                    \
    /* the work */                                                                                 \
    INTEGER(n_steps) INTEGER(batch) INTEGER(n_docs) INTEGER(step) INTEGER(profile)                 \
    INTEGER(forward_only)                                                                          \
    REAL(beta1) REAL(beta2) REAL(eps)                                                              \
    POINTER(float, params) /* [n_params], as core/model/state.py lays them out; m and v alike */   \
    POINTER(float, m) POINTER(float, v)                                                            \
    POINTER(float, grads) /* [n_params] to be filled instead of an update, or null */              \
    POINTER(const uint8_t, tokens)    /* [n_docs][block_size + 1] */                               \
    POINTER(const int32_t, lengths)   /* [n_docs] predicted positions */                           \
    POINTER(const int32_t, documents) /* [n_steps][batch] */                                       \
    POINTER(const float, rates)       /* [n_steps] */                                              \
    POINTER(float, losses)            /* [n_steps], filled */                                      \
    POINTER(int64_t, ticks)  /* [EETUI_PHASES + 1], added to if profile; the last is the whole */  \
    POINTER(int64_t, counts) /* [threads][EETUI_COUNTS], added to; or null */                      \
    POINTER(void, memory)    /* eetui_memory bytes of scratch, aligned to 64 */                    \
    INTEGER(memory_bytes)                                                                          \
    POINTER(void, pool) /* eetui_pool_create, or null for one thread */

/* Documents generated side by side: n of them, one position after the other. */
#define EETUI_SAMPLE_FIELDS(INTEGER, REAL, POINTER)                                                \
    INTEGER(version) INTEGER(size)                                                                 \
    EETUI_SHAPE_FIELDS(INTEGER)                                                                    \
    INTEGER(unit) INTEGER(fast_exp) INTEGER(products) /* rows or tiles */                          \
    INTEGER(fused) INTEGER(flush_denormals) INTEGER(n) INTEGER(n_forced)                           \
    REAL(temperature)                                                                              \
    POINTER(const float, params)                                                                   \
    POINTER(const int32_t, forced)  /* [n_forced] tokens of the prefix */                          \
    POINTER(const double, uniform)  /* [n][block_size] in [0, 1) */                                \
    POINTER(uint8_t, tokens)        /* [n][block_size], filled; boundaries after the end */        \
    POINTER(void, memory)                                                                          \
    INTEGER(memory_bytes)
/* clang-format on */

#define EETUI_INTEGER(name) int64_t name;
#define EETUI_REAL(name) double name;
#define EETUI_POINTER(type, name) type *name;
typedef struct {
    EETUI_RUN_FIELDS(EETUI_INTEGER, EETUI_REAL, EETUI_POINTER)
} eetui_run;
typedef struct {
    EETUI_SAMPLE_FIELDS(EETUI_INTEGER, EETUI_REAL, EETUI_POINTER)
} eetui_sample;

#if defined(_WIN32)
#define EETUI_API __declspec(dllexport)
#else
#define EETUI_API __attribute__((visibility("default")))
#endif

/* The units compiled in, narrowest first: their names (null past the end), lanes and whether this
 * CPU can run them. */
EETUI_API const char *eetui_unit_name(int64_t unit);
EETUI_API int64_t eetui_unit_lanes(int64_t unit);
EETUI_API int64_t eetui_unit_runs(int64_t unit);

/* EETUI_OK if the unit can compute its products that way here, else why not: a code from
 * EETUI_NOT_BUILT to EETUI_NOT_WITH. Asks the operating system for permission where it must. */
EETUI_API int64_t eetui_products_run(int64_t products, int64_t unit);

/* Run `rounds` rounds of independent multiply-adds in the unit's registers, nothing else; gives
 * how many floating-point operations that were, two for each multiply-add, or an error code. */
EETUI_API int64_t eetui_multiply_adds(int64_t unit, int64_t rounds);

/* What a caller must agree about: the version, the fields of both structs in their order, and how
 * many counts, ways of products and phases there are. */
EETUI_API const char *eetui_abi(void);

EETUI_API const char *eetui_compiler(void);

/* Bytes of scratch that a call needs, or an error code. */
EETUI_API int64_t eetui_memory(const eetui_run *run);
EETUI_API int64_t eetui_sample_memory(const eetui_sample *job);

EETUI_API int64_t eetui_train(const eetui_run *run);
EETUI_API int64_t eetui_generate(const eetui_sample *job);

/* Threads that wait for work between calls; null if they cannot be had. */
EETUI_API void *eetui_pool_create(int64_t threads);
EETUI_API void eetui_pool_destroy(void *pool);

/* Ticks that one reading of the clock costs: a step of a profiled call reads it about 30 times. */
EETUI_API double eetui_clock_cost(void);

#endif
