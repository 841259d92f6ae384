/* SPDX-License-Identifier: MIT
 *
 * irisd/web/ws: frames as RFC 6455 has them, in pieces of any size, and those that are none;
 * common/base64.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/base64.h"
#include "irisd/web/ws.h"

static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};

/* A client's frame into out; its length. */
static size_t
make(unsigned char *out, unsigned first, const void *data, size_t len)
{
	size_t i, n = 0;

	out[n++] = (unsigned char)first;
	if (len < 126) {
		out[n++] = (unsigned char)(0x80 | len);
	} else {
		out[n++] = 0x80 | 126;
		out[n++] = (unsigned char)(len >> 8);
		out[n++] = (unsigned char)len;
	}
	memcpy(out + n, mask, 4);
	n += 4;
	for (i = 0; i < len; i++)
		out[n++] = ((const unsigned char *)data)[i] ^ mask[i % 4];
	return n;
}

static void
feed(struct ws_in *in, const void *data, size_t len)
{
	assert_true(in->have + len <= sizeof in->buf);
	memcpy(in->buf + in->have, data, len);
	in->have += len;
}

static int
one(unsigned first, const void *data, size_t len, struct ws_frame *f)
{
	static struct ws_in in;
	unsigned char buf[512];

	memset(&in, 0, sizeof in);
	feed(&in, buf, make(buf, first, data, len));
	return ws_next(&in, f);
}

