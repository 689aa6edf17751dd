# SPDX-License-Identifier: Apache-2.0
SIM_FUZZ = tests/fuzz/sim/fuzz_sim_form tests/fuzz/sim/fuzz_sim_guestconf tests/fuzz/sim/fuzz_sim_state \
	tests/fuzz/sim/fuzz_sim_capture
check_PROGRAMS += $(SIM_FUZZ)
TESTS += $(SIM_FUZZ)
tests_fuzz_sim_fuzz_sim_form_SOURCES = tests/fuzz/sim/fuzz_sim_form.c $(FUZZ_DRIVER)
tests_fuzz_sim_fuzz_sim_form_LDADD = libsim.a libnet.a libcore.a $(CLIENT_LIBS)
tests_fuzz_sim_fuzz_sim_form_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_sim_fuzz_sim_guestconf_SOURCES = tests/fuzz/sim/fuzz_sim_guestconf.c $(FUZZ_DRIVER)
tests_fuzz_sim_fuzz_sim_guestconf_LDADD = libsim.a libnet.a libcore.a $(CLIENT_LIBS)
tests_fuzz_sim_fuzz_sim_guestconf_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_sim_fuzz_sim_state_SOURCES = tests/fuzz/sim/fuzz_sim_state.c $(FUZZ_DRIVER)
tests_fuzz_sim_fuzz_sim_state_LDADD = libsim.a libnet.a libcore.a $(CLIENT_LIBS)
tests_fuzz_sim_fuzz_sim_state_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_sim_fuzz_sim_capture_SOURCES = tests/fuzz/sim/fuzz_sim_capture.c $(FUZZ_DRIVER)
tests_fuzz_sim_fuzz_sim_capture_LDADD = libsim.a libnet.a libcore.a $(CLIENT_LIBS)
tests_fuzz_sim_fuzz_sim_capture_LDFLAGS = $(FUZZ_LINK)
