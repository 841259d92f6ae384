# Iris: one Makefile for everything, no recursion.
#
#   make            all programs, in build/bin
#   make check      what a newcomer and CI run: installs what it lacks, builds, tests
#   make demo       one question between two sample projects
#   make help       the other targets
#
# Variables: PREFIX, DESTDIR, CC, CFLAGS, SAN=address,undefined (a build of its own in build/san), DASHBOARD=no (without
# the dashboard, and so without npm).

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
CPPFLAGS += -I. -I$(BUILD)/gen -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -D_DARWIN_C_SOURCE \
            -DIRIS_VERSION='"$(VERSION)"' -DIRIS_LIBEXECDIR='"$(LIBEXECDIR)"' -DIRIS_DATADIR='"$(DATADIR)"'
ALLCFLAGS = -std=c17 $(WARN) $(CFLAGS) $(HARDEN) $(SANFLAGS) $(CPPFLAGS)
ALLLDFLAGS = $(LDFLAGS) -pie $(SANFLAGS)
ifeq ($(shell uname -s),Linux)
ALLLDFLAGS += -Wl,--as-needed -Wl,-z,relro,-z,now
STATIC    = -static
endif

LIBEVENT  = -levent_core
LIBCJSON  = -lcjson
LIBYAML   = -lyaml
LIBSQLITE = -lsqlite3
LIBWEB    = -lcivetweb -lpthread
LIBMD     = -lmd
LIBSSH    = -lssh -lpthread
LIBTLS    = -lssl -lcrypto

# --- sources, by directory ------------------------------------------------------------------------------------
COMMON_SRC = $(wildcard common/*.c)
IRISD_SRC  = $(wildcard irisd/*.c irisd/core/*.c irisd/store/*.c irisd/net/*.c irisd/mcp/*.c irisd/web/*.c)
CTL_SRC    = $(wildcard irisd/ctl/*.c)
WORKER_SRC = $(wildcard iris-worker/*.c)
SSH_SRC    = $(wildcard iris-worker/ssh/*.c)
TLS_SRC    = $(wildcard irisd/tls/*.c)
SHIM_SRC   = $(wildcard iris-mcp-shim/*.c)
FAKE_SRC   = $(wildcard tests/fake-claude/*.c)
UNIT_SRC   = $(wildcard tests/unit/test_*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

# Templates of agents and the description of the API, where irisd finds them from the directory of its program.
AGENTS   = $(wildcard share/agents/*.md share/agents/partials/*.md)
SHARED   = $(patsubst share/%,$(BUILD)/share/iris/%,$(AGENTS) share/api/openapi.json)

# The dashboard, for which npm installs esbuild and Preact as its lock file says. index.html is written last.
DASHBOARD ?= yes
DASH      = share/dashboard
DASH_OUT  = $(BUILD)/share/iris/dashboard
DASH_SRC  = $(addprefix $(DASH)/,build.mjs package.json package-lock.json index.html icon.svg) \
            $(shell find $(DASH)/src -name '[a-z]*.js' -o -name '[a-z]*.jsx' -o -name '[a-z]*.css')
ifneq ($(DASHBOARD),no)
DASH_PAGE = $(DASH_OUT)/index.html
endif

PROGRAMS = $(BUILD)/bin/irisd $(BUILD)/bin/iris-worker $(BUILD)/bin/iris-ssh $(BUILD)/bin/iris-mcp-shim \
           $(BUILD)/bin/iris-tls $(BUILD)/bin/iris
FAKE     = $(BUILD)/test/fake-claude
UNIT     = $(patsubst tests/unit/%.c,$(BUILD)/test/%,$(UNIT_SRC))

.PHONY: all
all: $(PROGRAMS) $(FAKE) $(SHARED) $(DASH_PAGE)

$(BUILD)/share/iris/%: share/%
	@mkdir -p $(@D)
	cp $< $@

# Node.js may be the one that tests/deps.sh has installed for the tests.
$(DASH_OUT)/index.html: $(DASH_SRC) $(DASH)/node_modules/.package-lock.json
	@mkdir -p $(@D)
	PATH="$(CURDIR)/build/node/bin:$$PATH" node $(DASH)/build.mjs $(DASH_OUT) --version $(VERSION)

$(DASH)/node_modules/.package-lock.json: $(DASH)/package-lock.json
	@command -v npm >/dev/null || { echo "make: the dashboard needs Node.js 18 or newer and npm;" \
	    "install them, or leave it out: make DASHBOARD=no" >&2; exit 1; }
	cd $(DASH) && PATH="$(CURDIR)/build/node/bin:$$PATH" npm ci --ignore-scripts --no-fund --no-audit --loglevel=error
	touch $@

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -MMD -MP -c -o $@ $<

# What iris-worker says to the shell of a team's host: the scripts as strings, line by line, without what only readers
# want.
REMOTE_SH = $(wildcard iris-worker/remote/*.sh)
$(call obj,iris-worker/remote_script.c): $(BUILD)/gen/remote_scripts.h
$(BUILD)/gen/remote_scripts.h: $(REMOTE_SH) Makefile
	@mkdir -p $(@D)
	for f in $(REMOTE_SH); do n=$$(basename $$f .sh); echo "static const char *const lines_$$n[] = {"; \
	    sed -e 's/^[ 	]*//' -e '/^#/d' -e '/^$$/d' -e 's/[\\"]/\\&/g' -e 's/.*/"&",/' $$f; echo "NULL};"; done >$@.new
	{ echo "static const struct { const char *name; const char *const *lines; } remote_scripts[] = {"; \
	    for f in $(filter-out %/common.sh,$(REMOTE_SH)); do n=$$(basename $$f .sh); \
	    echo "{\"$$n\", lines_$$n},"; done; echo "};"; } >>$@.new
	mv $@.new $@

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
	$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBEVENT) $(LIBSQLITE) $(LIBCJSON) $(LIBYAML) $(LIBWEB) $(LIBMD)

