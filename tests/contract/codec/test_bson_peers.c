/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our BSON beside libbson, on random documents, texts and bytes: the writer must give its bytes,
 * JSON must say what its JSON says, Decimal128 must read and print as it does, and what one of the
 * two takes for well-formed the other must too. Where libbson 1.23 does something else on purpose
 * or by mistake, the place below says what the specification says.
 *
 * MILLRACE_BSON_SEED and MILLRACE_BSON_CASES run more of it by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <bson/bson.h>
#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/bson.h"
#include "codec/text.h"

enum { DEPTH = 5, CASES = 1000 };

/* --- Random things --------------------------------------------------------------------------- */

static uint64_t seed = 0x9e3779b97f4a7c15;
static size_t cases = CASES;

static uint64_t any(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1d;
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)(any() >> 32) % n;
}

static const uint64_t YEAR_10000 = 253402300800000;

static int64_t any_int(void)
{
    int64_t ret = (int64_t)(any() >> below(64));
    return below(2) ? ret : -ret;
}

static double any_double(void)
{
    static const double odd[] = {0.0, -0.0, 1.0, -1.5, 1e15, 1e16, 0.1, 1e-5, 0x1p-1074, 0x1p1023};
    uint64_t bits = any();
    double ret;
    memcpy(&ret, &bits, sizeof ret);
    switch (below(4)) {
    case 0:
        return odd[below(sizeof odd / sizeof *odd)];
    case 1:
        return (double)any_int() / 100;
    case 2:
        return below(10) ? ret : below(3) ? (double)NAN : below(2) ? INFINITY : -INFINITY;
    default:
        return ret;
    }
}

/* UTF-8, all of it; zero: may hold zero bytes. */
static size_t any_text(char *out, size_t max, bool zero)
{
    static const char *const parts[] = {"a",
                                        "Z",
                                        " ",
                                        "\"",
                                        "\\",
                                        "/",
                                        "$",
                                        ".",
                                        "\n",
                                        "\x01",
                                        "\x7f",
                                        "\x1f",
                                        "7",
                                        "\xc3\xa9",
                                        "\xe2\x82\xac",
                                        "\xf0\x9f\x9a\x95"};
    size_t len = 0, count = below(9);
    for (size_t i = 0; i < count; i++) {
        const char *part = parts[below(sizeof parts / sizeof *parts)];
        if (len + strlen(part) > max) {
            break;
        }
        memcpy(out + len, part, strlen(part));
        len += strlen(part);
        if (zero && len < max && !below(20)) {
            out[len++] = '\0';
        }
    }
    return len;
}

/* Documents are built twice, by both writers. */
typedef struct pair {
    bson_t *theirs;
    mr_buffer *ours;
} pair;

static void add_any(pair to, const char *name, int depth);

static void add_elements(pair to, bool array, int depth)
{
    uint32_t count = depth == DEPTH ? 1 + below(12) : below(5);
    for (uint32_t i = 0; i < count; i++) {
        char name[64], room[MR_BSON_INDEX_BYTES];
        size_t len = (size_t)snprintf(name, sizeof name, "%u", i); /* no name twice */
        len += any_text(name + len, sizeof name - len - 1, false);
        name[len] = '\0';
        add_any(to, array ? mr_bson_index(i, room) : name, depth);
    }
}

static void add_nested(pair to, const char *name, bool array, int depth)
{
    bson_t child;
    size_t begun = mr_bson_begin_as(to.ours, name, array);
    if (array) {
        bson_append_array_begin(to.theirs, name, -1, &child);
    } else {
        bson_append_document_begin(to.theirs, name, -1, &child);
    }
    add_elements((pair){&child, to.ours}, array, depth - 1);
    if (array) {
        bson_append_array_end(to.theirs, &child);
    } else {
        bson_append_document_end(to.theirs, &child);
    }
    mr_bson_end(to.ours, begun);
}

/* The types there is no writer of our own for: as their bytes are in what libbson wrote. */
static void add_as_is(pair to, const char *name)
{
    mr_slice whole = {(const char *)bson_get_data(to.theirs), to.theirs->len};
    mr_bson_element element;
    size_t cursor = 0;
    while (mr_bson_next(whole, &cursor, &element)) {
    }
    assert_string_equal(element.name.data, name);
    mr_bson_add(to.ours, &element);
}

