# Iris: one Makefile for everything, no recursion.
#
#   make            all programs, in build/bin
#   make check      what a newcomer and CI run: installs what it lacks, builds, tests
#   make demo       one question between two sample projects
#   make help       the other targets
#
# Variables: PREFIX, DESTDIR, CC, CFLAGS, SAN=address,undefined (a build of its own in build/san).

PREFIX   ?= /usr/local
BINDIR    = $(PREFIX)/bin
LIBEXECDIR = $(PREFIX)/libexec/iris
DATADIR   = $(PREFIX)/share/iris
MANDIR    = $(PREFIX)/share/man

VERSION  := 0.1.0

ifdef SAN
BUILD    ?= build/san
SANFLAGS  = -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
OPT      ?= -O1
else
BUILD    ?= build
OPT      ?= -O2
endif

CC       ?= cc
WARN      = -Wall -Wextra -Wpedantic -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wundef \
            -Wformat=2 -Wimplicit-fallthrough -Wswitch-enum -Wno-format-nonliteral
CFLAGS   ?= $(OPT) -g
HARDEN    = -fstack-protector-strong -fPIE
ifndef SAN
HARDEN   += -D_FORTIFY_SOURCE=2
endif
CPPFLAGS += -I. -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -D_DARWIN_C_SOURCE \
            -DIRIS_VERSION='"$(VERSION)"' -DIRIS_LIBEXECDIR='"$(LIBEXECDIR)"' -DIRIS_DATADIR='"$(DATADIR)"'
ALLCFLAGS = -std=c17 $(WARN) $(CFLAGS) $(HARDEN) $(SANFLAGS) $(CPPFLAGS)
ALLLDFLAGS = $(LDFLAGS) -pie $(SANFLAGS)
ifeq ($(shell uname -s),Linux)
ALLLDFLAGS += -Wl,--as-needed -Wl,-z,relro,-z,now
endif

LIBEVENT  = -levent_core
LIBCJSON  = -lcjson
LIBYAML   = -lyaml
LIBSQLITE = -lsqlite3

# --- sources, by directory ------------------------------------------------------------------------------------
COMMON_SRC = $(wildcard common/*.c)
IRISD_SRC  = $(wildcard irisd/*.c irisd/core/*.c irisd/store/*.c irisd/net/*.c irisd/mcp/*.c)
CTL_SRC    = $(wildcard irisd/ctl/*.c)
WORKER_SRC = $(wildcard iris-worker/*.c)
SHIM_SRC   = $(wildcard iris-mcp-shim/*.c)
FAKE_SRC   = $(wildcard tests/fake-claude/*.c)
UNIT_SRC   = $(wildcard tests/unit/test_*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

PROGRAMS = $(BUILD)/bin/irisd $(BUILD)/bin/iris-worker $(BUILD)/bin/iris-mcp-shim $(BUILD)/bin/iris
FAKE     = $(BUILD)/test/fake-claude
UNIT     = $(patsubst tests/unit/%.c,$(BUILD)/test/%,$(UNIT_SRC))

.PHONY: all
all: $(PROGRAMS) $(FAKE)

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/lib/libcommon.a: $(call obj,$(COMMON_SRC))
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

# The parts of irisd and iris-worker that unit tests link: everything but main().
$(BUILD)/lib/libirisd.a: $(filter-out %/irisd/main.o,$(call obj,$(IRISD_SRC)))
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/lib/libworker.a: $(filter-out %/iris-worker/main.o,$(call obj,$(WORKER_SRC)))
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/bin/irisd: $(call obj,irisd/main.c) $(BUILD)/lib/libirisd.a $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBEVENT) $(LIBSQLITE) $(LIBCJSON) $(LIBYAML)

$(BUILD)/bin/iris: $(call obj,$(CTL_SRC)) $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBCJSON) $(LIBYAML)

$(BUILD)/bin/iris-worker: $(call obj,iris-worker/main.c) $(BUILD)/lib/libworker.a $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBEVENT) $(LIBCJSON)

$(BUILD)/bin/iris-mcp-shim: $(call obj,$(SHIM_SRC)) $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBCJSON)

$(BUILD)/test/fake-claude: $(call obj,$(FAKE_SRC)) $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBCJSON)

$(BUILD)/test/test_%: $(BUILD)/obj/tests/unit/test_%.o $(BUILD)/lib/libirisd.a $(BUILD)/lib/libworker.a $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ -lcmocka $(LIBEVENT) $(LIBSQLITE) $(LIBCJSON) $(LIBYAML)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# Unit tests only: the quick loop while working on one module.
.PHONY: unit
unit: $(UNIT)
	@set -e; for t in $(UNIT); do echo "== $$t"; $$t; done

.PHONY: clean
clean:
	rm -rf build
