# rusts: a time-series table access method for PostgreSQL 15 to 18
#
#	make demo		install what is missing, build, and show it at work
#	make test		the same set-up, then every test
#	make help		everything else
#
# The sources build with PGXS.  Tests and the demo never touch the system's
# own PostgreSQL: they run servers from a private tree, see
# test/tools/common.sh.

PG_CONFIG = /usr/lib/postgresql/15/bin/pg_config
export PG_CONFIG

TOOLS = test/tools
RUN = bash test/run_tests.sh

# Where bash and make start from nothing: only `make deps` can work.
ifeq ($(wildcard $(PG_CONFIG)),)

all install tree lint unit regress isolation tap fuzz bench indent:
	@echo '$(PG_CONFIG) does not exist: run "make deps",' \
		'or name another with "make PG_CONFIG=..."' >&2; exit 1

demo test: deps
	@$(MAKE) --no-print-directory $@

.PHONY: all install tree lint unit regress isolation tap fuzz bench indent \
	demo test

else

EXTENSION = rusts
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" rusts.control)
MODULE_big = rusts
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c) $(wildcard src/*/*.c)))
DATA = $(sort $(wildcard sql/upgrade/*.sql))
DATA_built = rusts--$(EXTVERSION).sql
SQL_PARTS = $(sort $(wildcard sql/install/*.sql))

# PostgreSQL's own headers need the exceptions to -Wextra.
PG_CPPFLAGS = -Isrc -MMD -MP
PG_CFLAGS = -std=gnu99 -fno-semantic-interposition -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
SHLIB_LINK = -llz4 -lzstd -Wl,--version-script=build/exports

# Bitcode for JIT would need the very clang that built the server; a packager
# who has it says with_llvm=yes.
ifneq ($(origin with_llvm),command line)
override with_llvm = no
endif

EXTRA_CLEAN = build tmp_install results regression.diffs regression.out \
	$(OBJS:.o=.d)

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# The layers that need no server are loops over arrays.
$(filter src/base/% src/codec/% src/proto/% src/vector/%,$(OBJS)): \
	override CFLAGS += -O3

# Built for another server or with other flags: everything is stale.
BUILT_FOR := $(subst ',,$(shell $(PG_CONFIG) --version) $(PG_CONFIG) $(CFLAGS) $(CPPFLAGS))
build/built-for: FORCE
	@mkdir -p build
	@echo '$(BUILT_FOR)' | cmp -s - $@ || echo '$(BUILT_FOR)' > $@
$(OBJS): build/built-for

-include $(OBJS:.o=.d)

# Export what the server looks up, nothing else: _PG_init, the magic block and
# the functions declared with PG_FUNCTION_INFO_V1.
build/exports: $(OBJS)
	@{ echo "{ global: _PG_init; Pg_magic_func; pg_finfo_*;"; \
	  nm $(OBJS) | sed -n 's/.* pg_finfo_\(.*\)/\1;/p'; \
	  echo "local: *; };"; } > $@
rusts$(DLSUFFIX): build/exports

# The install script is the sorted concatenation of its parts.
rusts--$(EXTVERSION).sql: rusts.control $(SQL_PARTS) sql/install
	@{ echo '\echo Use "CREATE EXTENSION rusts" to load this file. \quit'; \
	  cat /dev/null $(SQL_PARTS); } > $@.tmp
	@mv $@.tmp $@

# A private copy of the server with rusts in it; prints where.
tree: all
	@bash $(TOOLS)/private_tree.sh

.PHONY: tree
.PHONY: FORCE

endif

deps:
	@bash $(TOOLS)/install_deps.sh

.PHONY: deps