static void add_rare(pair to, const char *name)
{
    static const char *const flags[] = {"", "i", "xi", "smilxu", "mx"};
    char text[64], more[64];
    size_t len = any_text(text, sizeof text - 1, true), more_len = any_text(more, 63, false);
    bson_oid_t id;
    bson_t scope = BSON_INITIALIZER;
    bson_oid_init_from_string(&id, "0123456789abcdef01234567");
    more[more_len] = text[len] = '\0';
    switch (below(8)) {
    case 0:
        bson_append_regex(to.theirs, name, -1, more, flags[below(5)]);
        break;
    case 1:
        bson_append_code(to.theirs, name, -1, more);
        break;
    case 2:
        bson_append_symbol(to.theirs, name, -1, text, (int)len);
        break;
    case 3:
        BSON_APPEND_INT32(&scope, "a", 1);
        bson_append_code_with_scope(to.theirs, name, -1, more, &scope);
        break;
    case 4:
        bson_append_dbpointer(to.theirs, name, -1, more, &id);
        break;
    case 5:
        bson_append_undefined(to.theirs, name, -1);
        break;
    case 6:
        bson_append_minkey(to.theirs, name, -1);
        break;
    default:
        bson_append_maxkey(to.theirs, name, -1);
    }
    bson_destroy(&scope);
}

/* Is the significand one of 35 digits? It then counts as zero (IEEE 754-2008, 3.5.2); libbson
 * prints 34 of its digits. */
static bool is_beyond(const bson_decimal128_t *decimal)
{
    static const uint64_t low_bits = UINT64_C(0x1ffffffffffff), most = UINT64_C(0x1ed09bead87c0),
                          most_low = UINT64_C(0x378d8e63ffffffff); /* 10^34 - 1 */
    uint64_t high = decimal->high & low_bits;
    return (decimal->high >> 61 & 3) != 3 &&
           (high > most || (high == most && decimal->low > most_low));
}

static void without_digits(bson_decimal128_t *decimal)
{
    decimal->high &= ~UINT64_C(0x1ffffffffffff);
    decimal->low = 0;
}

static void add_blocks(pair to, const char *name)
{
    static const uint8_t subtypes[] = {0, 1, 2, 3, 4, 5, 6, 0x80, 0xff};
    uint64_t block[2] = {any(), any()};
    bson_oid_t id;
    bson_decimal128_t decimal = {block[0], block[1]};
    char bytes[40];
    size_t len = below(sizeof bytes);
    uint8_t subtype = subtypes[below(sizeof subtypes)];
    memcpy(id.bytes, block, sizeof id.bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)any();
    }
    switch (below(3)) {
    case 0:
        bson_append_oid(to.theirs, name, -1, &id);
        mr_bson_add_object_id(to.ours, name, (const char *)block);
        break;
    case 1:
        if (is_beyond(&decimal)) {
            without_digits(&decimal);
        }
        block[0] = decimal.low;
        block[1] = decimal.high;
        bson_append_decimal128(to.theirs, name, -1, &decimal);
        mr_bson_add_decimal128(to.ours, name, (const char *)block);
        break;
    default:
        bson_append_binary(to.theirs, name, -1, (bson_subtype_t)subtype, (const uint8_t *)bytes,
                           (uint32_t)len);
        mr_bson_add_binary(to.ours, name, subtype, (mr_slice){bytes, len});
    }
}

static void add_number(pair to, const char *name)
{
    int64_t whole = any_int();
    double fraction = any_double();
    switch (below(3)) {
    case 0:
        bson_append_double(to.theirs, name, -1, fraction);
        mr_bson_add_double(to.ours, name, fraction);
        break;
    case 1:
        bson_append_int32(to.theirs, name, -1, (int32_t)whole);
        mr_bson_add_int32(to.ours, name, (int32_t)whole);
        break;
    default:
        bson_append_int64(to.theirs, name, -1, whole);
        mr_bson_add_int64(to.ours, name, whole);
    }
}

