/* Runs one static Linux program on a bare machine: as much of a kernel as tests/native/check.c
 * needs. It has no threads and grants every permission; its output goes to the serial port. */
#include <elf.h>
#include <stdint.h>

enum { COM1 = 0x3f8, SHUTDOWN = 0x8900 }; /* the latter is Bochs's own port */
enum { STACK = 0x6000000, HEAP = 0x10000000, MAPPED = 0x14000000 }; /* the program is between */
enum {
    WRITE = 1,
    MMAP = 9,
    MPROTECT = 10,
    MUNMAP = 11,
    BRK = 12,
    EXIT = 60,
    ARCH_PRCTL = 158,
    CLOCK_GETTIME = 228,
    EXIT_GROUP = 231,
    GETRANDOM = 318,
    NOT_THERE = -38
};
enum { ARCH_SET_FS = 0x1002, FS_BASE = (int)0xC0000100 };

uint64_t program_stack;

static void out(uint16_t port, uint8_t x) {
    __asm__ volatile("outb %0, %1" : : "a"(x), "Nd"(port));
}

static uint8_t in(uint16_t port) {
    uint8_t x;
    __asm__ volatile("inb %1, %0" : "=a"(x) : "Nd"(port));
    return x;
}

/* One character after the other has left. */
static void print(const char *text, uint64_t n) {
    for (uint64_t i = 0; i < n; i++) {
        out(COM1, (uint8_t)text[i]);
        while (!(in(COM1 + 5) & 0x40)) continue;
    }
}

/* The compiler calls these by itself. */
void *memcpy(void *to, const void *from, uint64_t n) {
    for (uint64_t i = 0; i < n; i++) ((char *)to)[i] = ((const char *)from)[i];
    return to;
}
void *memset(void *to, int x, uint64_t n) {
    for (uint64_t i = 0; i < n; i++) ((char *)to)[i] = (char)x;
    return to;
}

/* Put the first module of `multiboot` where it wants to be, with a stack; gives its entry. */
uint64_t load(const uint32_t *multiboot) {
    const uint32_t *module = (const uint32_t *)(uintptr_t)multiboot[6];
    const char *file = (const char *)(uintptr_t)module[0];
    const Elf64_Ehdr *elf = (const Elf64_Ehdr *)file;
    const Elf64_Phdr *part = (const Elf64_Phdr *)(file + elf->e_phoff);
    static const uint64_t random[2] = {1, 2};
    out(COM1 + 3, 3); /* eight bits */
    for (int i = 0; i < elf->e_phnum; i++) {
        if (part[i].p_type != PT_LOAD) continue;
        memcpy((void *)part[i].p_vaddr, file + part[i].p_offset, part[i].p_filesz);
        memset((char *)part[i].p_vaddr + part[i].p_filesz, 0, part[i].p_memsz - part[i].p_filesz);
    }
    uint64_t headers = 0;
    for (int i = 0; i < elf->e_phnum; i++)
        if (part[i].p_type == PT_LOAD && part[i].p_offset == 0)
            headers = part[i].p_vaddr + elf->e_phoff;
    const uint64_t start[] = {2,
                              (uint64_t)"check",
                              (uint64_t)"AMX",
                              0,
                              0, /* arguments, environment; then the vector */
                              AT_PAGESZ,
                              4096,
                              AT_RANDOM,
                              (uint64_t)random,
                              AT_SECURE,
                              0,
                              AT_ENTRY,
                              elf->e_entry,
                              AT_PHDR,
                              headers,
                              AT_PHENT,
                              elf->e_phentsize,
                              AT_PHNUM,
                              elf->e_phnum,
                              AT_NULL,
                              0};
    memcpy((void *)STACK, start, sizeof start);
    program_stack = STACK;
    return elf->e_entry;
}

int64_t serve(uint64_t call, uint64_t a, uint64_t b, uint64_t c) {
    static uint64_t heap = HEAP, mapped = MAPPED;
    uint64_t at = mapped;
    switch (call) {
    case WRITE: print((const char *)b, c); return (int64_t)c;
    case BRK:
        if (a >= HEAP && a < MAPPED) heap = a;
        return (int64_t)heap;
    case MMAP:
        mapped += (b + 4095) & ~(uint64_t)4095;
        memset((void *)at, 0, b);
        return (int64_t)at;
    case ARCH_PRCTL:
        if (a == ARCH_SET_FS)
            __asm__ volatile("wrmsr" : : "c"(FS_BASE), "a"((uint32_t)b), "d"((uint32_t)(b >> 32)));
        return 0;
    case CLOCK_GETTIME:
    case GETRANDOM:
        memset((void *)(call == GETRANDOM ? a : b), 0, call == GETRANDOM ? b : 16);
        return (int64_t)b;
    case MPROTECT:
    case MUNMAP: return 0;
    case EXIT:
    case EXIT_GROUP:
        print(a ? "FAILED\n" : "PASSED\n", 7);
        for (const char *s = "Shutdown"; *s; s++) out(SHUTDOWN, (uint8_t)*s);
    }
    return NOT_THERE;
}
