# Each goal is one call of a program in tools/, which works without make, too:
# "make diff-step 14" is "python -m tools.steps diff 14".

# The first of these that is Python 3.11 or newer; make PYTHON=... takes another.
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11 python
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON := $(shell for p in $(PYTHONS); do \
	$$p -c "$(NEW_ENOUGH)" 2>/dev/null && echo $$p && break; done)
ifeq ($(PYTHON),)
$(error This project needs Python 3.11 or newer; get it from https://www.python.org/downloads)
endif

STEPS := $(PYTHON) -m tools.steps
GOALS := help run run-step test test-step test-gpu diff-step show-step start-step test-mine hint-step diff-mine watch-step progress propagate framework faults bench site site-serve check-site check-site-all check check-all
.PHONY: $(GOALS)
.DEFAULT_GOAL := help

# make takes the number in "make test-step 14" for a goal: let it be one that does nothing.
FIRST := $(firstword $(MAKECMDGOALS))
REST := $(wordlist 2,99,$(MAKECMDGOALS))
ifneq ($(filter run test %-step %-mine propagate framework faults,$(FIRST)),)
NUMBERS := $(filter-out $(GOALS),$(REST))
N := $(if $(filter run test framework faults,$(FIRST)),$(NUMBERS),$(REST))
$(foreach word,$(NUMBERS),$(eval $(word):;@:))
endif

help:
	@$(STEPS) help

run:
	@$(STEPS) run $(if $(N),"$(N)") $(ARGS)

run-step:
	@$(STEPS) run "$(N)" $(ARGS)

test:
	@$(STEPS) test $(if $(N),"$(N)") $(ARGS)

test-step:
	@$(STEPS) test "$(N)" $(ARGS)

test-gpu:
	@$(STEPS) test-gpu $(ARGS)

diff-step:
	@$(STEPS) diff "$(N)"

show-step:
	@$(STEPS) show "$(N)" $(if $(ANSWERS),--answers)

start-step:
	@$(STEPS) start "$(N)" $(if $(AGAIN),--again)

test-mine:
	@$(STEPS) test-mine "$(N)"

hint-step:
	@$(STEPS) hint "$(N)"

diff-mine:
	@$(STEPS) diff-mine "$(N)" $(if $(NOW),--now)

watch-step:
	@$(STEPS) watch "$(N)"

progress:
	@$(STEPS) progress

propagate:
	@$(STEPS) propagate $(if $(CONTINUE),--continue,"$(N)")

framework:
	@$(STEPS) framework $(if $(MINE),--mine) $(if $(N),"$(N)") $(ARGS)

faults:
	@$(STEPS) faults $(N)

bench:
	@$(STEPS) bench $(ARGS)

site:
	@$(STEPS) site

site-serve:
	@$(STEPS) site-serve

check-site:
	@$(STEPS) check-site

check-site-all:
	@$(STEPS) check-site-all

check:
	@$(STEPS) check

check-all:
	@$(STEPS) check --all