static void add_any(pair to, const char *name, int depth)
{
    char text[64];
    size_t len = any_text(text, sizeof text, true);
    /* Up to the year 9999: of later ones libbson's relaxed JSON has ISO 8601 with more digits,
     * where the specification wants the number. */
    int64_t date = below(2) ? -(int64_t)(any() >> below(64) >> 1) : (int64_t)(any() % YEAR_10000);
    uint32_t kind = below(depth > 0 ? 10 : 8);
    switch (kind) {
    case 0:
        bson_append_utf8(to.theirs, name, -1, text, (int)len);
        mr_bson_add_text(to.ours, name, text, len);
        break;
    case 1:
        bson_append_bool(to.theirs, name, -1, len % 2);
        mr_bson_add_bool(to.ours, name, len % 2);
        break;
    case 2:
        bson_append_null(to.theirs, name, -1);
        mr_bson_add_null(to.ours, name);
        break;
    case 3:
        bson_append_date_time(to.theirs, name, -1, date);
        mr_bson_add_date(to.ours, name, date);
        break;
    case 4:
        bson_append_timestamp(to.theirs, name, -1, (uint32_t)date, (uint32_t)len);
        mr_bson_add_timestamp(to.ours, name, (uint32_t)date, (uint32_t)len);
        break;
    case 5:
        add_blocks(to, name);
        break;
    case 6:
        add_rare(to, name);
        add_as_is(to, name);
        break;
    case 7:
        add_number(to, name);
        break;
    default:
        add_nested(to, name, kind == 9, depth);
    }
}

/* --- Documents ------------------------------------------------------------------------------- */

static mr_slice any_document(pair to)
{
    mr_buffer_clear(to.ours);
    bson_reinit(to.theirs);
    size_t begun = mr_bson_begin(to.ours);
    add_elements(to, false, DEPTH);
    mr_bson_end(to.ours, begun);
    assert_false(to.ours->failed);
    return (mr_slice){to.ours->data, to.ours->len};
}

static void writers_give_the_same_bytes(void **state)
{
    (void)state;
    bson_t theirs = BSON_INITIALIZER;
    mr_buffer ours = MR_BUFFER_INIT(1 << 20);
    for (size_t i = 0; i < cases; i++) {
        mr_error err;
        mr_slice document = any_document((pair){&theirs, &ours});
        assert_int_equal(document.len, theirs.len);
        assert_memory_equal(document.data, bson_get_data(&theirs), theirs.len);
        assert_int_equal(mr_bson_check(document.data, document.len, &err), MR_OK);
        assert_true(mr_bson_same(document, document));
    }
    bson_destroy(&theirs);
    mr_buffer_release(&ours);
}

/* --- JSON ------------------------------------------------------------------------------------ */

static bool same_double(const char *a, const char *b)
{
    double x = strtod(a, NULL), y = strtod(b, NULL);
    return (isnan(x) && isnan(y)) || memcmp(&x, &y, sizeof x) == 0;
}

/* The same, in the same order; the digits of doubles apart, of which libbson prints twenty where
 * fewer are the same number. */
static bool same_json(const json_t *a, const json_t *b, const char *name)
{
    if (json_typeof(a) != json_typeof(b)) {
        return false;
    }
    if (json_is_array(a)) {
        bool ret = json_array_size(a) == json_array_size(b);
        for (size_t i = 0; ret && i < json_array_size(a); i++) {
            ret = same_json(json_array_get(a, i), json_array_get(b, i), "");
        }
        return ret;
    }
    if (json_is_object(a)) {
        json_t *x = (json_t *)(uintptr_t)a, *y = (json_t *)(uintptr_t)b;
        void *p = json_object_iter(x), *q = json_object_iter(y);
        for (; p && q; p = json_object_iter_next(x, p), q = json_object_iter_next(y, q)) {
            const char *key = json_object_iter_key(p);
            if (strcmp(key, json_object_iter_key(q)) != 0 ||
                !same_json(json_object_iter_value(p), json_object_iter_value(q), key)) {
                return false;
            }
        }
        return !p && !q;
    }
    if (strcmp(name, "$numberDouble") == 0) {
        return same_double(json_string_value(a), json_string_value(b));
    }
    return json_equal(a, b);
}

static void assert_same_json(const char *theirs, mr_buffer *ours)
{
    json_error_t why;
    json_t *a = json_loads(theirs, JSON_ALLOW_NUL, &why);
    if (!a) {
        fail_msg("libbson's: %s in %s", why.text, theirs);
    }
    json_t *b = json_loadb(ours->data, ours->len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &why);
    if (!b) {
        fail_msg("ours: %s in %s", why.text, mr_buffer_text(ours));
    }
    if (!same_json(a, b, "")) {
        fail_msg("libbson: %s\nours: %s", theirs, mr_buffer_text(ours));
    }
    json_decref(a);
    json_decref(b);
}