$(BUILD)/bin/iris: $(call obj,$(CTL_SRC)) $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBCJSON) $(LIBYAML)

$(BUILD)/bin/iris-worker: $(call obj,iris-worker/main.c) $(BUILD)/lib/libworker.a $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBEVENT) $(LIBCJSON)

$(BUILD)/bin/iris-ssh: $(call obj,$(SSH_SRC)) $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBSSH) $(LIBCJSON)

$(BUILD)/bin/iris-tls: $(call obj,$(TLS_SRC)) $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBEVENT) $(LIBTLS) $(LIBCJSON)

$(BUILD)/bin/iris-mcp-shim: $(call obj,$(SHIM_SRC)) $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBCJSON)

$(BUILD)/test/fake-claude: $(call obj,$(FAKE_SRC)) $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBCJSON)

$(BUILD)/test/test_%: $(BUILD)/obj/tests/unit/test_%.o $(BUILD)/lib/libirisd.a $(BUILD)/lib/libworker.a $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ -lcmocka $(LIBEVENT) $(LIBSQLITE) $(LIBCJSON) $(LIBYAML) $(LIBWEB) $(LIBMD)

# A part of iris-tls, which is in no library.
$(BUILD)/test/test_tls_conn: $(call obj,tests/unit/test_tls_conn.c irisd/tls/cert.c irisd/tls/selfsign.c) $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ -lcmocka $(LIBEVENT) $(LIBTLS) $(LIBCJSON)

# irisd with the tools, prompts and resources that the conformance suite wants, in the tables of all: no program that
# is installed.
FIXTURES = $(patsubst %.c,$(BUILD)/obj/fixtures/%.o,$(patsubst %,irisd/mcp/%.c,tools prompts resources protocol) \
	   $(wildcard tests/conformance/fixtures*.c))
$(BUILD)/obj/fixtures/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -DIRIS_MCP_FIXTURES -MMD -MP -c -o $@ $<
$(BUILD)/test/irisd-fixtures: $(call obj,irisd/main.c) $(FIXTURES) $(BUILD)/lib/libirisd.a $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBEVENT) $(LIBSQLITE) $(LIBCJSON) $(LIBYAML) $(LIBWEB) $(LIBMD)

$(BUILD)/test/bench-client: $(call obj,tests/bench/bench-client.c) $(BUILD)/lib/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBCJSON)

$(BUILD)/test/bench-http: $(call obj,tests/bench/http.c)
	@mkdir -p $(@D)
	$(CC) $(ALLLDFLAGS) -o $@ $^

$(BUILD)/test/bench-floor: tests/bench/floor.c
	@mkdir -p $(@D)
	$(CC) -std=c17 $(WARN) $(CFLAGS) $(CPPFLAGS) $(STATIC) -o $@ $<

