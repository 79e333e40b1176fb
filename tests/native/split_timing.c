/* What numbers split in two would cost: a forward product of 96 rows in float32, in bfloat16, and as
 * three bfloat16 products of split numbers, a = high + low, all but low times low. Weights are split
 * beforehand, as an update would leave them.
 *
 *     gcc -O3 -march=native -Icore/engines/native/src tests/native/split_timing.c -lm -o /tmp/split
 *     taskset -c 1 /tmp/split
 */
#define LANES 16
#include "products/bf16_tiles-inl.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROWS = 96, MOST = 512, TURNS = 31 };

static float a[ROWS * (MOST + 16)], rest[ROWS * (MOST + 16)], w[MOST * MOST], c[ROWS * (MOST + 16)];
static pair weights[2][MOST * MOST / 2];
static Both split[2];
static int width; /* of the square matrix */

static void in_float32(void) {
    int ld = leading(width);
    for (int j = 0; j < width; j += 4 * LANES)
        for (int r = 0; r < ROWS; r += 6)
            ACROSS_TILES[4][6](a + r * ld, ld, w + j * width, 4 * LANES, width, c + r * ld + j, ld,
                               0, STORE, c);
}

static void one_product(const Both *left, const pair *right, int add) {
    int ld = leading(width);
    for (int j = 0; j < width; j += 4 * LANES)
        dot_panel(left, 0, right + j * width / 2, 4, width / 2, c + j, ld, ROWS, add, STORE, c);
}

static void in_bfloat16(void) {
    pack_both(a, leading(width), ROWS, width, &split[0]);
    one_product(&split[0], weights[0], 0);
}

static void in_split(void) {
    int ld = leading(width);
    pack_both(a, ld, ROWS, width, &split[0]);
    for (int r = 0; r < ROWS; r++)
        for (int f = 0; f < width; f += LANES) {
            vec x = v_load(a + r * ld + f);
            uvec high = (uvec)v_bits(x) + 0x8000u;
            v_store(rest + r * ld + f, x - v_of_bits((ivec)(high & 0xffff0000u)));
        }
    pack_both(rest, ld, ROWS, width, &split[1]);
    one_product(&split[0], weights[0], 0);
    one_product(&split[0], weights[1], 1);
    one_product(&split[1], weights[0], 1);
}

static double us_of(void work(void)) {
    struct timespec from, to;
    int n = 1 + 40000000 / (width * width * ROWS / 16);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (int i = 0; i < n; i++) work();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3)
           / n;
}

static int ascending(const void *x, const void *y) {
    double d = *(const double *)x - *(const double *)y;
    return (d > 0) - (d < 0);
}

int main(void) {
    static void (*const WORK[])(void) = {in_float32, in_bfloat16, in_split};
    for (int i = 0; i < ROWS * (MOST + 16); i++) a[i] = (float)(rand() % 1000) / 1000.0f;
    for (width = 64; width <= 512; width *= 2) {
        for (int k = 0; k < 2; k++) {
            split[k] = (Both){.ld_across = ld_across(width), .ld_down = leading(width)};
            split[k].across = calloc((ROWS + 2) * (size_t)split[k].ld_across, 4);
            split[k].down = calloc((ROWS + 2) * (size_t)split[k].ld_down, 4);
            if (!split[k].across || !split[k].down) return 1;
        }
        double us[3][TURNS];
        for (int t = 0; t < TURNS; t++)
            for (int k = 0; k < 3; k++) us[k][t] = us_of(WORK[k]);
        for (int k = 0; k < 3; k++) qsort(us[k], TURNS, sizeof **us, ascending);
        double base = us[0][TURNS / 2];
        printf("width %3d: float32 %.1f us, bfloat16 %.2f of that, split %.2f\n", width, base,
               us[1][TURNS / 2] / base, us[2][TURNS / 2] / base);
        for (int k = 0; k < 2; k++) free(split[k].across), free(split[k].down);
    }
}