static void json_says_the_same(void **state)
{
    (void)state;
    bson_t theirs = BSON_INITIALIZER;
    mr_buffer ours = MR_BUFFER_INIT(1 << 20), json = MR_BUFFER_INIT(1 << 22);
    for (size_t i = 0; i < 2 * cases; i++) {
        bool canonical = i % 2;
        mr_slice document = any_document((pair){&theirs, &ours});
        char *want = canonical ? bson_as_canonical_extended_json(&theirs, NULL)
                               : bson_as_relaxed_extended_json(&theirs, NULL);
        assert_non_null(want);
        mr_buffer_clear(&json);
        mr_bson_json(document, canonical, &json);
        assert_false(json.failed);
        assert_same_json(want, &json);
        bson_free(want);
    }
    bson_destroy(&theirs);
    mr_buffer_release(&ours);
    mr_buffer_release(&json);
}

/* And libbson reads ours back to the same bytes. */
static void libbson_reads_our_json(void **state)
{
    (void)state;
    bson_t theirs = BSON_INITIALIZER;
    mr_buffer ours = MR_BUFFER_INIT(1 << 20), json = MR_BUFFER_INIT(1 << 22);
    size_t read = 0;
    for (size_t i = 0; i < cases; i++) {
        mr_slice document = any_document((pair){&theirs, &ours});
        mr_buffer_clear(&json);
        mr_bson_json(document, true, &json);
        bson_error_t why;
        bson_t back;
        if (!bson_init_from_json(&back, json.data, (ssize_t)json.len, &why)) {
            fail_msg("%s in %s", why.message, mr_buffer_text(&json));
        }
        if (back.len == document.len && !memcmp(bson_get_data(&back), document.data, back.len)) {
            read++;
        } else { /* Decimal128 that is not canonical, NaN bits, symbols: JSON can not tell them */
            mr_buffer again = MR_BUFFER_INIT(1 << 22);
            mr_bson_json((mr_slice){(const char *)bson_get_data(&back), back.len}, true, &again);
            assert_int_equal(again.len, json.len);
            assert_memory_equal(again.data, json.data, json.len);
            mr_buffer_release(&again);
        }
        bson_destroy(&back);
    }
    assert_true(read > cases / 2);
    bson_destroy(&theirs);
    mr_buffer_release(&ours);
    mr_buffer_release(&json);
}

/* --- Decimal128 ------------------------------------------------------------------------------ */

static bson_decimal128_t any_decimal(void)
{
    bson_decimal128_t ret = {any(), any()};
    switch (below(5)) {
    case 0: /* small significands, exponents around zero */
        ret.high = (uint64_t)below(2) << 63 | (uint64_t)(6176 + (int)below(80) - 40) << 49;
        ret.low >>= below(64);
        break;
    case 1: /* around 10^34 */
        ret.high = (ret.high & UINT64_C(0xfffe000000000000)) | UINT64_C(0x1ed09bead87c0);
        ret.low = UINT64_C(0x378d8e6400000000) + (uint64_t)(int64_t)((int)below(5) - 2);
        break;
    case 2: /* infinities, not a number, significands that begin with 100 */
        ret.high |= UINT64_C(0x6000000000000000);
        break;
    case 3: /* zeros */
        ret.low = 0;
        ret.high &= UINT64_C(0xfffe000000000000);
        break;
    default:
        break;
    }
    return ret;
}

static void decimals_print_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100 * cases; i++) {
        bson_decimal128_t theirs = any_decimal();
        char bits[MR_DECIMAL128_BYTES], want[BSON_DECIMAL128_STRING],
            text[MR_DECIMAL128_TEXT_BYTES];
        memcpy(bits, &theirs.low, 8);
        memcpy(bits + 8, &theirs.high, 8);
        if (is_beyond(&theirs)) {
            without_digits(&theirs);
        }
        bson_decimal128_to_string(&theirs, want);
        size_t len = mr_decimal128_text(bits, text);
        text[len] = '\0';
        assert_string_equal(text, want);

        char back[MR_DECIMAL128_BYTES], again[MR_DECIMAL128_TEXT_BYTES];
        assert_true(mr_decimal128_parse(text, len, back));
        again[mr_decimal128_text(back, again)] = '\0';
        assert_string_equal(again, text);
    }
}

