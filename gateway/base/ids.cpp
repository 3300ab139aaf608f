// SPDX-License-Identifier: Apache-2.0
#include "gateway/base/ids.hpp"

#include <array>
#include <cstddef>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "fhir/base/assert.hpp"

namespace gatehouse::gateway {

namespace {

// Crockford's base 32: no I, L, O or U, so that an id read over the telephone survives.
constexpr std::string_view crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::string_view hex_digits = "0123456789abcdef";

using Digest = std::array<unsigned char, 32>;

// RAND_bytes costs a lock and a DRBG call; ids are minted several times a message, so each thread
// draws a block and hands it out. Bytes are wiped from the block as they are given.
void random_bytes(unsigned char* out, std::size_t count) {
    constexpr std::size_t block_bytes = 512;
    struct Block {
        std::array<unsigned char, block_bytes> bytes{};
        std::size_t used = block_bytes;
    };
    thread_local Block block;
    GH_ASSERT(count <= block_bytes);
    if (block.used + count > block_bytes) {
        GH_ASSERT(RAND_bytes(block.bytes.data(), static_cast<int>(block_bytes)) == 1);
        block.used = 0;
    }
    for (std::size_t i = 0; i < count; ++i) {
        out[i] = block.bytes[block.used];
        block.bytes[block.used++] = 0;
    }
}

Digest sha256(std::string_view a, std::string_view b) {
    // One digest context per thread: EVP_MD_CTX_new and the algorithm fetch cost more than the hash
    // of a short text.
    struct Hasher {
        EVP_MD* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
        EVP_MD_CTX* context = EVP_MD_CTX_new();
        Hasher() = default;
        Hasher(const Hasher&) = delete;
        Hasher& operator=(const Hasher&) = delete;
        ~Hasher() {
            EVP_MD_CTX_free(context);
            EVP_MD_free(algorithm);
        }
    };
    thread_local Hasher hasher;
    GH_ASSERT(hasher.algorithm != nullptr && hasher.context != nullptr);
    Digest out{};
    unsigned int size = 0;
    GH_ASSERT(EVP_DigestInit_ex2(hasher.context, hasher.algorithm, nullptr) == 1);
    GH_ASSERT(EVP_DigestUpdate(hasher.context, a.data(), a.size()) == 1);
    GH_ASSERT(EVP_DigestUpdate(hasher.context, b.data(), b.size()) == 1);
    GH_ASSERT(EVP_DigestFinal_ex(hasher.context, out.data(), &size) == 1 && size == out.size());
    return out;
}

std::string to_hex(const unsigned char* bytes, std::size_t count) {
    std::string out;
    out.reserve(count * 2);
    for (std::size_t i = 0; i < count; ++i) {
        out += hex_digits[bytes[i] >> 4U];
        out += hex_digits[bytes[i] & 15U];
    }
    return out;
}

// RFC 9562: version in the high nibble of byte 6, variant 10 in the top bits of byte 8.
std::string format_uuid(std::array<unsigned char, 16> bytes, unsigned version) {
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0FU) | (version << 4U));
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3FU) | 0x80U);
    std::string out;
    out.reserve(36);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            out += '-';
        }
        out += hex_digits[bytes[i] >> 4U];
        out += hex_digits[bytes[i] & 15U];
    }
    return out;
}

}  // namespace

std::string make_ulid(Micros now) {
    std::string out(26, '0');
    auto millis = static_cast<std::uint64_t>(now < 0 ? 0 : now / 1000);
    for (std::size_t i = 10; i-- > 0;) {
        out[i] = crockford[millis & 31U];
        millis >>= 5U;
    }
    // 80 random bits are 16 characters of 5 bits.
    std::array<unsigned char, 10> random{};
    random_bytes(random.data(), random.size());
    std::uint32_t bits = 0;
    unsigned have = 0;
    std::size_t at = 10;
    for (const unsigned char byte : random) {
        bits = (bits << 8U) | byte;
        have += 8;
        while (have >= 5) {
            have -= 5;
            out[at++] = crockford[(bits >> have) & 31U];
        }
    }
    return out;
}

bool is_ulid(std::string_view text) noexcept {
    // The first character carries 3 bits of the 48: 0 to 7.
    return text.size() == 26 && text[0] >= '0' && text[0] <= '7' &&
           text.find_first_not_of(crockford) == std::string_view::npos;
}

std::string derived_uuid(std::string_view message_id, std::uint32_t entry) {
    const std::string tail = "#" + std::to_string(entry);
    const Digest digest = sha256(message_id, tail);
    std::array<unsigned char, 16> bytes{};
    std::copy(digest.begin(), digest.begin() + 16, bytes.begin());
    // The message's time first, so that records written together lie together in the store's index.
    if (is_ulid(message_id)) {
        std::uint64_t millis = 0;
        for (std::size_t i = 0; i < 10; ++i) {
            millis = (millis << 5U) | crockford.find(message_id[i]);
        }
        for (std::size_t i = 6; i-- > 0;) {
            bytes[i] = static_cast<unsigned char>(millis & 0xFFU);
            millis >>= 8U;
        }
    }
    return format_uuid(bytes, 8);
}

std::string random_uuid() {
    std::array<unsigned char, 16> bytes{};
    random_bytes(bytes.data(), bytes.size());
    return format_uuid(bytes, 4);
}

std::string random_hex(std::size_t count) {
    std::string out;
    std::array<unsigned char, 32> bytes{};
    while (count > 0) {
        const std::size_t now = count < bytes.size() ? count : bytes.size();
        random_bytes(bytes.data(), now);
        out += to_hex(bytes.data(), now);
        count -= now;
    }
    return out;
}

std::string sha256_hex(std::string_view bytes) {
    const Digest digest = sha256(bytes, {});
    return to_hex(digest.data(), digest.size());
}

}  // namespace gatehouse::gateway
