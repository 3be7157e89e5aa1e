/* src/cli/signal.h -- fairlead --signal NAME */
#pragma once

struct options;

/*
 * Tells the running master by a signal, and waits until it has done what it
 * was told: its verdict on a reload or an upgrade (60 s at most), which is
 * printed with its diagnostics; new logs for reopen; its end for quit and
 * stop. The master is the one of RUN_DIR/status, or of the pid file.
 * The exit status: 1 if there is none, if it refuses, or if it takes too long.
 * Before a reload or an upgrade the configuration has to be found good.
 */
int send_signal(const struct options *options);