static size_t any_decimal_text(char *out)
{
    size_t len = 0;
    uint32_t before = below(4) ? below(6) : below(40), after = below(4) ? below(6) : below(40);
    if (!below(3)) {
        out[len++] = "+-"[below(2)];
    }
    for (uint32_t i = 0; i < before; i++) {
        out[len++] = (char)('0' + (below(2) ? 0 : below(10)));
    }
    if (below(2)) {
        out[len++] = '.';
        for (uint32_t i = 0; i < after; i++) {
            out[len++] = (char)('0' + (below(2) ? 0 : below(10)));
        }
    }
    if (!below(3)) {
        len += (size_t)snprintf(out + len, 16, "%c%s%u", "eE"[below(2)],
                                below(2)   ? "-"
                                : below(2) ? "+"
                                           : "",
                                below(2) ? below(50) : 6080 + below(150));
    }
    if (len && !below(20)) {
        out[below((uint32_t)len)] = "x.-e "[below(5)];
    }
    out[len] = '\0';
    return len;
}

/* What a text of a number says: its digits, without zeros at either end, and the exponent of the
 * last of them. false: it is none. */
typedef struct number {
    bool negative;
    size_t count;
    long exponent;
    char digits[128];
} number;

static bool read_number(const char *text, number *ret)
{
    enum { FAR = 1000000 };
    char whole[64] = "", fraction[64] = "", *end = NULL;
    *ret = (number){.negative = *text == '-'};
    text += *text == '-' || *text == '+';
    size_t before = strspn(text, "0123456789"), after = 0;
    memcpy(whole, text, before);
    text += before;
    if (*text == '.') {
        after = strspn(++text, "0123456789");
        memcpy(fraction, text, after);
        text += after;
    }
    if (*text == 'e' || *text == 'E') {
        size_t sign = text[1] == '-' || text[1] == '+';
        if (!strspn(text + 1 + sign, "0123456789")) {
            return false;
        }
        ret->exponent = strtol(text + 1, &end, 10);
        ret->exponent = ret->exponent > FAR ? FAR : ret->exponent < -FAR ? -FAR : ret->exponent;
        text = end;
    }
    char all[128];
    snprintf(all, sizeof all, "%s%s", whole, fraction);
    const char *first = all + strspn(all, "0");
    ret->count = strlen(first);
    memcpy(ret->digits, first, ret->count);
    ret->exponent -= (long)after;
    for (; ret->count && ret->digits[ret->count - 1] == '0'; ret->count--) {
        ret->exponent++;
    }
    return !*text && before + after > 0;
}

static bool fits(const number *n)
{
    enum { DIGITS = 34, LEAST = -6176, MOST = 6111 };
    return !n->count || (n->count <= DIGITS && n->exponent >= LEAST &&
                         n->exponent - (long)(DIGITS - n->count) <= MOST);
}

/* libbson loses digits when zeros before them bring the text over 34, refuses zeros behind them
 * that do, and zeros that an exponent below -6176 needs; it reads "1e 5", and lets long exponents
 * wrap around. It is asked where the text has none of that. */
static bool libbson_can_tell(const char *text)
{
    size_t digits = 0, exponent = strcspn(text, "eE");
    for (size_t i = 0; i < exponent; i++) {
        digits += text[i] >= '0' && text[i] <= '9';
    }
    return digits <= 34 && !strchr(text, ' ') && strlen(text + exponent) <= strlen("e-6176") &&
           (!text[exponent] || strtol(text + exponent + 1, NULL, 10) >= -6176);
}

static bool same_bits(const char *ours, const bson_decimal128_t *theirs)
{
    return memcmp(ours, &theirs->low, 8) == 0 && memcmp(ours + 8, &theirs->high, 8) == 0;
}

static void decimals_are_read_the_same(void **state)
{
    (void)state;
    size_t asked = 0, taken = 0;
    for (size_t i = 0; i < 100 * cases; i++) {
        char text[128], bits[MR_DECIMAL128_BYTES], back[MR_DECIMAL128_TEXT_BYTES];
        size_t len = any_decimal_text(text);
        bson_decimal128_t theirs;
        number said, got;
        bool want = read_number(text, &said) && fits(&said);
        if (mr_decimal128_parse(text, len, bits) != want) {
            fail_msg("\"%s\" is %s number", text, want ? "a" : "no");
        }
        if (want) {
            back[mr_decimal128_text(bits, back)] = '\0';
            assert_true(read_number(back, &got) && got.negative == said.negative);
            assert_int_equal(got.count, said.count);
            assert_memory_equal(got.digits, said.digits, said.count);
            assert_true(!said.count || got.exponent == said.exponent);
        }
        if (libbson_can_tell(text)) {
            bool they = bson_decimal128_from_string(text, &theirs);
            if (they != want || (want && !same_bits(bits, &theirs))) {
                fail_msg("\"%s\": libbson says %d, we have %s", text, they, want ? back : "none");
            }
            asked++;
        }
        taken += want;
    }
    assert_true(taken > 30 * cases && asked > 30 * cases);
}

