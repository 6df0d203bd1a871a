# rusts: a time-series table access method for PostgreSQL 15 to 18.
#
# `make demo` and `make test` install what is missing and do the rest; `make
# help` names everything else.
#
# The sources build with PGXS.  Tests and the demo never touch the system's
# own PostgreSQL: they run servers from a private tree, see
# test/tools/common.sh.

PG_CONFIG ?= /usr/lib/postgresql/15/bin/pg_config
export PG_CONFIG

all:

TOOLS = test/tools
RUN = bash test/run_tests.sh

help:
	@sed -n 's/^#: *//p' Makefile

#:	make			build rusts.so
#:	make install		install it into the server that PG_CONFIG names
#:	make demo		set up, build and show it at work in a private server
#:	make demo-stop		end what make demo started
#:	make test		set up, then lint and every test
#:	make deps		only the set-up: install missing Debian packages
#:	make tree		a private copy of the server with rusts in it
#:	make lint unit regress isolation tap
#:				one kind of test; TESTS="..." picks some of them
#:	make fuzz		the fuzzers, FUZZ_SECONDS=60 each; FUZZERS="..."
#:	make soak		measurements against heap tables, SOAK_SECONDS=3600,
#:				then the chaos test: all at once, killed again and again
#:	make chaos		the chaos test alone
#:	make smith		sqlsmith's statements, SMITH_SECONDS=300
#:	make bench		the benchmarks; PARTS="..." picks some, see
#:				doc/benchmarks.md
#:	make bench-cluster	three nodes beside one server
#:	make indent		lay out the C code; FILES="..." picks some files
#:	make PG_CONFIG=...	for another server than Debian's PostgreSQL 15

demo:
	+@bash bench/demo.sh start

demo-stop:
	@bash bench/demo.sh stop

test:
	+@$(RUN) deps build lint unit regress isolation tap

deps:
	@bash $(TOOLS)/install_deps.sh

lint: ; +@$(RUN) lint
unit: ; +@$(RUN) unit
regress: ; +@$(RUN) build regress
isolation: ; +@$(RUN) build isolation
tap: ; +@$(RUN) build tap

fuzz:
	@bash $(TOOLS)/install_deps.sh fuzz
	@bash $(TOOLS)/fuzz.sh $(FUZZERS)

soak:
	+@bash $(TOOLS)/soak.sh
	+@bash $(TOOLS)/chaos.sh

chaos:
	+@bash $(TOOLS)/chaos.sh

smith:
	+@bash $(TOOLS)/sqlsmith.sh

bench-cluster:
	+@bash bench/cluster.sh $(PARTS)

bench:
	+@bash bench/run.sh $(PARTS)

indent:
	@bash $(TOOLS)/indent.sh $(FILES)

.PHONY: help demo demo-stop test deps lint unit regress isolation tap fuzz \
	soak chaos smith bench bench-cluster indent

# The rest needs PostgreSQL's own makefiles.
ifeq ($(wildcard $(PG_CONFIG)),)

all install tree unit-programs bench-programs:
	@echo '$(PG_CONFIG) does not exist: run "make deps",' \
		'or name another with "make PG_CONFIG=..."' >&2; exit 1

.PHONY: all install tree unit-programs bench-programs

else

EXTENSION = rusts
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" rusts.control)
MODULE_big = rusts
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c) $(wildcard src/*/*.c))) \
	$(patsubst %.cpp,%.o,$(sort $(wildcard src/*/*.cpp)))