# What the crash tests put between a program and the C library (LD_PRELOAD); no program is linked with it.
ifeq ($(shell uname -s),Linux)
CRASH_SO = $(foreach p,kill fail record spare,$(BUILD)/test/crash-$(p).so)
endif
$(BUILD)/test/crash-%.so: tests/crash/preload.c tests/crash/preload-%.c tests/crash/preload.h Makefile
	@mkdir -p $(@D)
	$(CC) -std=c17 $(WARN) $(CFLAGS) $(CPPFLAGS) -fPIC -shared -o $@ $(filter %.c,$^) -ldl

# Objects of tests are kept, like all others.
.SECONDARY:

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# --- building and testing --------------------------------------------------------------------------------------

.PHONY: help
help:
	@echo "make            build all programs into build/bin"
	@echo "make check      install what is missing, build, run all tests (also under sanitizers)"
	@echo "make demo       one question between two sample projects"
	@echo "make unit       unit tests only; make build/test/test_json && build/test/test_json for one"
	@echo "make conformance  the official MCP conformance suite, and the Inspector (tests/conformance)"
	@echo "make lint       formatting, shell scripts, man pages"
	@echo "make crash      deaths, failures and losses of power at every call, and KILLS=1000 random deaths;"
	@echo "                SEED=n repeats one, CRASH=\"kill again\" does a part (tests/crash/sweep.mjs)"
	@echo "make bench      measurements (tests/bench)"
	@echo "make soak       T=3600: so many seconds of steady load; fails when something grows"
	@echo "make fuzz       build the fuzz targets (clang), in build/fuzz"
	@echo "make install    into PREFIX ($(PREFIX)), under DESTDIR where given; make uninstall"
	@echo "make deps       install what building needs; make deps-check: what testing needs as well"
	@echo "DASHBOARD=no builds and installs without the dashboard, which needs npm"
	@echo "SAN=address,undefined builds into build/san"

.PHONY: deps deps-check
deps:
	@tests/deps.sh build
deps-check:
	@tests/deps.sh check

.PHONY: units unit
units: $(UNIT) $(SHARED)
unit: all units
	@tests/run.sh unit

# What is missing is installed first, and only then make looks at what is there to build.
.PHONY: check demo
check: deps-check
	@$(MAKE) --no-print-directory all units crash-libs $(BUILD)/test/irisd-fixtures
	@tests/run.sh
demo: deps
	@$(MAKE) --no-print-directory DASHBOARD=no all
	@share/demo/demo.sh $(BUILD)

# The long form of the suite "crash". Most of its time goes to memory: every allocation of irisd and of a worker.
ifndef SEED
SEED  := $(shell date +%s)
endif
KILLS ?= 1000
.PHONY: crash crash-libs
crash-libs: $(CRASH_SO)
crash: all crash-libs
	@IRIS_BUILD=$(abspath $(BUILD)) node tests/crash/sweep.mjs -s $(SEED) $(CRASH)
	$(if $(CRASH),,@IRIS_BUILD=$(abspath $(BUILD)) KILLS=$(KILLS) IRIS_SEED=$(SEED) node tests/crash/chaos.mjs)
	$(if $(CRASH),,@IRIS_BUILD=$(abspath $(BUILD)) IDLE_SECONDS=60 node --test tests/integration/idle.test.mjs)

.PHONY: conformance
conformance:
	@tests/deps.sh clients
	@$(MAKE) --no-print-directory all $(BUILD)/test/irisd-fixtures
	@IRIS_BUILD=$(abspath $(BUILD)) tests/run.sh conformance

.PHONY: lint bench
lint:
	@tests/run.sh lint
bench: all $(BUILD)/test/bench-client $(BUILD)/test/bench-http $(BUILD)/test/bench-floor
	@IRIS_BUILD=$(abspath $(BUILD)) node tests/bench/bench.mjs $(BENCH)

# Seconds of steady load; its figures are in $(BUILD)/soak.json as well.
T ?= 3600
.PHONY: soak
soak: all
	@IRIS_BUILD=$(abspath $(BUILD)) T=$(T) node tests/bench/soak.mjs --json $(BUILD)/soak.json

# --- fuzzing: clang only; each target is a program that takes a corpus directory ---------------------------------
FUZZ_SRC = $(wildcard tests/fuzz/fuzz_*.c)
FUZZ     = $(patsubst tests/fuzz/%.c,build/fuzz/%,$(FUZZ_SRC))