static void decimal_words(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "NaN",     "nan",  "-NaN",      "Infinity", "-Infinity", "inf",     "+INF",   "-inf",
        "infinit", "na",   "",          "-",        "+",         ".",       "e1",     "1e",
        "1e+",     " 1",   "1 ",        "0x1",      "--1",       "1..0",    "1.0.",   "-0",
        "0E+9999", "0E-9", "0E-999999", "1E-6176",  "1E-6177",   "1E+6144", "1E6145", "10E-6177"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bson_decimal128_t theirs;
        char bits[MR_DECIMAL128_BYTES];
        bool want = bson_decimal128_from_string(texts[i], &theirs);
        bool got = mr_decimal128_parse(texts[i], strlen(texts[i]), bits);
        if (want != got || (want && !same_bits(bits, &theirs))) {
            fail_msg("%s: libbson says %d, we %d", texts[i], want, got);
        }
    }
}

/* --- Checking -------------------------------------------------------------------------------- */

/* Level by level through libbson's iterator. Its bson_validate() would not do: it ends, content, at
 * the first text that is not UTF-8, and passes over sub-documents whose last byte is not zero. */
static bool they_take(const uint8_t *data, size_t len)
{
    bson_t document;
    bson_iter_t at;
    if (!bson_init_static(&document, data, len) || !bson_iter_init(&at, &document)) {
        return false;
    }
    while (bson_iter_next(&at)) {
        const uint8_t *inner = NULL;
        uint32_t inner_len = 0, code_len;
        if (BSON_ITER_HOLDS_DOCUMENT(&at)) {
            bson_iter_document(&at, &inner_len, &inner);
        } else if (BSON_ITER_HOLDS_ARRAY(&at)) {
            bson_iter_array(&at, &inner_len, &inner);
        } else if (BSON_ITER_HOLDS_CODEWSCOPE(&at)) {
            bson_iter_codewscope(&at, &code_len, &inner_len, &inner);
        } else {
            continue;
        }
        if (!inner || !they_take(inner, inner_len)) {
            return false;
        }
    }
    return at.err_off == 0;
}

static void the_same_is_well_formed(void **state)
{
    (void)state;
    bson_t theirs = BSON_INITIALIZER;
    mr_buffer ours = MR_BUFFER_INIT(1 << 20);
    size_t refused = 0, taken = 0;
    for (size_t i = 0; i < 30 * cases; i++) {
        mr_slice document = any_document((pair){&theirs, &ours});
        char *bytes = mr_alloc(document.len); /* exactly: ASan looks on */
        memcpy(bytes, document.data, document.len);
        for (uint32_t n = 1 + below(2); n > 0; n--) {
            bytes[4 + below((uint32_t)document.len - 4)] = (char)(below(2) ? below(32) : any());
        }
        mr_error err;
        bool got = mr_bson_check(bytes, document.len, &err) == MR_OK;
        bool want = they_take((const uint8_t *)bytes, document.len);
        /* One thing we ask for and libbson does not: the zero byte behind the code that has a scope
         * (and behind the name in a DBPointer). */
        if (got != want && (got || !strstr(err.text, "text does not end with a zero byte"))) {
            fail_msg("case %zu: libbson %s it, we %s", i, want ? "takes" : "refuses",
                     got ? "take it" : err.text);
        }
        *(got ? &taken : &refused) += 1;
        free(bytes);
    }
    assert_true(refused > cases && taken > cases);
    bson_destroy(&theirs);
    mr_buffer_release(&ours);
}

int main(void)
{
    const char *text = getenv("MILLRACE_BSON_SEED");
    seed = text ? strtoull(text, NULL, 0) | 1 : seed;
    text = getenv("MILLRACE_BSON_CASES");
    cases = text ? strtoul(text, NULL, 0) : cases;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writers_give_the_same_bytes), cmocka_unit_test(json_says_the_same),
        cmocka_unit_test(libbson_reads_our_json),      cmocka_unit_test(decimals_print_the_same),
        cmocka_unit_test(decimals_are_read_the_same),  cmocka_unit_test(decimal_words),
        cmocka_unit_test(the_same_is_well_formed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
