# Builds sqlflow: the program, its Python module, unit tests, fuzzers, packages.
# Sources are found by name: a new file below src/ or tests/unit/ needs no edit here.
# VARIANT=release|asan|tsan|cov|fuzz picks the flags and the folder build/VARIANT.
# `tools/bootstrap` brings the compiler, libraries and third_party/ that this needs.
# `make help` lists the targets; V=1 shows the commands.

VARIANT     ?= release
PREFIX      ?= /usr/local
DUCKDB_DIR  ?= third_party/duckdb
PKG_CONFIG  ?= pkg-config
VENV        ?= third_party/venv
FUZZ_SECONDS ?= 60
PYTEST_ARGS ?=

VERSION        := $(or $(shell cat VERSION 2>/dev/null),0.0.0)
DUCKDB_VERSION := $(shell sed -n 's/.* duckdb==\([0-9.]*\) .*/\1/p' tools/third_party.lock)

B   := build/$(VARIANT)
GEN := build/gen
BIN := $(B)/sqlflow
MODULE := $(B)/sqlflow-python.so
ARCHIVE := $(B)/sqlflow.a

# -- flags ---------------------------------------------------------------------------------
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
        -Wformat=2 -Wswitch-enum -Werror
SANITIZE_asan := -fsanitize=address,undefined -fno-sanitize-recover=undefined
SANITIZE_fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
MODE_release := -O2 -g
MODE_asan    := -O1 -g -fno-omit-frame-pointer $(SANITIZE_asan)
MODE_tsan    := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
MODE_cov     := -O0 -g --coverage
MODE_fuzz    := -O1 -g -fno-omit-frame-pointer $(SANITIZE_fuzz)
MODE := $(or $(MODE_$(VARIANT)),$(error unknown VARIANT '$(VARIANT)'))

# Unless CC= says otherwise: gcc for the release, clang for ASan, so that both see all code.
ifneq ($(filter default undefined,$(origin CC)),)
CC := $(if $(filter asan fuzz,$(VARIANT)),clang,gcc)
endif

# Foreign headers are included as system headers: their warnings are not ours.
system_includes = $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(1)))
CPPFLAGS_ALL := -D_GNU_SOURCE -Isrc -I$(GEN) -isystem $(DUCKDB_DIR)/include \
    $(call system_includes,yaml-0.1) $(call system_includes,libpq) \
    -DSQLFLOW_VERSION='"$(VERSION)"' -DSQLFLOW_DUCKDB_VERSION='"$(DUCKDB_VERSION)"' $(CPPFLAGS)
CFLAGS_ALL   := -std=c17 $(MODE) $(WARN) $(CFLAGS)
COMPILE       = $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP
# libduckdb and libpq are not linked: the program opens them when a command needs them.
# Its own symbols are exported for the Python module, which calls back into it.
LINK          = $(CC) $(CFLAGS_ALL) $(LDFLAGS) -Wl,--export-dynamic
# Each library that the program itself needs is searched first for every symbol that libduckdb is
# bound to: libyaml is linked statically, libm only where it is used.
LIBS         := -Wl,-Bstatic $(shell $(PKG_CONFIG) --libs yaml-0.1) -Wl,-Bdynamic -Wl,--as-needed \
    -ldl -lpthread -lm
PYTHON_CPPFLAGS := $(call system_includes,python3-embed)
# libduckdb comes in by dlopen and brings libstdc++; the sanitizers must meet its exceptions before.
ifneq ($(filter asan tsan fuzz,$(VARIANT)),)
LIBS         += -Wl,--no-as-needed -lstdc++
endif
PYTHON_LIBS     := $(shell $(PKG_CONFIG) --libs python3-embed)

# -- sources -------------------------------------------------------------------------------
find = $(sort $(shell find $(1) -type f $(2) 2>/dev/null))
MODULE_SRC := $(call find,src/udf/python,-name '*.c')
SRC        := $(filter-out $(MODULE_SRC),$(call find,src,-name '*.c'))
TEST_SRC   := $(call find,tests/unit,-name 'test_*.c')
HELPER_SRC := $(filter-out $(TEST_SRC),$(call find,tests/unit,-name '*.c'))
FUZZ_SRC   := $(call find,tests/fuzz,-name 'fuzz_*.c')
EMBEDDED   := $(call find,src,-name '*.sql') $(call find,src/cli/templates) \
              $(call find,src/udf/python/pkg,-not -name '*.pyc')
