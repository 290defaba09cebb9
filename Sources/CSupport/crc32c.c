// CRC-32C three ways: x86-64 with SSE4.2 (three interleaved streams), ARMv8 with the CRC extension, tables.
//
// A remainder is held bit-reversed: bit 31 is the coefficient of x^0. Multiplying by x^(8n) appends n zero bytes.
#include "CSupport.h"

#include <string.h>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#define POLYNOMIAL 0x82f63b78u

// The lengths of one of three streams that run side by side. The multiply that joins them costs the same for every
// length: long ones for throughput, short ones so that small batches gain too.
#define LONG_STREAM 4096
#define SHORT_STREAM 256

typedef uint32_t (*crc_function)(uint32_t, const uint8_t *, size_t);

static uint32_t byte_tables[8][256];
// shift_tables[k][d] is x^(8 * d * 256^k): three multiplications shift by anything below 16 MiB.
static uint32_t shift_tables[8][256];
static uint32_t long_shift[4][256];
static uint32_t short_shift[4][256];
static crc_function chosen;
static const char *chosen_name;

static uint32_t multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (int bit = 0; bit < 32; bit++) {
        product ^= b & (0u - (a >> 31));
        a <<= 1;
        b = (b >> 1) ^ (POLYNOMIAL & (0u - (b & 1)));
    }
    return product;
}

static uint32_t load32(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint64_t load64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint32_t table_crc(uint32_t crc, const uint8_t *bytes, size_t count) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    while (count >= 8) {
        uint32_t low = crc ^ load32(bytes);
        uint32_t high = load32(bytes + 4);
        crc = byte_tables[7][low & 255] ^ byte_tables[6][(low >> 8) & 255] ^ byte_tables[5][(low >> 16) & 255]
            ^ byte_tables[4][low >> 24] ^ byte_tables[3][high & 255] ^ byte_tables[2][(high >> 8) & 255]
            ^ byte_tables[1][(high >> 16) & 255] ^ byte_tables[0][high >> 24];
        bytes += 8;
        count -= 8;
    }
#endif
    while (count--) crc = byte_tables[0][(crc ^ *bytes++) & 255] ^ (crc >> 8);
    return crc;
}

#if defined(__x86_64__) || defined(__aarch64__)

static uint32_t apply(uint32_t table[4][256], uint32_t crc) {
    return table[0][crc & 255] ^ table[1][(crc >> 8) & 255] ^ table[2][(crc >> 16) & 255] ^ table[3][crc >> 24];
}

#if defined(__x86_64__)
#define HARDWARE __attribute__((target("sse4.2")))
#define STEP64(crc, value) ((uint32_t)__builtin_ia32_crc32di((crc), (value)))
#define STEP8(crc, value) __builtin_ia32_crc32qi((crc), (value))
#else
#define HARDWARE __attribute__((target("crc")))
#define STEP64(crc, value) __builtin_arm_crc32cd((crc), (value))
#define STEP8(crc, value) __builtin_arm_crc32cb((crc), (value))
#endif

// The instruction takes three cycles but one can start in each: three streams keep it busy.
#define THREE_STREAMS(length, shift)                                  \
    while (count >= 3 * (length)) {                                   \
        uint32_t second = 0, third = 0;                               \
        for (size_t at = 0; at < (length); at += 8) {                 \
            crc = STEP64(crc, load64(bytes + at));                    \
            second = STEP64(second, load64(bytes + (length) + at));   \
            third = STEP64(third, load64(bytes + 2 * (length) + at)); \
        }                                                             \
        crc = apply(shift, crc) ^ second;                             \
        crc = apply(shift, crc) ^ third;                              \
        bytes += 3 * (length);                                        \
        count -= 3 * (length);                                        \
    }

HARDWARE static uint32_t hardware_crc(uint32_t crc, const uint8_t *bytes, size_t count) {
    THREE_STREAMS(LONG_STREAM, long_shift)
    THREE_STREAMS(SHORT_STREAM, short_shift)
    while (count >= 8) {
        crc = STEP64(crc, load64(bytes));
        bytes += 8;
        count -= 8;
    }
    while (count--) crc = STEP8(crc, *bytes++);
    return crc;
}

static int has_hardware(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2") != 0;
#elif defined(__linux__)
    return (getauxval(AT_HWCAP) & (1ul << 7)) != 0;  // HWCAP_CRC32
#else
    return 1;  // every other ARMv8 system that Swift runs on has it
#endif
}

static void fill_shift(uint32_t table[4][256], uint32_t power) {
    for (unsigned index = 0; index < 4; index++)
        for (uint32_t value = 0; value < 256; value++)
            table[index][value] = multiply(power, value << (8 * index));
}

#endif

uint32_t csupport_crc32c_shift(uint32_t remainder, uint64_t count) {
    for (int index = 0; count != 0; index++, count >>= 8) {
        if (count & 255) remainder = multiply(remainder, shift_tables[index][count & 255]);
    }
    return remainder;
}

// Runs before any Swift code, so no caller can see the tables half filled.
__attribute__((constructor)) static void prepare(void) {
    for (uint32_t value = 0; value < 256; value++) {
        uint32_t crc = value;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (POLYNOMIAL & (0u - (crc & 1)));
        byte_tables[0][value] = crc;
    }
    for (int table = 1; table < 8; table++)
        for (int value = 0; value < 256; value++) {
            uint32_t before = byte_tables[table - 1][value];
            byte_tables[table][value] = (before >> 8) ^ byte_tables[0][before & 255];
        }
    uint32_t base = 0x80000000u >> 8;  // x^8: one zero byte
    for (int level = 0; level < 8; level++) {
        shift_tables[level][0] = 0x80000000u;
        for (int digit = 1; digit < 256; digit++)
            shift_tables[level][digit] = multiply(shift_tables[level][digit - 1], base);
        base = multiply(shift_tables[level][255], base);
    }
    chosen = table_crc;
    chosen_name = "table";
#if defined(__x86_64__) || defined(__aarch64__)
    if (has_hardware()) {
        fill_shift(long_shift, csupport_crc32c_shift(0x80000000u, LONG_STREAM));
        fill_shift(short_shift, csupport_crc32c_shift(0x80000000u, SHORT_STREAM));
        chosen = hardware_crc;
#if defined(__x86_64__)
        chosen_name = "sse4.2";
#else
        chosen_name = "armv8";
#endif
    }
#endif
}

uint32_t csupport_crc32c(uint32_t crc, const void *bytes, size_t count) {
    return ~chosen(~crc, bytes, count);
}

uint32_t csupport_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
    return ~table_crc(~crc, bytes, count);
}

const char *csupport_crc32c_implementation(void) { return chosen_name; }

uint32_t csupport_crc32c_remainder(const void *bytes, size_t count) { return chosen(0, bytes, count); }
