/* t/unit/support/unit.c -- the main of a unit test */
#include "support/unit.h"

#include <stdlib.h>

static int
run(Suite *suite, bool is_one_process)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	if (is_one_process)
		srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
unit_main(Suite *suite)
{
	return run(suite, false);
}

int
unit_main_rows(Suite *suite)
{
	return run(suite, HAS_SANITIZERS);
}