UPGRADES = $(patsubst sql/upgrade/%,rusts--%,$(wildcard sql/upgrade/*.sql))
DATA_built = rusts--$(EXTVERSION).sql $(UPGRADES)
SQL_PARTS = $(sort $(wildcard sql/install/*.sql))

# PostgreSQL's own headers need the exceptions to -Wextra.
PG_CPPFLAGS = -Isrc -I$(libpq_srcdir) -MMD -MP
PG_CFLAGS = -std=gnu99 -fno-semantic-interposition -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
PG_CXXFLAGS = -std=gnu++17 -fvisibility=hidden -Wall -Wextra -Werror
SHLIB_LINK = $(libpq) -llz4 -lzstd -lstdc++ -Wl,--version-script=build/exports

# Bitcode for JIT would need the very clang that built the server; a packager
# who has it says with_llvm=yes.
ifneq ($(origin with_llvm),command line)
override with_llvm = no
endif

EXTRA_CLEAN = build tmp_install results regression.diffs regression.out \
	$(OBJS:.o=.d)

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
override BITCODE_CXXFLAGS += $(PG_CXXFLAGS)

# The layers that need no server are loops over arrays.
$(filter src/base/% src/codec/% src/proto/% src/vector/%,$(OBJS)): \
	override CFLAGS += -O3

# Built for another server or with other flags: everything is stale.
BUILT_FOR := $(subst ',,$(shell $(PG_CONFIG) --version) $(PG_CONFIG) $(CFLAGS) $(CXXFLAGS) $(CPPFLAGS))
build/built-for: FORCE
	@mkdir -p build
	@echo '$(BUILT_FOR)' | cmp -s - $@ || echo '$(BUILT_FOR)' > $@
$(OBJS): build/built-for

-include $(OBJS:.o=.d)

# Export what the server looks up, nothing else: _PG_init, the magic block, the
# workers' main functions and those declared with PG_FUNCTION_INFO_V1.
build/exports: $(OBJS) Makefile
	@{ echo "{ global: _PG_init; Pg_magic_func; pg_finfo_*; rusts_*_main;"; \
	  nm $(OBJS) | sed -n 's/.* pg_finfo_\(.*\)/\1;/p'; \
	  echo "local: *; };"; } > $@
rusts$(DLSUFFIX): build/exports

# The install script is the sorted concatenation of its parts.
rusts--$(EXTVERSION).sql: Makefile rusts.control $(SQL_PARTS) sql/install
	@{ printf '%s\n' '\echo Use "CREATE EXTENSION rusts" to load it. \quit'; \
	  cat /dev/null $(SQL_PARTS); } > $@.tmp
	@mv $@.tmp $@

# An upgrade to this version does what its install script says beyond that of
# the version before.
rusts--%--$(EXTVERSION).sql: sql/upgrade/%--$(EXTVERSION).sql \
		sql/versions/%.sql $(SQL_PARTS) sql/install \
		$(TOOLS)/upgrade_script.pl
	@perl $(TOOLS)/upgrade_script.pl sql/versions/$*.sql $< $(SQL_PARTS) \
		> $@.tmp
	@mv $@.tmp $@

# Test modules: SQL functions for the TAP tests around sources of ours that
# have none.  They hold copies of those and need nothing of rusts.so.
TEST_MODULES = $(patsubst test/modules/%.c,build/modules/%$(DLSUFFIX),$(wildcard test/modules/*.c))
CLUSTER_LINK_OBJS = src/cluster/connection.o src/cluster/connection_wait.o \
	src/cluster/link.o src/cluster/twophase.o src/cluster/twophase_resolve.o src/meta/catalog.o

build/modules/rusts_test_%$(DLSUFFIX): test/modules/rusts_test_%.c \
		$(CLUSTER_LINK_OBJS) build/built-for
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CFLAGS_SL) $(CPPFLAGS) -shared -o $@ $< \
		$(CLUSTER_LINK_OBJS) $(libpq)
-include $(TEST_MODULES:$(DLSUFFIX)=.d)

# A private copy of the server with rusts in it; prints where.
tree: all $(TEST_MODULES)
	@bash $(TOOLS)/private_tree.sh

# Unit tests: each file of test/unit is a program, linked with the layers that
# need no server, all under sanitizers.
PURE = $(wildcard $(addsuffix /*.c,src/base src/codec src/proto src/vector))
PURE_OBJS = $(PURE:%.c=build/unit/%.o)
UNIT_PROGRAMS = $(patsubst test/unit/%.c,build/unit/%,$(wildcard test/unit/*.c))
UNIT_CFLAGS = -std=gnu99 -O1 -g -fno-omit-frame-pointer -fno-strict-aliasing \
	-fwrapv -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-DFRONTEND -Isrc -I$(includedir_server) -I$(includedir_internal) \
	-D_GNU_SOURCE -MMD -MP -Wall -Wextra -Werror -Wdeclaration-after-statement \
	-Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
UNIT_LIBS = -L$(pkglibdir) -L$(libdir) -lpgcommon -lpgport -llz4 -lzstd -lm

unit-programs: $(UNIT_PROGRAMS)

build/unit/%.o: %.c build/built-for
	@mkdir -p $(@D)
	gcc $(UNIT_CFLAGS) -c -o $@ $<

build/unit/%: test/unit/%.c $(PURE_OBJS)
	@mkdir -p $(@D)
	gcc $(UNIT_CFLAGS) -o $@ $< $(PURE_OBJS) $(UNIT_LIBS)

.SECONDARY: $(PURE_OBJS)
-include $(PURE_OBJS:.o=.d) $(UNIT_PROGRAMS:=.d)

# The benchmarks' programs: as optimized as the server's own copy.
BENCH_PROGRAMS = $(patsubst bench/%.c,build/bench/%,$(wildcard bench/*.c))
bench-programs: $(BENCH_PROGRAMS)
build/bench/%: bench/%.c $(PURE) build/built-for
	@mkdir -p $(@D)
	gcc -std=gnu99 -O3 -g -fno-strict-aliasing -fwrapv -DFRONTEND -D_GNU_SOURCE \
		-Isrc -I$(includedir_server) -I$(includedir_internal) -I$(includedir) \
		-Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
		-Wno-missing-field-initializers -MMD -MP -o $@ $< $(PURE) \
		-Wl,--as-needed -L$(libdir) -lpq $(UNIT_LIBS)
-include $(BENCH_PROGRAMS:=.d)

# The tree may be outside of build, and the demo's server in it.
clean: clean-tree
clean-tree:
	@bash $(TOOLS)/clean_tree.sh

.PHONY: tree unit-programs bench-programs clean-tree FORCE

endif