API_USERS  := $(call find,src tests/unit tests/fuzz,-name '*.[ch]')

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
MAIN_OBJ   := $(call obj,$(filter src/main.c,$(SRC)))
OBJ        := $(call obj,$(filter-out src/main.c,$(SRC))) $(B)/obj/embed_data.o
MODULE_OBJ := $(call obj,$(MODULE_SRC))
HELPER_OBJ := $(call obj,$(HELPER_SRC))
ifneq ($(filter asan tsan fuzz,$(VARIANT)),)
OPTIONS_OBJ := $(B)/obj/tools/sanitizer_options.o
endif
TESTS      := $(patsubst %.c,$(B)/%,$(TEST_SRC))
FUZZERS    := $(patsubst %.c,$(B)/%,$(FUZZ_SRC))
API        := $(addprefix $(GEN)/,duck_api.h duck_api_names.inc pq_api.h pq_api_names.inc)

# -- make's own settings -------------------------------------------------------------------
MAKEFLAGS += --no-builtin-rules --no-builtin-variables
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
ifndef V
Q := @
say = @printf '  %-7s %s\n'
else
say = @:
endif
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: all help unit replay layers style pytest nightly static check asan tsan cov fuzz bench valgrind \
        tidy tests install dist clean distclean format FORCE

all: $(OBJ) $(if $(MAIN_OBJ),$(BIN)) $(if $(MODULE_SRC),$(MODULE)) ## the program and its Python module, in build/VARIANT

help:
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1 \2/p' Makefile | \
	    while read -r target text; do printf '  %-10s %s\n' "$$target" "$$text"; done

# -- generated sources ---------------------------------------------------------------------
# A list or flag file changes only when its content does, so that what depends on it is
# rebuilt for a removed source, another compiler or another flag, and for nothing else.
update_if_changed = mkdir -p $(@D); printf '%s\n' $(1) >$@.$$$$; \
    if cmp -s $@.$$$$ $@; then rm $@.$$$$; else mv $@.$$$$ $@; fi

$(B)/objects.list: FORCE
	@$(call update_if_changed,$(OBJ) $(MODULE_OBJ) $(HELPER_OBJ) '$(LDFLAGS) $(LIBS)')
$(B)/compile.flags: FORCE
	@$(call update_if_changed,'$(subst ','\'',$(COMPILE))')
$(GEN)/embedded.list: FORCE
	@$(call update_if_changed,$(EMBEDDED))

$(GEN)/api.stamp: $(API_USERS) tools/gen-api $(DUCKDB_DIR)/include/duckdb.h
	$(say) GEN $(GEN)/{duck,pq}_api.h
	$(Q)mkdir -p $(GEN)
	$(Q)tools/gen-api duck $(DUCKDB_DIR)/include/duckdb.h $(GEN) $(API_USERS)
	$(Q)tools/gen-api pq "$$($(PKG_CONFIG) --variable=includedir libpq)/libpq-fe.h" \
	    $(GEN) $(API_USERS)
	$(Q)touch $@
# gen-api rewrites these only when their content changes; the stamp says when it last ran.
$(API): $(GEN)/api.stamp ; @:

$(GEN)/embed_data.c: tools/embed $(GEN)/embedded.list $(EMBEDDED)
	$(say) EMBED '$(words $(EMBEDDED)) files'
	$(Q)tools/embed $@ $(EMBEDDED)

$(DUCKDB_DIR)/include/duckdb.h:
	@echo "$@ is missing: run tools/bootstrap --build, or set DUCKDB_DIR=" >&2; exit 1

# -- compiling and linking -----------------------------------------------------------------
# What only some sources need: the Python module is a shared object and the one to see Python.h.
extra_flags = $(if $(filter src/udf/python/%,$(1)),-fPIC $(PYTHON_CPPFLAGS)) \
    $(if $(filter tests/%,$(1)),-Itests/unit -Itests/fuzz)

