/* t/unit/support/unit.h -- the main of a unit test */
#pragma once
#include <check.h>
#include <stdbool.h>

/* Everything takes ten times as long there: tests of much of the same may
 * take less of it. */
#if defined(__SANITIZE_ADDRESS__)
#define HAS_SANITIZERS true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SANITIZERS true
#endif
#endif
#ifndef HAS_SANITIZERS
#define HAS_SANITIZERS false
#endif

/* Runs the suite as CK_* in the environment say; the exit status. Frees it. */
int unit_main(Suite *suite);
/*
 * The same for many small tests that leave nothing behind: under sanitizers
 * they share one process. Each process of its own ends with a search for leaks
 * that takes a tenth of a second, which rows by the thousand make minutes.
 */
int unit_main_rows(Suite *suite);
