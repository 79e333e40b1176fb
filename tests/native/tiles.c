/* The AMX instructions beside their model, bit by bit: needs a CPU (or an emulator) that has them.
 * Compiled twice into one program, with EETUI_AMX_MODEL and without. */
#define LANES 16
#include "products/amx_tiles-inl.h"

#include <stdio.h>

void tiles_real(const float *left, const float *right, float *sums);

#if !defined(EETUI_AMX_MODEL)

void tiles_real(const float *left, const float *right, float *sums) {
#else

static void tiles_model(const float *left, const float *right, float *sums) {
#endif
    TILE_FENCE();
    TILE_SHAPES();
    TILE_LOAD(0, sums, 64);
    TILE_LOAD(4, left, 64);
    TILE_LOAD(6, right, 64);
    TILE_DOT(0, 4, 6);
    TILE_ZERO(1);
    TILE_DOT(1, 4, 6);
    TILE_STORE(0, sums, 64);
    TILE_STORE(1, sums + 256, 64);
    TILE_RELEASE();
    TILE_FENCE();
}

#if defined(EETUI_AMX_MODEL)

static uint64_t state = 1;
static uint32_t draw(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

/* Numbers about 1, of any exponent, or any bits at all, infinities and NaNs among them. */
static uint32_t number(int kind) {
    uint32_t bits = draw();
    if (kind == 0) return (bits & 0x80ffffff) | 0x3f000000;
    return kind == 1 ? bits & 0xbfffffff : bits;
}

static int alike(uint32_t a, uint32_t b) {
    int no_a = (a & 0x7fffffff) > 0x7f800000, no_b = (b & 0x7fffffff) > 0x7f800000;
    return a == b || (no_a && no_b) || ((a | b) & 0x7fffffff) == 0;
}

int main(void) {
    static uint32_t left[256], right[256], real[512], model[512];
    enum { ROUNDS = 300 };
    int differ = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 256; i++) {
            left[i] = (number(round % 3) & 0xffff0000u) | number(round % 3) >> 16;
            right[i] = (number(round % 3) & 0xffff0000u) | number(round % 3) >> 16;
            real[i] = model[i] = number(round % 3);
        }
        tiles_real((float *)left, (float *)right, (float *)real);
        tiles_model((float *)left, (float *)right, (float *)model);
        for (int i = 0; i < 512; i++) differ += !alike(real[i], model[i]);
    }
    printf("AMX and its model: %d of %d sums differ\n", differ, 512 * ROUNDS);
    return differ != 0;
}

#endif
