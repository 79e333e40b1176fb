/* From a multiboot loader (32 bits, no paging) to 64 bits with AVX-512 and AMX switched on. */
.section .multiboot, "a"
.align 4
.long 0x1BADB002, 3, -(0x1BADB002 + 3)

.section .bss
.align 4096
pages:      .skip 3 * 4096          /* of four, three and two levels: 1 GB as it is */
            .skip 65536
own_stack:

.section .data
.align 16
gdt:        .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
gdt_end:
gdt_at:     .word gdt_end - gdt - 1
            .quad gdt

.text
.code32
.globl start
start:
    mov %ebx, %esi                  /* what multiboot tells */
    lgdtl gdt_at
    movl $pages + 4096 + 3, pages
    movl $pages + 8192 + 3, pages + 4096
    xor %ecx, %ecx
    mov $0x83, %eax                 /* 2 MB, present, to be written */
1:  mov %eax, pages + 8192(,%ecx,8)
    add $0x200000, %eax
    inc %ecx
    cmp $512, %ecx
    jne 1b
    mov $0x40620, %eax              /* PAE, OSFXSR, OSXMMEXCPT, OSXSAVE */
    mov %eax, %cr4
    mov $pages, %eax
    mov %eax, %cr3
    mov $0xC0000080, %ecx           /* EFER: long mode and SYSCALL */
    rdmsr
    or $0x101, %eax
    wrmsr
    mov $0x80000023, %eax           /* paging, NE, MP, protection */
    mov %eax, %cr0
    ljmp $8, $in_64_bits
.code64
in_64_bits:
    mov $16, %eax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    lea own_stack(%rip), %rsp
    xor %ecx, %ecx
    mov $0x600e7, %eax              /* XCR0: x87, SSE, AVX, AVX-512, both of AMX */
    xor %edx, %edx
    xsetbv
    mov $0xC0000081, %ecx           /* STAR: SYSCALL stays in these segments */
    xor %eax, %eax
    mov $8, %edx
    wrmsr
    mov $0xC0000082, %ecx           /* LSTAR */
    lea system_call(%rip), %rax
    xor %edx, %edx
    wrmsr
    mov %esi, %edi
    call load                       /* gives where the program begins */
    mov program_stack(%rip), %rsp
    xor %edx, %edx
    jmp *%rax

/* On the program's own stack, beyond the red zone; it returns where SYSCALL left off. */
system_call:
    lea -128(%rsp), %rsp
    push %rcx; push %r11; push %rdi; push %rsi; push %rdx; push %r10; push %r8; push %r9
    push %rbp
    mov %rsp, %rbp
    and $-16, %rsp
    mov %rdx, %rcx
    mov %rsi, %rdx
    mov %rdi, %rsi
    mov %rax, %rdi
    call serve
    mov %rbp, %rsp
    pop %rbp
    pop %r9; pop %r8; pop %r10; pop %rdx; pop %rsi; pop %rdi; pop %r11; pop %rcx
    lea 128(%rsp), %rsp
    jmp *%rcx
.section .note.GNU-stack