$(B)/obj/%.o: %.c $(B)/compile.flags | $(API)
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) $(call extra_flags,$<) -c -o $@ $<

$(B)/obj/embed_data.o: $(GEN)/embed_data.c $(EMBEDDED) $(B)/compile.flags
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) -c -o $@ $<

$(BIN): $(MAIN_OBJ) $(OBJ) $(OPTIONS_OBJ) $(B)/objects.list
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(LIBS)

$(MODULE): $(MODULE_OBJ) $(B)/objects.list
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -shared -o $@ $(MODULE_OBJ) $(PYTHON_LIBS)

# Test programs take the whole program but main: the Python module may call any of it. Fuzzers
# take what they use.
$(ARCHIVE): $(OBJ) $(B)/objects.list
	$(Q)rm -f $@
	$(Q)ar rcsT $@ $(filter %.o,$^)

$(TESTS): $(B)/%: $(B)/obj/%.o $(HELPER_OBJ) $(OPTIONS_OBJ) $(ARCHIVE)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $(filter %.o,$^) -Wl,--whole-archive $(ARCHIVE) -Wl,--no-whole-archive \
	    $(LIBS) -lcmocka

# In the fuzz variant libFuzzer drives a fuzzer, in all others a loop over the corpus does.
ifeq ($(VARIANT),fuzz)
FUZZ_LINK := -fsanitize=fuzzer
else
FUZZ_DRIVER := $(B)/obj/tools/fuzz_replay.o
endif
$(FUZZERS): $(B)/%: $(B)/obj/%.o $(FUZZ_DRIVER) $(OPTIONS_OBJ) $(ARCHIVE)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK) $(FUZZ_LINK) -o $@ $(filter %.o %.a,$^) $(LIBS)

-include $(patsubst %.o,%.d,$(MAIN_OBJ) $(OBJ) $(MODULE_OBJ) $(HELPER_OBJ) \
    $(call obj,$(TEST_SRC) $(FUZZ_SRC)) $(FUZZ_DRIVER) $(OPTIONS_OBJ))

# -- tests ---------------------------------------------------------------------------------
# Libraries laid out as when installed, for test programs in whatever folder.
$(B)/lib:
	$(Q)mkdir -p $@
	$(Q)ln -sfn $(abspath $(DUCKDB_DIR))/lib/libduckdb.so $(abspath $(DUCKDB_DIR))/extensions \
	    $(abspath $(MODULE)) $@

# Every suite leaves "PASSED FAILED SKIPPED" in $(B)/results/NAME for test.sh to add up.
TEST_ENV := SQLFLOW_BIN=$(abspath $(BIN)) SQLFLOW_BUILD=$(abspath $(B)) \
    SQLFLOW_LIB_DIR=$(abspath $(B)/lib) VIRTUAL_ENV=$(abspath $(VENV))

tests: all $(TESTS) $(FUZZERS) $(B)/lib       ## build the program and all test programs, run none
unit: $(TESTS) $(B)/lib $(if $(MODULE_SRC),$(MODULE)) ## run the unit tests
	@$(TEST_ENV) tools/run-programs $(B) unit $(filter-out $(UNIT_SKIP),$(TESTS))
replay: $(FUZZERS) $(B)/lib             ## feed every fuzzer its corpus once
	@$(TEST_ENV) tools/run-programs $(B) replay $(FUZZERS)
layers:                               ## check which room includes which
	@tools/check-layers $(call find,src,-name '*.[ch]')
	@echo "layers: ok"
style:                                ## check sizes, banned calls, opening comments
	@tools/check-style $(call find,src tests tools,-name '*.[ch]')
	@echo "style: ok"
pytest: all $(B)/lib                     ## run the golden, integration and fault tests
	@$(TEST_ENV) tools/run-pytest $(B) $(VENV) $(PYTEST_ARGS)