static void
test_byte_by_byte(void **state)
{
	struct ws_in in = {0};
	unsigned char buf[64];
	struct ws_frame f;
	size_t i, n;

	(void)state;
	/* The example of section 5.7. */
	n = make(buf, 0x81, "Hello", 5);
	assert_memory_equal(buf, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", n);
	n += make(buf + n, 0x89, "are you there", 13);
	for (i = 0; i < n; i++) {
		feed(&in, buf + i, 1);
		if (i == 10) {
			assert_int_equal(ws_next(&in, &f), 1);
			assert_int_equal(f.opcode, WS_TEXT);
			assert_int_equal(f.len, 5);
			assert_memory_equal(f.data, "Hello", 5);
		}
		assert_int_equal(ws_next(&in, &f), i == n - 1);
	}
	assert_int_equal(f.opcode, WS_PING);
	assert_memory_equal(f.data, "are you there", 13);
	assert_int_equal(ws_next(&in, &f), 0);
	assert_int_equal(in.have, 0);
}

static void
test_fragments(void **state)
{
	struct ws_in in = {0};
	unsigned char buf[WS_FRAME_MAX], text[WS_SAID_MAX];
	struct ws_frame f;
	int i;

	(void)state;
	memset(text, 'x', sizeof text);
	/* As much as may be said, in four frames with a control frame between them. */
	for (i = 0; i < 4; i++) {
		feed(&in, buf, make(buf, i == 0 ? 0x01 : i == 3 ? 0x80 : 0x00, text, 1024));
		feed(&in, buf, make(buf, 0x8a, "", 0));
		assert_int_equal(ws_next(&in, &f), 1);
		assert_int_equal(f.opcode, i == 0 ? WS_TEXT : WS_CONTINUATION);
		assert_int_equal(ws_next(&in, &f), 1);
		assert_int_equal(f.opcode, WS_PONG);
		assert_int_equal(ws_next(&in, &f), 0);
	}
	/* The same in one, and then a message that grows beyond it. */
	feed(&in, buf, make(buf, 0x81, text, sizeof text));
	assert_int_equal(ws_next(&in, &f), 1);
	assert_int_equal(ws_next(&in, &f), 0);
	feed(&in, buf, make(buf, 0x01, text, 4000));
	assert_int_equal(ws_next(&in, &f), 1);
	assert_int_equal(ws_next(&in, &f), 0);
	feed(&in, buf, make(buf, 0x80, text, 97));
	assert_int_equal(ws_next(&in, &f), WS_TOO_BIG);
}

static void
test_bad(void **state)
{
	static const unsigned char bare[] = {0x81, 0x01, 'x'};
	static const unsigned char huge[] = {
	    0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct ws_in in = {0};
	struct ws_frame f;
	unsigned char buf[256], data[126] = {0};

	(void)state;
	feed(&in, bare, sizeof bare);
	assert_int_equal(ws_next(&in, &f), WS_PROTOCOL);
	memset(&in, 0, sizeof in);
	feed(&in, huge, sizeof huge);
	assert_int_equal(ws_next(&in, &f), WS_TOO_BIG);
	assert_int_equal(one(0x82, "x", 1, &f), WS_UNSUPPORTED);
	assert_int_equal(one(0x80, "x", 1, &f), WS_PROTOCOL); /* goes on with nothing */
	assert_int_equal(one(0xc1, "x", 1, &f), WS_PROTOCOL); /* a reserved bit */
	assert_int_equal(one(0x83, "x", 1, &f), WS_PROTOCOL); /* reserved opcodes */
	assert_int_equal(one(0x8b, "x", 1, &f), WS_PROTOCOL);
	assert_int_equal(one(0x09, "x", 1, &f), WS_PROTOCOL);    /* a fragmented ping */
	assert_int_equal(one(0x89, data, 126, &f), WS_PROTOCOL); /* and one too long */
	/* A second message within the first one. */
	memset(&in, 0, sizeof in);
	feed(&in, buf, make(buf, 0x01, "a", 1));
	feed(&in, buf, make(buf, 0x81, "b", 1));
	assert_int_equal(ws_next(&in, &f), 1);
	assert_int_equal(ws_next(&in, &f), WS_PROTOCOL);
}

static void
test_close(void **state)
{
	struct ws_frame f;

	(void)state;
	assert_int_equal(one(0x88, "", 0, &f), 1);
	assert_int_equal(f.code, WS_NO_CODE);
	assert_int_equal(one(0x88, "\x03\xe8", 2, &f), 1);
	assert_int_equal(f.code, WS_NORMAL);
	assert_int_equal(one(0x88,
			     "\x0f\xa0"
			     "bye",
			     5, &f),
	    1);
	assert_int_equal(f.code, 4000);
	assert_int_equal(one(0x88, "\x03", 1, &f), WS_PROTOCOL);
	assert_int_equal(one(0x88, "\x03\xed", 2, &f), WS_PROTOCOL); /* 1005 */
	assert_int_equal(one(0x88, "\x00\x00", 2, &f), WS_PROTOCOL);
	assert_int_equal(one(0x88, "\x03\xe8\xff", 3, &f), WS_NOT_UTF8);
}

static void
test_head(void **state)
{
	unsigned char head[WS_HEAD_MAX];

	(void)state;
	assert_int_equal(ws_head(head, WS_TEXT, 125), 2);
	assert_memory_equal(head, "\x81\x7d", 2);
	assert_int_equal(ws_head(head, WS_TEXT, 126), 4);
	assert_memory_equal(head, "\x81\x7e\x00\x7e", 4);
	assert_int_equal(ws_head(head, WS_CLOSE, 65535), 4);
	assert_memory_equal(head, "\x88\x7e\xff\xff", 4);
	assert_int_equal(ws_head(head, WS_TEXT, 65536), 10);
	assert_memory_equal(head, "\x81\x7f\0\0\0\0\0\x01\0\0", 10);
}

static void
test_handshake(void **state)
{
	char accept[WS_ACCEPT_SIZE];

	(void)state;
	assert_true(ws_accept("dGhlIHNhbXBsZSBub25jZQ==", accept));
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	assert_false(ws_accept(NULL, accept));
	assert_false(ws_accept("", accept));
	assert_false(ws_accept("dGhlIHNhbXBsZSBub25jZQ=", accept));
	assert_false(ws_accept("dGhlIHNhbXBsZSBub25jZTEyMzQ1", accept));
	assert_true(ws_has_word("keep-alive, Upgrade", "upgrade"));
	assert_true(ws_has_word("iris.v1,iris.csrf.0", "iris.v1"));
	assert_false(ws_has_word("iris.v10", "iris.v1"));
	assert_false(ws_has_word("", "iris.v1"));
	assert_false(ws_has_word(NULL, "iris.v1"));
}

static void
test_base64(void **state)
{
	static const char *const pairs[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
	    {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
	static const char *const bad[] = {"Zg=", "Zg", "Z===", "Zh==", "Zm9=", "Z m8",
	    "Zm8=Zm8=", "Zm9\xc3", "Zm-_", "====", "="};
	uint8_t all[256], back[256];
	char text[BASE64_SIZE(256)];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		base64_encode((const uint8_t *)pairs[i][0], strlen(pairs[i][0]), text);
		assert_string_equal(text, pairs[i][1]);
		assert_int_equal(base64_decode(text, back, sizeof back), (int)strlen(pairs[i][0]));
		assert_memory_equal(back, pairs[i][0], strlen(pairs[i][0]));
	}
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(base64_decode(bad[i], back, sizeof back), -1);
	for (i = 0; i < sizeof all; i++)
		all[i] = (uint8_t)i;
	for (i = 0; i <= sizeof all; i++) {
		base64_encode(all, i, text);
		assert_int_equal(strlen(text) + 1, BASE64_SIZE(i));
		assert_int_equal(base64_decode(text, back, i), (int)i);
		assert_memory_equal(back, all, i);
		if (i > 0)
			assert_int_equal(base64_decode(text, back, i - 1), -1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_byte_by_byte),
	    cmocka_unit_test(test_fragments),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_close),
	    cmocka_unit_test(test_head),
	    cmocka_unit_test(test_handshake),
	    cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