.PHONY: fuzz
fuzz: $(FUZZ)
build/fuzz/fuzz_template: $(wildcard irisd/mcp/template*.c)
build/fuzz/fuzz_manifest: irisd/mcp/agent_manifest.c
build/fuzz/fuzz_ws: irisd/web/ws.c
build/fuzz/fuzz_shell: $(wildcard irisd/core/shell*.c)
build/fuzz/fuzz_rule: $(wildcard irisd/core/shell*.c irisd/core/rule*.c)
build/fuzz/fuzz_guard: $(wildcard irisd/core/shell*.c irisd/core/guard*.c)
build/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(COMMON_SRC)
	@mkdir -p $(@D)
	clang -std=c17 -g -O1 -fsanitize=fuzzer,address,undefined $(CPPFLAGS) -o $@ $^ \
	    $(LIBEVENT) $(LIBCJSON) $(LIBYAML) $(LIBMD)

# --- installing -------------------------------------------------------------------------------------------------
INSTALL  ?= install
MAN1      = $(wildcard man/*.1)
MAN5      = $(wildcard man/*.5)
MAN7      = $(wildcard man/*.7)
MAN8      = $(wildcard man/*.8)
UNITDIR   = $(PREFIX)/lib/systemd/user
BASHDIR   = $(PREFIX)/share/bash-completion/completions
ZSHDIR    = $(PREFIX)/share/zsh/site-functions

# Replace what is there by a new file and a rename: a running irisd keeps the old one.
.PHONY: install uninstall
install: all
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(DATADIR) $(DESTDIR)$(UNITDIR) \
	    $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(foreach n,1 5 7 8,$(DESTDIR)$(MANDIR)/man$(n)) \
	    $(DESTDIR)$(DATADIR)/agents/partials $(DESTDIR)$(DATADIR)/api
	$(INSTALL) -m 755 $(BUILD)/bin/iris $(BUILD)/bin/irisd $(BUILD)/bin/iris-mcp-shim $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 755 $(BUILD)/bin/iris-worker $(BUILD)/bin/iris-ssh $(BUILD)/bin/iris-tls $(DESTDIR)$(LIBEXECDIR)
	$(INSTALL) -m 644 etc/config.yaml $(DESTDIR)$(DATADIR)/config.yaml
	$(INSTALL) -m 644 share/agents/*.md $(DESTDIR)$(DATADIR)/agents
	$(INSTALL) -m 644 share/agents/partials/*.md $(DESTDIR)$(DATADIR)/agents/partials
	$(INSTALL) -m 644 share/api/openapi.json $(DESTDIR)$(DATADIR)/api
	rm -rf $(DESTDIR)$(DATADIR)/dashboard
	$(if $(DASH_PAGE),$(INSTALL) -d $(DESTDIR)$(DATADIR)/dashboard/assets)
	$(if $(DASH_PAGE),$(INSTALL) -m 644 $(DASH_OUT)/assets/* $(DESTDIR)$(DATADIR)/dashboard/assets)
	$(if $(DASH_PAGE),$(INSTALL) -m 644 $(DASH_OUT)/i* $(DESTDIR)$(DATADIR)/dashboard)
	for f in irisd.socket irisd.service; do \
	    sed 's|@BINDIR@|$(BINDIR)|g' etc/systemd/$$f >$(DESTDIR)$(UNITDIR)/$$f || exit 1; done
	sed 's|@BINDIR@|$(BINDIR)|g' etc/launchd/iris.irisd.plist >$(DESTDIR)$(DATADIR)/iris.irisd.plist
	$(INSTALL) -m 644 share/completions/iris.bash $(DESTDIR)$(BASHDIR)/iris
	$(INSTALL) -m 644 share/completions/_iris $(DESTDIR)$(ZSHDIR)/_iris
	$(INSTALL) -m 644 $(MAN1) $(DESTDIR)$(MANDIR)/man1
	$(INSTALL) -m 644 $(MAN5) $(DESTDIR)$(MANDIR)/man5
	$(INSTALL) -m 644 $(MAN7) $(DESTDIR)$(MANDIR)/man7
	$(INSTALL) -m 644 $(MAN8) $(DESTDIR)$(MANDIR)/man8

uninstall:
	rm -f $(foreach p,iris irisd iris-mcp-shim,$(DESTDIR)$(BINDIR)/$(p)) \
	    $(foreach f,irisd.socket irisd.service,$(DESTDIR)$(UNITDIR)/$(f)) \
	    $(DESTDIR)$(BASHDIR)/iris $(DESTDIR)$(ZSHDIR)/_iris \
	    $(foreach n,1 5 7 8,$(foreach m,$(MAN$(n)),$(DESTDIR)$(MANDIR)/man$(n)/$(notdir $(m))))
	rm -rf $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(DATADIR)

.PHONY: clean
clean:
	rm -rf build