nightly: all $(B)/lib                    ## 10,000 kills (or FAULTS=) where pytest has 1,000
	@$(TEST_ENV) FAULTS=$(or $(FAULTS),10000) \
	    tools/run-pytest $(B) $(VENV) tests/faults/test_kill.py

check: unit replay layers style pytest ## run every test against this variant
asan:                                 ## the same against the ASan + UBSan build
	@+$(MAKE) --no-print-directory VARIANT=asan unit replay pytest
# ThreadSanitizer holds signals back until a function of the C library is called: a loop in Python
# that is to be interrupted never ends.
tsan:                                 ## unit tests under ThreadSanitizer, but for interrupts
	@+$(MAKE) --no-print-directory VARIANT=tsan unit UNIT_SKIP=%/test_interrupt
valgrind: $(TESTS) $(B)/lib                 ## unit tests under valgrind
	@$(TEST_ENV) tools/run-programs --valgrind $(B) valgrind $(TESTS)
cov:                                  ## line coverage of all tests, in build/cov/index.html
	@find build/cov -name '*.gcda' -delete 2>/dev/null || true
	@+$(MAKE) --no-print-directory VARIANT=cov unit replay pytest
	@gcovr --root . --filter src/ --object-directory build/cov --print-summary \
	    --txt build/cov/coverage.txt --html-details build/cov/index.html
fuzz:                                 ## fuzz each fuzzer for FUZZ_SECONDS
	@+$(MAKE) --no-print-directory VARIANT=fuzz fuzzers
.PHONY: fuzzers
fuzzers: $(FUZZERS)
	@$(TEST_ENV) tools/run-fuzzers $(B) $(FUZZ_SECONDS) $(FUZZERS)
bench: all                            ## run the benchmarks
	SQLFLOW=$(abspath $(BIN)) bench/run
tidy: $(API)                          ## clang-tidy over src/
	@printf '%s\n' $(SRC) | xargs -P "$$(nproc)" -I{} \
	    clang-tidy --quiet {} -- $(CPPFLAGS_ALL) -std=c17
format:                               ## clang-format over src/ and tests/
	clang-format -i $(call find,src tests,-name '*.[ch]')

# -- packages ------------------------------------------------------------------------------
DEST = $(DESTDIR)$(PREFIX)
EXTENSIONS := $(foreach name,httpfs aws,$(DUCKDB_DIR)/extensions/$(name).duckdb_extension)
COMPLETIONS = $(addprefix $(DEST)/share/,bash-completion/completions/sqlflow \
    zsh/site-functions/_sqlflow fish/vendor_completions.d/sqlflow.fish)
install: all                          ## install below PREFIX (DESTDIR is honoured)
	install -d $(DEST)/bin $(DEST)/lib/sqlflow/extensions
	install -m 755 $(BIN) $(DEST)/bin/sqlflow
	install -m 644 $(wildcard $(MODULE)) $(DUCKDB_DIR)/lib/libduckdb.so $(DEST)/lib/sqlflow
	install -m 644 $(EXTENSIONS) $(DEST)/lib/sqlflow/extensions
	install -d $(dir $(COMPLETIONS))
	for file in $(COMPLETIONS); do \
	    shell=$$(echo $$file | sed -E 's,.*/share/([a-z]+).*,\1,'); \
	    $(BIN) completion $$shell >$$file && chmod 644 $$file || exit 1; \
	done

DIST := sqlflow-$(VERSION)-linux-$(shell uname -m)
dist: all                             ## build/dist: an archive of the installed program, one of the sources
	rm -rf build/dist && mkdir -p build/dist
	$(MAKE) --no-print-directory install DESTDIR=build/dist/$(DIST) PREFIX=
	tar -C build/dist --sort=name --owner=0 --group=0 --numeric-owner \
	    -czf build/dist/$(DIST).tar.gz $(DIST)
	git archive --prefix=sqlflow-$(VERSION)/ -o build/dist/sqlflow-$(VERSION).tar.gz HEAD
	cd build/dist && sha256sum *.tar.gz >SHA256SUMS

clean:                                ## remove build/
	rm -rf build
distclean: clean                      ## remove build/ and third_party/
	rm -rf third_party
