/* t/unit/support/unit.h -- the main of a unit test */
#pragma once
#include <check.h>

/* Runs the suite as CK_* in the environment say; the exit status. Frees it. */
int unit_main(Suite *suite);
