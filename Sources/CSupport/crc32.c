// CRC-32 (IEEE) by slicing: only message formats 0 and 1 use it, so tables are fast enough.
#include "CSupport.h"

#include <string.h>

static uint32_t tables[8][256];

__attribute__((constructor)) static void prepare(void) {
    for (uint32_t value = 0; value < 256; value++) {
        uint32_t crc = value;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1)));
        tables[0][value] = crc;
    }
    for (int table = 1; table < 8; table++)
        for (int value = 0; value < 256; value++) {
            uint32_t before = tables[table - 1][value];
            tables[table][value] = (before >> 8) ^ tables[0][before & 255];
        }
}

uint32_t csupport_crc32(uint32_t crc, const void *start, size_t count) {
    const uint8_t *bytes = start;
    crc = ~crc;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    while (count >= 8) {
        uint32_t low, high;
        memcpy(&low, bytes, 4);
        memcpy(&high, bytes + 4, 4);
        low ^= crc;
        crc = tables[7][low & 255] ^ tables[6][(low >> 8) & 255] ^ tables[5][(low >> 16) & 255] ^ tables[4][low >> 24]
            ^ tables[3][high & 255] ^ tables[2][(high >> 8) & 255] ^ tables[1][(high >> 16) & 255]
            ^ tables[0][high >> 24];
        bytes += 8;
        count -= 8;
    }
#endif
    while (count--) crc = tables[0][(crc ^ *bytes++) & 255] ^ (crc >> 8);
    return ~crc;
}
