/* Whether AMX can be used: what the CPU has, and what the operating system allows.
 *
 * Tiles are 8 KB of registers, which Linux keeps for no process that has not asked (5.16 and
 * later). The permission is the process's, for all its threads and once for all. */
#include "unit.h"

#if defined(__x86_64__) && !defined(EETUI_AMX_MODEL)
#include <cpuid.h>
#include <stdatomic.h>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum { AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24, OSXSAVE = 1 << 27 }; /* of CPUID */
enum { TILE_STATE = 3 << 17 };                                      /* of XCR0 */
enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };     /* of asm/prctl.h */

static int64_t ask(void) {
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || ~d & (AMX_BF16 | AMX_TILE))
        return EETUI_NO_MATRIX;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE)) return EETUI_REFUSED;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if (~low & TILE_STATE) return EETUI_REFUSED;
#if defined(__linux__)
    if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)) return EETUI_REFUSED;
#endif
    return EETUI_OK;
}

int64_t eetui_amx_usable(void) {
    static _Atomic int64_t answer = 1; /* not asked yet; asking twice does no harm */
    if (answer > 0) answer = ask();
    return answer;
}

#elif defined(EETUI_AMX_MODEL)

int64_t eetui_amx_usable(void) { return EETUI_OK; }

#else

int64_t eetui_amx_usable(void) { return EETUI_NO_MATRIX; }

#endif
