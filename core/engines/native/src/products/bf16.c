/* The bfloat16 kernels, compiled for the instructions that they need: AVX-512 BF16 on x86, BF16 on
 * Arm. The unit of the same vector width calls them where the CPU has these. */
#include "products/bf16-inl.h"
